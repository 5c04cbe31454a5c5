"""The one door that every reply passes before it is judged: same meaning, same characters."""

from __future__ import annotations

import re

import orjson

from classifiers.lookalikes import unmask
from classifiers.reasoning import after_blanks, split_reasoning
from classifiers.typography import plain

__all__ = ["normalise", "split_reasoning"]

_ROLE = (
    r"(?:assistant|assistente?|asistente|ассистент|помощник|助手|助理|アシスタント|어시스턴트|المساعد"
    r"|مساعد|सहायक|ai|bot|chatbot|model|gpt|chatgpt|answer|response|antwort|réponse|respuesta"
    r"|risposta|resposta|ответ|回答|回复|答案|答え|応答|답변|대답|응답|الجواب|الإجابة|إجابة|الرد|उत्तर|जवाब)"
)
_LEADING_TAG = re.compile(
    r"(?:</?s>|<bos>|\[/?(?:[BE]_)?(?:S|OUT|INST|ASST)[\]>]|<</?SYS>>"
    r"|<\|im_start\|>\s*+assistant\b|<\|start_header_id\|>\s*+assistant\s*+<\|end_header_id\|>"
    r"|<start_of_turn>\s*+model\b|(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>"
    r"|<\|[\w/ -]{1,40}\|>|</?(?:answer|response|output|reply|final|final_answer|solution)>"
    r"|(?:\#{1,6}\s*+)?\*{0,2}" + _ROLE + r"\*{0,2}\s?:(?!//)\*{0,2})",
    re.IGNORECASE,
)
_TRAILING_TAG = re.compile(
    r"</?s>|<eos>|<\|[\w/ -]{1,40}\|>|<end_of_turn>|\[/OUT\]"
    r"|</(?:answer|response|output|reply|final|final_answer|solution)>",
    re.IGNORECASE,
)

_ROUNDS = 4
"""Times that tags and reasoning may follow each other at the opening; each costs a copy."""

_TAIL = 200
"""Characters at the end in which template tags are looked for."""

_WRAPPED = 100_000
"""Characters up to which a reply is looked at as a JSON object around one text."""

_ENTITY = re.compile(r"&(?:#0?39|#x27|apos|[lr]squo|#34|quot|[lr]dquo|amp|nbsp|#160);")
_ENTITIES = {"&amp;": "&", "&nbsp;": " ", "&#160;": " "}
_QUOTES = frozenset(("&#34;", "&quot;", "&ldquo;", "&rdquo;"))

_ASTERISKS = re.compile(r"\*++")
_JOINING = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_LONGEST_EMPHASIS = 3
_INSIDE = "\"'([_"
"""What a single asterisk may stand before, besides a word: a shell's ``*`` stands before others."""
_HEADING = re.compile(r"^[ \t]*+#{1,6}[ \t]++", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\[\]\n]{0,300})\]\([^()\s]*+(?:[ \t]\"[^\"\n]{0,200}\")?\)")


def normalise(text: str) -> str:
    """The answer's text as classifiers read it; linear in time, never raising.

    Quotes, dashes, blanks and the marks of other scripts' sentences become ASCII ones; styled,
    look-alike and decomposed letters become plain; zero-width and control characters go; opening
    reasoning blocks, template tags (``<s>``, ``[/INST]``) and role prefixes (``Assistant:``) go,
    and a JSON object around a single text; of markdown the emphasis, heading marks, images and
    links' targets go, while lists, code and quotations keep their marks; runs of blanks become one
    blank, runs with line breaks one newline.
    """
    text = unmask(plain(text))
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    text = _without_opening(text)
    text = _without_markdown(_without_trailing_tags(text))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _character(entity: re.Match[str]) -> str:
    return '"' if entity[0] in _QUOTES else _ENTITIES.get(entity[0], "'")


def _without_opening(text: str) -> str:
    """The text after its tags and reasoning blocks, in whichever order they came."""
    for _ in range(_ROUNDS):
        before = len(text)
        _, text = split_reasoning(text)
        start = 0
        while (tag := _LEADING_TAG.match(text, after_blanks(text, start))) is not None:
            start = tag.end()
        text = _unwrapped(text[start:])
        if len(text) == before:
            break
    return text


def _unwrapped(text: str) -> str:
    """The text inside a JSON object that holds nothing else, which is how a schema asks for it."""
    inner = text.strip() if len(text) <= _WRAPPED else ""
    if not (inner.startswith("{") and inner.endswith("}")):
        return text
    try:
        found = orjson.loads(inner)
    except ValueError:
        return text
    values = list(found.values()) if isinstance(found, dict) else []
    return plain(values[0]) if len(values) == 1 and isinstance(values[0], str) else text


def _without_trailing_tags(text: str) -> str:
    end = len(text)
    for tag in reversed(list(_TRAILING_TAG.finditer(text, max(0, end - _TAIL)))):
        if text[tag.end() : end].strip():
            break
        end = tag.start()
    return text[:end]


def _without_markdown(text: str) -> str:
    if "](" in text:
        text = _LINK.sub(lambda link: "" if link[1] else link[2], text)
    if "*" in text:
        text = _ASTERISKS.sub(_unless_emphasis, text)
    return _HEADING.sub("", text) if "#" in text else text


def _unless_emphasis(found: re.Match[str]) -> str:
    """Nothing for asterisks beside a word; ``2*3``, ``x**2`` and a list's ``* `` stay."""
    before = found.string[found.start() - 1] if found.start() else " "
    after = found.string[found.end()] if found.end() < len(found.string) else " "
    opens = not after.isspace() and before not in _JOINING and before not in "\\)"
    if len(found[0]) == 1:
        opens = opens and (after.isalnum() or after in _INSIDE)
    closes = not before.isspace() and after not in _JOINING and before != "\\" and after != "("
    return "" if (opens or closes) and len(found[0]) <= _LONGEST_EMPHASIS else found[0]
