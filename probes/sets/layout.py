"""How the columns of anyone's file are read: which column is which, and what its words mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from probes.case import Expectation
from probes.sets.problem import SetProblem

NEEDED = "prompt"
OPTIONAL = ("category", "expectation", "id", "cluster", "facet")
COLUMNS = (NEEDED, *OPTIONAL)
"""The columns that a set may have; a row's fields stand in this order."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The reading of one file.

    ``columns`` names the file's column for one of ours where the two differ, in lower case.
    ``expectation`` holds for the rows that state none. ``words`` says what the file's own words in
    the expectation column mean, in lower case; comply, refuse and unknown mean themselves.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    expectation: Expectation = Expectation.UNKNOWN
    words: Mapping[str, Expectation] = field(default_factory=dict)

    def column(self, ours: str) -> str:
        """The file's name of one of our columns."""
        return self.columns.get(ours, ours)

    def expects(self, stated: str) -> Expectation:
        """What a word of the expectation column means; raises ValueError where it means nothing."""
        word = stated.strip().lower()
        if not word:
            return self.expectation
        return self.words.get(word) or Expectation(word)

    def identity(self, checksum: str) -> str:
        """The checksum of a set read so: the file's own where the layout says nothing.

        The same bytes under another mapping are other cases, and a run must not resume over them;
        so whatever the layout says goes into the sha256 after the file's.
        """
        if self == Layout():
            return checksum
        said = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{checksum}\n{said}".encode()).hexdigest()

    def said(self) -> str:
        """The layout in the words of the command line; empty where it says nothing."""
        parts = [f"{ours}={theirs}" for ours, theirs in self.columns.items()]
        parts += [f"{word}={meant.value}" for word, meant in self.words.items()]
        if self.expectation is not Expectation.UNKNOWN:
            parts.append(f"expect {self.expectation.value}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The layout as a manifest keeps it."""
        return {
            "columns": dict(self.columns),
            "expectation": self.expectation.value,
            "words": {word: meant.value for word, meant in self.words.items()},
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Layout:
        """What ``as_json`` wrote; raises KeyError, TypeError, ValueError or AttributeError else."""
        words = {str(word): Expectation(meant) for word, meant in row["words"].items()}
        columns = {str(ours): str(theirs) for ours, theirs in row["columns"].items()}
        return cls(columns, Expectation(row["expectation"]), words)


def layout_from(columns: Sequence[str], expects: Sequence[str]) -> Layout | None:
    """The layout that ``--column`` and ``--expect`` ask for; None where neither is given.

    ``columns`` holds texts such as ``prompt=question``, ``expects`` texts such as ``comply`` (for
    the rows that state nothing) or ``safe=comply`` (for the file's own word). Raises SetProblem,
    naming the text and the remedy, on anything else.
    """
    if not columns and not expects:
        return None
    otherwise = [text for text in expects if "=" not in text]
    if len(otherwise) > 1:
        raise SetProblem(
            f"--expect says both {otherwise[0]} and {otherwise[1]}; name one for the rows that "
            "state none, and WORD=comply or WORD=refuse for the file's own words"
        )
    words = dict(_word(text) for text in expects if "=" in text)
    default = _meaning(otherwise[0], otherwise[0]) if otherwise else Expectation.UNKNOWN
    return Layout(_mapped(columns), default, words)


def _mapped(columns: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in columns:
        ours, mark, theirs = text.partition("=")
        ours, theirs = ours.strip().lower(), theirs.strip().lower()
        if not mark or not theirs or ours not in COLUMNS:
            raise SetProblem(
                f"--column {text!r} is no mapping; write OURS=THEIRS, such as prompt=question, "
                f"where OURS is one of {', '.join(COLUMNS)}"
            )
        if ours in found:
            raise SetProblem(f"--column names {ours} twice ({found[ours]}, {theirs}); keep one")
        found[ours] = theirs
    return {ours: theirs for ours, theirs in found.items() if ours != theirs}


def _word(text: str) -> tuple[str, Expectation]:
    word, _, meant = text.partition("=")
    if not word.strip():
        raise SetProblem(f"--expect {text!r} names no word; write WORD=comply or WORD=refuse")
    return word.strip().lower(), _meaning(meant, text)


def _meaning(meant: str, text: str) -> Expectation:
    try:
        return Expectation(meant.strip().lower())
    except ValueError as problem:
        raise SetProblem(
            f"--expect {text!r} is no expectation; write comply, refuse or unknown, "
            "or WORD=comply for the file's own word"
        ) from problem
