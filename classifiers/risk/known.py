"""Prompts whose expectation is known: our own, written for this, and files that a user has.

``prompts.jsonl`` holds whole prompts, some as contrast pairs (much the same words, the opposite
intent), and acts and frames. A frame is put around each act; what it says about the act decides
whether a well-aligned model answers, so that one learns the frame and not the topic.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.artifact import sha256_of
from classifiers.risk.prompt_risk import CATEGORIES

OWN_PROMPTS = Path(__file__).parent / "prompts.jsonl"

_HARMFUL = {"plain": 5, "hedged": 4, "asked": 5, "veiled": 3, "mild": 8, "grim": 5}
_HARMLESS = {"bare": 6, "mild": 3}
"""How many frames of each style are put around an act; more only repeat the acts."""

_QUESTIONS = ("How", "What", "Can", "Could", "Is ")

PUBLISHED = {
    "a6e2f1166416efe5901f3bb05c47dc92ab3aca3acfe143693d38b8057d841e6d": False,
    "3be45901faae3b4b2b51bf7f8a2784c1650a1cc8c631dbc8b171d5312d4e0057": True,
}
"""Whether a well-aligned model refuses what OR-Bench's files hold (Hard-1K, Toxic), by SHA-256."""

_EXPECTATIONS = {"comply": False, "refuse": True}


class KnownProblem(Exception):
    """A file of prompts cannot be used. Its text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class KnownPrompt:
    """A prompt, whether a well-aligned model refuses it, and what must be held out together.

    ``groups`` names everything that it shares with others (its pair, its act, its frame, or the
    file and category it comes from); ``whole`` is False for an act put into a frame.
    """

    text: str
    category: str
    refuse: bool
    groups: tuple[str, ...]
    origin: str
    whole: bool = True


def own_prompts() -> list[KnownPrompt]:
    """Our own prompts: the whole ones, then each act in a few frames of every kind."""
    rows = [json.loads(line) for line in OWN_PROMPTS.read_text(encoding="utf-8").splitlines()]
    frames = _frames(rows)
    known = [_whole(row) for row in rows if row["kind"] == "prompt"]
    for act in (row for row in rows if row["kind"] == "act"):
        known.extend(_framed(act, frame) for frame in _frames_for(act, frames))
    return known


def read_known(path: Path) -> list[KnownPrompt]:
    """The prompts of a ``.csv`` or ``.jsonl`` file with ``prompt``, ``category``, ``expectation``.

    The published OR-Bench files need no ``expectation``. A ``cluster`` is held out together,
    otherwise a file's category is. KnownProblem names the file and line that cannot be used.
    """
    try:
        rows = list(_rows(path))
        published = PUBLISHED.get(sha256_of(path))
    except (OSError, TypeError, ValueError) as error:
        raise KnownProblem(f"{path}: cannot be read ({error}); give UTF-8 CSV or JSONL") from error
    return [
        _from_file(row, f"{path}:{number}", published, path.stem)
        for number, row in enumerate(rows, start=1)
    ]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as lines:
        if path.suffix == ".csv":
            yield from csv.DictReader(lines)
        else:
            for line in filter(str.strip, lines):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise TypeError(f"{line.strip()[:40]!r} is not an object")
                yield row


def _from_file(
    row: Mapping[str, Any], place: str, published: bool | None, stem: str
) -> KnownPrompt:
    category, text = row.get("category"), row.get("prompt")
    if category not in CATEGORIES:
        raise KnownProblem(f"{place}: category {category!r} is none of {', '.join(CATEGORIES)}")
    if not isinstance(text, str) or not text.strip():
        raise KnownProblem(f"{place}: prompt {text!r} is not a text; remove the row")
    refuse = _EXPECTATIONS.get(str(row.get("expectation")), published)
    if refuse is None:
        raise KnownProblem(
            f"{place}: expectation {row.get('expectation')!r} is neither comply nor refuse"
        )
    cluster = row.get("cluster")
    group = f"cluster/{cluster}" if cluster else f"file/{category}"
    return KnownPrompt(text, category, refuse, (group,), stem)


def _whole(row: Mapping[str, Any]) -> KnownPrompt:
    group = row.get("pair") or row["text"]
    return KnownPrompt(row["text"], row["category"], row["refuse"], (f"own/{group}",), "own")


def _frames(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The frames that stand in the file, and every head with every tail and without one.

    A head alone fits harmless acts only: of the others it asks for the act itself.
    """
    heads = [row for row in rows if row["kind"] == "head"]
    tails = [row for row in rows if row["kind"] == "tail"]
    frames = [row for row in rows if row["kind"] == "frame"]
    for head in heads:
        frames.append(_joined(head, {"text": "", "refuse": False}, "bare"))
        for tail in tails:
            frames.append(_joined(head, tail, "grim" if tail["refuse"] else "mild"))
    return frames


def _joined(head: Mapping[str, Any], tail: Mapping[str, Any], style: str) -> dict[str, Any]:
    mark = "?" if head["text"].startswith(_QUESTIONS) else "."
    return {
        "style": style,
        "refuse": tail["refuse"],
        "text": head["text"] + tail["text"] + mark,
        "others": head.get("others"),
        "group": tail["text"] or head["text"],
    }


def _framed(act: Mapping[str, Any], frame: Mapping[str, Any]) -> KnownPrompt:
    text = frame["text"].format(do=act["do"], doing=act["doing"], noun=act.get("noun", ""))
    groups = (f"act/{act['do']}", f"frame/{frame.get('group', frame['text'])}")
    return KnownPrompt(text, act["category"], frame["refuse"], groups, "own", whole=False)


def _frames_for(
    act: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    chosen: list[Mapping[str, Any]] = []
    for style, number in (_HARMLESS if act.get("harmless") else _HARMFUL).items():
        fitting = [each for each in frames if each["style"] == style and _fits(act, each)]
        fitting.sort(key=lambda frame: _shuffle(act["do"], frame["text"]))
        chosen.extend(fitting[:number])
    return chosen


def _fits(act: Mapping[str, Any], frame: Mapping[str, Any]) -> bool:
    """Not a noun that is missing, nor "I" for somebody else, nor a hedge that excuses nothing."""
    if "{noun}" in frame["text"] and "noun" not in act:
        return False
    if frame.get("others") and act.get("speaker"):
        return False
    return not (frame["style"] in ("hedged", "mild") and act.get("grave"))


def _shuffle(act: str, frame: str) -> bytes:
    return hashlib.sha256(f"{act}\x1f{frame}".encode()).digest()
