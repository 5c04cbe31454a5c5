"""Taking personal and secret things out of text before it is kept.

Every pattern is linear in the length of the text, whatever the text: a quantifier that may fail
late is either possessive behind a lookbehind that lets it start only once a run, or bounded. When
in doubt a number is hidden: a lost order number costs less than a stored telephone number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from classifiers.exchange import Exchange, NativeSignal, Turn

Replacement = Callable[[re.Match[str]], str]

_EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]++@[\w-]++(?:\.[\w-]++)++")

_GAP = r"[ \t.\u00a0\u2009\u202f\u2010-\u2014-]"
_DIGITS = re.compile(rf"(?<!\d)\d(?:(?!\.){_GAP}?\d){{12,}}+(?!\d)")
"""A run of thirteen digits or more, single separators between them: what may hold a card."""
_PHONE = re.compile(
    rf"(?<![\w.,+-])(?!\d{{4}}-\d\d-\d\d)(?:\+|00)?(?:\(\d{{1,5}}\)|\d)"
    rf"(?:{_GAP}?(?:\(\d{{1,5}}\)|[\d/])){{6,18}}+(?!\w)"
)
_CARD_LENGTHS = range(13, 20)
"""ISO/IEC 7812: the longest number has 19 digits; the shortest in use has 13."""
_PHONE_LENGTHS = range(9, 16)
"""E.164 allows 15 digits; with fewer than 9 it may be anything (a date has 8)."""
_INTERNATIONAL_LENGTHS = range(7, 16)
"""Behind a plus sign a number can hardly be anything else."""

_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"(?:[^-]|-(?!----))*+(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_PREFIXED_KEYS = (
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)-[\w-]{16,}+"
    r"|(?:sk|pk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}+"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+"
    r"|xox[abeprs]-[\w-]{10,}+|xapp-[\w-]{10,}+"
    r"|AIza[\w-]{30,}+|ya29\.[\w-]{20,}+"
    r"|(?:hf|gsk|npm|xai|r8|dop_v1|pypi)[_-][\w-]{16,}+"
    r")"
)
_WEB_TOKEN = r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?"
_KEY = re.compile(f"{_PRIVATE_KEY}|{_PREFIXED_KEYS}|{_WEB_TOKEN}")
_NAMED_SECRET = re.compile(
    r"(?P<name>(?<![A-Za-z0-9])(?:bearer[ \t]{1,4}"
    r"|(?:[A-Za-z0-9]{1,32}[_-]){0,4}(?:api[_-]?key|secret|token|password|passwd|access[_-]?key)"
    r"[\"']?[ \t]{0,8}(?:=|:)[ \t]{0,8}[\"']?))"
    r"(?P<value>[^\s\"',;\[\]]{8,}+)",
    re.IGNORECASE,
)


def redact(text: str, kinds: Sequence[str]) -> str:
    """The text with everything of these kinds (email, phone, card, key) replaced by ``[kind]``.

    The order is fixed, whatever the order of ``kinds``: a key may look like an address or hold a
    long number, and a card number looks like a telephone number.
    """
    for kind, steps in _STEPS.items():
        if kind in kinds:
            for pattern, replacement in steps:
                text = pattern.sub(replacement, text)
    return text


def redacted(exchange: Exchange, kinds: Sequence[str]) -> Exchange:
    """The exchange with every text of it redacted: prompt, reply, reasoning, what signals quote."""

    def clean(text: str) -> str:
        return redact(text, kinds)

    return replace(
        exchange,
        prompt=tuple(Turn(turn.role, clean(turn.text)) for turn in exchange.prompt),
        reply=clean(exchange.reply),
        reasoning=clean(exchange.reasoning),
        problem=clean(exchange.problem),
        signals=tuple(NativeSignal(s.kind, s.source, clean(s.detail)) for s in exchange.signals),
    )


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _hide_phone(match: re.Match[str]) -> str:
    text = match.group()
    count = sum(character.isdigit() for character in text)
    international = text.startswith(("+", "00"))
    dots = text.count(".")
    plausible = count in (_INTERNATIONAL_LENGTHS if international else _PHONE_LENGTHS)
    # One dot makes a decimal number, three an internet address; 415.555.2671 has two.
    return "[phone]" if plausible and (international or dots not in (1, 3)) else text


def _hide_cards(match: re.Match[str]) -> str:
    """The run with its cards replaced: a card begins and ends where a group of digits does."""
    text = match.group()
    groups = list(re.finditer(r"\d+", text))
    out, here, first = [], 0, 0
    while first < len(groups):
        last = _card_end(groups, first)
        if last is None:
            first += 1
            continue
        out += [text[here : groups[first].start()], "[card]"]
        here, first = groups[last].end(), last + 1
    return "".join([*out, text[here:]])


def _card_end(groups: list[re.Match[str]], first: int) -> int | None:
    digits = ""
    for last in range(first, len(groups)):
        digits += groups[last].group()
        if len(digits) > _CARD_LENGTHS[-1]:
            return None
        if len(digits) in _CARD_LENGTHS and len(set(digits)) > 1 and luhn(digits):
            return last
    return None


def _hide_value(match: re.Match[str]) -> str:
    named, value = match["name"], match["value"]
    # "The secret: everybody knows" is prose; a word of letters alone is a key only behind "=".
    prose = value.rstrip(".!?)").isalpha() and not named.rstrip(" \t\"'").endswith("=")
    return match.group() if prose else f"{named}[key]"


def _fixed(kind: str) -> Replacement:
    return lambda _: f"[{kind}]"


_STEPS: dict[str, tuple[tuple[re.Pattern[str], Replacement], ...]] = {
    "key": ((_KEY, _fixed("key")), (_NAMED_SECRET, _hide_value)),
    "email": ((_EMAIL, _fixed("email")),),
    "card": ((_DIGITS, _hide_cards),),
    "phone": ((_PHONE, _hide_phone),),
}
