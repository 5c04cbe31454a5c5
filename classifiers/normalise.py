"""The one door that every reply passes before it is judged: same meaning, same characters."""

from __future__ import annotations

import re

_TABLE: dict[int, str | None] = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "‘’‚‛ʼʻ′‵´"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″‶«»"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣"), "-"),
    **dict.fromkeys(map(ord, "\u2028\u2029\x85\x0b\x0c\r"), "\n"),
    ord("…"): "...",
    ord("\u3000"): " ",
    **dict.fromkeys((*range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0x85)), None),
    **dict.fromkeys(range(0x86, 0xA0), None),
    **dict.fromkeys((0xAD, 0x034F, 0x061C, 0x180E, 0xFEFF), None),
    **dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)), None),
    **dict.fromkeys((*range(0xFE00, 0xFE10), *range(0xE0000, 0xE0080)), None),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
"""Typographic quotes, dashes and full-width forms to plain ones; what has no width to nothing.

A table and not NFKC: canonical ordering is quadratic on long runs of combining marks.
"""

_NEEDS_TABLE = re.compile(r"[^\t\n -~]")

_ROLE = r"(?:assistant|ai|bot|chatbot|model|gpt|chatgpt)"
_LEADING_TAG = re.compile(
    r"\s*+(?:</?s>|\[/?(?:[BE]_)?(?:S|OUT|INST|ASST)[\]>]|<</?SYS>>|<\|im_start\|>\s*+assistant\b"
    r"|<\|start_header_id\|>\s*+assistant\s*+<\|end_header_id\|>|<start_of_turn>\s*+model\b"
    r"|<\|[\w/ -]{1,40}\|>|(?:\#{1,6}\s*+)?\*{0,2}" + _ROLE + r"\*{0,2}\s?:(?!//)\*{0,2}"
    r"|\#{1,6}\s*+(?:response|answer)\s?:)",
    re.IGNORECASE,
)
_TRAILING_TAG = re.compile(
    r"(?:(?:</?s>|<\|(?:im_end|eot_id|endoftext|end|end_of_text)\|>|<end_of_turn>|\[/OUT\])\s*+)++\Z"
)

_ROUNDS = 4
"""Times that tags and reasoning may follow each other at the opening; each costs a copy."""

_TAIL = 200
"""Characters at the end in which template tags are looked for."""

_THOUGHT = re.compile(
    r"\s*+(?:<(think|thinking|thought|reasoning)>|(\[THINK\])|(◁think▷)"
    r"|(?:<\|start\|>assistant)?(<\|channel\|>analysis<\|message\|>))"
)
_THOUGHT_END = re.compile(r"^[ \t]*+</think>", re.MULTILINE)
_FINAL_CHANNEL = re.compile(
    r"\s*+(?:<\|end\|>)?\s*+(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>"
)


def normalise(text: str) -> str:
    """The answer's text as classifiers read it; linear in time, never raising.

    Quotes, dashes, spaces and full-width forms become plain; zero-width and control characters
    go; opening reasoning blocks, template tags (``<s>``, ``[/INST]``) and role prefixes
    (``Assistant:``) go; runs of blanks become one blank, runs with line breaks one newline.
    """
    if _NEEDS_TABLE.search(text) is not None:
        text = text.translate(_TABLE)
    text = _without_opening(text)
    text = _without_trailing_tags(text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def split_reasoning(text: str) -> tuple[str, str]:
    """(reasoning, answer): blocks such as ``<think>…</think>`` at the opening set apart.

    A block that never closes is all reasoning: the model ran out of room before it answered. A
    ``</think>`` that opens a line with no ``<think>`` before it ends a block that the chat
    template had opened.
    """
    thoughts: list[str] = []
    start = 0
    while (block := _THOUGHT.match(text, start)) is not None:
        begin = block.end()
        closing = _closing(block)
        end = text.find(closing, begin)
        if end < 0:
            thoughts.append(text[begin:])
            return _joined(thoughts), ""
        thoughts.append(text[begin:end])
        start = end + len(closing)
        final = _FINAL_CHANNEL.match(text, end) if block.group(4) else None
        start = start if final is None else final.end()
    if thoughts:
        return _joined(thoughts), text[start:].lstrip()
    orphan = _THOUGHT_END.search(text) if "</think>" in text else None
    if orphan is None or "<think>" in text[: orphan.start()]:
        return "", text
    return _joined([text[: orphan.start()]]), text[orphan.end() :].lstrip()


def _closing(block: re.Match[str]) -> str:
    if block.group(1):
        return f"</{block.group(1)}>"
    if block.group(2):
        return "[/THINK]"
    return "◁/think▷" if block.group(3) else "<|end|>"


def _joined(thoughts: list[str]) -> str:
    return "\n".join(thought.strip() for thought in thoughts if thought.strip())


def _without_opening(text: str) -> str:
    """The text after its tags and reasoning blocks, in whichever order they came."""
    for _ in range(_ROUNDS):
        before = len(text)
        _, text = split_reasoning(text)
        start = 0
        while (tag := _LEADING_TAG.match(text, start)) is not None:
            start = tag.end()
        text = text[start:]
        if len(text) == before:
            break
    return text


def _without_trailing_tags(text: str) -> str:
    tags = _TRAILING_TAG.search(text, max(0, len(text) - _TAIL))
    return text if tags is None else text[: tags.start()]
