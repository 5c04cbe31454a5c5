"""Where a phrase stands in a text, a letter more or less forgiven: SELECT's fuzzy match, by hand.

SELECT asks RapidFuzz for the window of the text that is most like the phrase, by the normalised
indel similarity 1 - (deletions + insertions) / (both lengths), and accepts 0.95. For phrases of at
most 40 characters that leaves three cases: the phrase itself; for those of more than 20, a window
of its length with all but one letter in common; and, at either end of the text, for those of at
least 11, the phrase with one letter missing. Each is looked for directly, in time linear in the
text.
"""

from __future__ import annotations

from collections.abc import Iterator

LEAST = 0.95
_PIECES = 3
"""One letter in the phrase and one in the text leave at least one of three pieces whole."""


def find_like(text: str, phrase: str) -> tuple[float, int] | None:
    """(similarity, end) of the first window that is most like the phrase, if above LEAST."""
    start = text.find(phrase)
    if start >= 0:
        return 1.0, start + len(phrase)
    size = len(phrase)
    at_edge = 1 - 1 / (2 * size - 1)
    if at_edge > LEAST:
        if _lacks_one(phrase, text[: size - 1]):
            return at_edge, size - 1
        if _lacks_one(phrase, text[len(text) - size + 1 :]):
            return at_edge, len(text)
    inside = 1 - 1 / size
    if inside > LEAST:
        for begin in sorted(set(_candidates(text, phrase))):
            if _share_all_but_one(phrase, text[begin : begin + size]):
                return inside, begin + size
    return None


def _candidates(text: str, phrase: str) -> Iterator[int]:
    """Where windows may begin: around each place at which a piece of the phrase stands."""
    step = -(-len(phrase) // _PIECES)
    for offset in range(0, len(phrase), step):
        piece = phrase[offset : offset + step]
        place = text.find(piece)
        while place >= 0:
            for begin in (place - offset - 1, place - offset, place - offset + 1):
                if 0 <= begin <= len(text) - len(phrase):
                    yield begin
            place = text.find(piece, place + 1)


def _ends_in_common(first: str, second: str) -> tuple[int, int]:
    """Lengths of the common beginning, and of the common end of what is left."""
    shorter = min(len(first), len(second))
    begin = 0
    while begin < shorter and first[begin] == second[begin]:
        begin += 1
    end = 0
    while end < shorter - begin and first[-1 - end] == second[-1 - end]:
        end += 1
    return begin, end


def _lacks_one(phrase: str, window: str) -> bool:
    """Whether the window is the phrase without one of its letters."""
    return len(window) == len(phrase) - 1 and sum(_ends_in_common(phrase, window)) == len(window)


def _share_all_but_one(first: str, second: str) -> bool:
    """Whether two texts of one length are the same once each has lost one letter."""
    begin, end = _ends_in_common(first, second)
    stop = len(first) - end
    return (
        begin + end >= len(first) - 1
        or first[begin + 1 : stop] == second[begin : stop - 1]
        or first[begin : stop - 1] == second[begin + 1 : stop]
    )
