"""Exchanges to what the heads read: words, counts and refusing clauses, and the encoder's views.

The encoder sees one sequence a reply, in which the prompt's opening, the reply's opening and the
reply's ending stand behind each other: no text is encoded twice, and attention relates the reply to
what was asked. Everything else reads an excerpt of bounded length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.clauses import CLAUSE_NAMES, clause_counts
from classifiers.encoder import Encoder, Tokens, Vectors
from classifiers.exchange import Exchange
from classifiers.language import LanguageReader
from classifiers.lexical import COUNT_NAMES, counts, grams
from classifiers.normalise import normalise

READ_OPENING = 4000
READ_ENDING = 2000
"""Characters of a normalised reply's opening and ending that are read; what lies between is not,
and counts as truncated. A refusal stands at either end: what a model writes in the middle of a
reply this long (about 1,000 words) does not take back the whole."""

PROMPT_TOKENS = 20
OPENING_TOKENS = 48
ENDING_TOKENS = 16
"""With four framing tokens a sequence is 88 long at most."""
_PROMPT_CHARACTERS = 240
_OPENING_CHARACTERS = 480
_ENDING_CHARACTERS = 160

PARTS = 3
"""Prompt, opening and ending: the tuned encoder gives a vector for each."""

LEXICAL_WIDTH = len(COUNT_NAMES) + len(CLAUSE_NAMES)


@dataclass(frozen=True, slots=True)
class Reading:
    """An exchange as it is read: normalised, its language known, long replies cut."""

    prompt: str
    reply: str
    lang: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class Words:
    """One row per reply: ``dense`` [n, LEXICAL_WIDTH] float32, and each reply's n-grams."""

    dense: NDArray[np.float32]
    grams: list[set[str]]


def read(exchange: Exchange, languages: LanguageReader) -> Reading:
    """The exchange normalised, its language named, a long reply cut to its two ends."""
    reply, prompt = normalise(exchange.reply), normalise(exchange.question[:READ_OPENING])
    lang = languages.language(reply, prompt) if reply else ""
    whole = len(reply) <= READ_OPENING + READ_ENDING
    return Reading(prompt, reply if whole else excerpt(reply), lang, truncated=not whole)


def excerpt(reply: str) -> str:
    """The opening and the ending of a long normalised reply, as two paragraphs."""
    return f"{reply[:READ_OPENING]}\n{reply[-READ_ENDING:]}"


def truncated(reply: str) -> bool:
    """Whether the classifier leaves out the middle of a reply, for whoever counts such replies."""
    limit = READ_OPENING + READ_ENDING
    return len(reply) > limit and len(normalise(reply)) > limit


def read_words(readings: Sequence[Reading], *, lang: str | None = None) -> Words:
    """What words say about each reply, in its own language or in ``lang``; no model is asked."""
    dense = np.zeros((len(readings), LEXICAL_WIDTH), dtype=np.float32)
    found: list[set[str]] = []
    for row, one in enumerate(readings):
        spoken = lang or one.lang
        dense[row] = [*counts(one.reply, spoken), *clause_counts(one.reply, spoken)]
        found.append(grams(one.reply, spoken))
    return Words(dense, found)


def read_sequences(readings: Sequence[Reading], encoder: Encoder) -> list[Tokens]:
    """Framed token ids: [CLS] prompt [SEP] opening [SEP] ending [SEP], the ending where there is
    more than an opening."""
    count = len(readings)
    tokens = encoder.tokenise(
        [
            *(one.prompt[:_PROMPT_CHARACTERS] for one in readings),
            *(one.reply[:_OPENING_CHARACTERS] for one in readings),
            *(one.reply[_OPENING_CHARACTERS:][-_ENDING_CHARACTERS:] for one in readings),
        ]
    )
    framed = []
    for row in range(count):
        prompt, opening = tokens[row][:PROMPT_TOKENS], tokens[count + row]
        ending = (*opening[OPENING_TOKENS:], *tokens[2 * count + row])[-ENDING_TOKENS:]
        parts = (prompt, opening[:OPENING_TOKENS], *((ending,) if ending else ()))
        framed.append(encoder.framed(*parts))
    return framed


def read_parts(readings: Sequence[Reading], encoder: Encoder) -> Vectors:
    """[n, PARTS * d]: the encoder's unit vectors of prompt, opening and ending, zero where none."""
    return encoder.embed_parts(read_sequences(readings, encoder), PARTS)


def opening_of(parts: Vectors) -> Vectors:
    """[n, d]: of what ``read_parts`` gives, the vectors of the replies' openings."""
    return parts.reshape(len(parts), PARTS, -1)[:, 1]
