"""Reasoning that a model wrote into its reply, set apart from the answer: it is never judged."""

from __future__ import annotations

import re

_NAMES = r"think|thinking|thoughts?|reasoning|scratchpad|inner_monologue|seed:think"

_BLOCK = re.compile(
    rf"(?:<({_NAMES})>|(\[THINK\])|(◁think▷)"
    r"|(?:<\|start\|>assistant)?(<\|channel\|>(?:analysis|commentary)[^<]{0,100}<\|message\|>)"
    r"|(<\|START_THINKING\|>)|(<\|begin_of_thought\|>)|(<\|inner_prefix\|>)|(<unused94>)"
    r"|(Here(?: is|'s|’s) my thought process:)|(analysis(?=[A-Z\"'])))",
    re.IGNORECASE,
)
"""How blocks open: DeepSeek, Qwen and most others (<think>), Seed-OSS, Magistral ([THINK]), Kimi,
gpt-oss (harmony's channels), Cohere, OpenThinker, Apertus, MedGemma, Granite in words, and harmony
once a server has dropped its marks."""

_CLOSINGS = (
    r"\[/THINK\]",
    "◁/think▷",
    r"<\|end\|>",
    r"<\|END_THINKING\|>",
    r"<\|end_of_thought\|>",
    r"<\|inner_suffix\|>",
    "<unused95>",
    r"Here(?: is|'s|’s) my response:",
    "assistantfinal",
)
"""How they close, in the order of the groups above after the first."""
_IN_WORDS = (9, 10)
"""Groups whose opening is made of words: without its closing it is an ordinary text."""
_CHANNEL = 4

_ORPHAN = re.compile(
    r"(?:^[ \t]*+|(?<=[.!?。]))(?:</(?:think|thinking|seed:think)>|\[/THINK\]|◁/think▷"
    r"|<\|END_THINKING\|>)",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSING_MARKS = ("</", "[/", "◁/", "<|")
"""One of these stands in whatever the pattern finds; looking for them costs a tenth of it."""
_OPENED = re.compile(r"<(?:think|thinking|seed:think)>|\[THINK\]|◁think▷", re.IGNORECASE)
_FINAL_CHANNEL = re.compile(
    r"<\|end\|>\s*+(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>"
)
_BLANKS = re.compile(r"\s*+")


def split_reasoning(text: str) -> tuple[str, str]:
    """(reasoning, answer): blocks such as ``<think>…</think>`` at the opening set apart.

    A block that never closes is all reasoning: the model ran out of room before it answered. A
    closing tag that opens a line, or ends a sentence, with no opening one before it ends a block
    that the chat template had opened.
    """
    thoughts: list[str] = []
    start = 0
    while (block := _BLOCK.match(text, after_blanks(text, start))) is not None:
        begin = block.end()
        end = _closing(block).search(text, begin)
        if end is None and block.lastindex in _IN_WORDS:
            break
        if end is None:
            thoughts.append(text[begin:])
            return _joined(thoughts), ""
        thoughts.append(text[begin : end.start()])
        final = _FINAL_CHANNEL.match(text, end.start()) if block.lastindex == _CHANNEL else None
        start = end.end() if final is None else final.end()
    if thoughts:
        return _joined(thoughts), text[start:].lstrip()
    orphan = _ORPHAN.search(text) if any(mark in text for mark in _CLOSING_MARKS) else None
    if orphan is None or _OPENED.search(text, 0, orphan.start()):
        return "", text
    return _joined([text[: orphan.start()]]), text[orphan.end() :].lstrip()


def after_blanks(text: str, start: int) -> int:
    """The place of the first character from ``start`` on that is no blank."""
    blanks = _BLANKS.match(text, start)
    return start if blanks is None else blanks.end()


def _closing(block: re.Match[str]) -> re.Pattern[str]:
    """The pattern of the tag that closes a block; ``re`` keeps the few there are compiled."""
    if block[1] is not None:
        return re.compile(re.escape(f"</{block[1]}>"), re.IGNORECASE)
    return re.compile(_CLOSINGS[(block.lastindex or 0) - 2], re.IGNORECASE)


def _joined(thoughts: list[str]) -> str:
    return "\n".join(thought.strip() for thought in thoughts if thought.strip())
