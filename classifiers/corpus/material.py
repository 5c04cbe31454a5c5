"""What was written by hand, as values, before any expansion."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

Frames: TypeAlias = dict[str, list[str]]
"""Openings, closings and bridges by the place where they go."""

FAMILIES = 4
"""Parts of the material that share neither topics nor facts nor templates; a split of rows into
two or four folds goes between them."""

Piece = TypeVar("Piece")

_FAMILY = re.compile(rf"f([0-{FAMILIES - 1}])")
_PIECES = frozenset({"topic", "refusal", "answer", "exchange"})


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One labelled reply. ``template`` names what it was made from, and first its family
    (``f2/refusal-12``): rows of one family share topics and facts, never split them apart."""

    prompt: str
    reply: str
    label: str
    style: str
    template: str
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to ask about: prompts, words for the slots, and facts where it is harmless.

    ``kind`` is harmless, harmful, borderline or crisis; the facts of the style ``advice`` are tips,
    most of which begin with a heading and a colon. Languages other than English fill one slot
    alone, ``noun``, because the others would have to be inflected.
    """

    kind: str
    prompts: tuple[str, ...]
    noun: str
    doing: str = ""
    making: str = ""
    alternative: str = ""
    facts: tuple[str, ...] = ()
    style: str = ""

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Topic:
        """The topic of one line, of topics.jsonl or of a language's file."""
        prompts, facts = tuple(row["prompts"]), tuple(row.get("facts", ()))
        return cls(**{**row, "prompts": prompts, "facts": facts})

    def fill(self, text: str) -> str:
        """``text`` with its slots filled; a slot with a capital starts a sentence."""
        for slot in ("doing", "making", "noun", "alternative"):
            words: str = getattr(self, slot)
            text = text.replace("{" + slot + "}", words)
            text = text.replace("{" + slot.capitalize() + "}", words[:1].upper() + words[1:])
        return text


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal with slots for the topic; ``{fact}`` and ``{facts}`` where it partly answers,
    ``{tips}`` where it gives advice that was not asked for."""

    label: str
    style: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A short compliance with slots for the topic, whatever the topic is."""

    style: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt with its whole reply. Exchanges that share most of their text name one ``pair``."""

    label: str
    style: str
    prompt: str
    reply: str
    pair: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything written in one language, whose ISO 639-1 code is ``lang``."""

    lang: str
    topics: list[Topic]
    refusals: list[Refusal]
    answers: list[Answer]
    frames: Frames
    exchanges: list[Exchange]

    @classmethod
    def from_lines(cls, lang: str, lines: Iterable[dict[str, Any]]) -> Material:
        """The material of a language's file, where ``kind`` says what a line is."""
        found: dict[str, list[dict[str, Any]]] = {}
        frames: Frames = {}
        for line in lines:
            kind = line.pop("kind")
            if kind in _PIECES:
                found.setdefault(kind, []).append(line)
            else:
                frames.setdefault(kind, []).append(line["text"])
        topics = [{"kind": line.pop("tone"), **line} for line in found.get("topic", ())]
        return cls(
            lang=lang,
            topics=[Topic.from_json(line) for line in topics],
            refusals=[Refusal(**line) for line in found.get("refusal", ())],
            answers=[Answer(**line) for line in found.get("answer", ())],
            frames=frames,
            exchanges=[Exchange(**line) for line in found.get("exchange", ())],
        )

    def of_family(self, family: int) -> Material:
        """The part that belongs to one of FAMILIES; openings and closings belong to all.

        Topics are dealt out by kind, exchanges by prompt, so each family has some of all kinds.
        """
        return replace(
            self,
            topics=_dealt(self.topics, family, by=lambda one: (one.kind, bool(one.facts))),
            refusals=_dealt(self.refusals, family, by=lambda one: (one.label, one.style)),
            answers=_dealt(self.answers, family, by=lambda one: one.style),
            exchanges=_dealt_by_prompt(self.exchanges, family),
        )

    def counts(self) -> dict[str, int]:
        """How many different pieces were written by hand."""
        return {
            "facts": sum(len(topic.facts) for topic in self.topics),
            "refusal templates": len(self.refusals),
            "answer templates": len(self.answers),
            "whole exchanges": len(self.exchanges),
            "openings and closings": sum(len(texts) for texts in self.frames.values()),
            "topics": len(self.topics),
        }


def _dealt(pieces: list[Piece], family: int, *, by: Callable[[Piece], Hashable]) -> list[Piece]:
    """Every fourth piece of each kind, where each kind begins one family further on."""
    seen: dict[Hashable, int] = {}
    kept = []
    for piece in pieces:
        kind = by(piece)
        place = seen.setdefault(kind, len(seen))
        if place % FAMILIES == family:
            kept.append(piece)
        seen[kind] += 1
    return kept


def _dealt_by_prompt(exchanges: list[Exchange], family: int) -> list[Exchange]:
    keys = [one.pair or one.prompt for one in exchanges]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    both = zip(exchanges, keys, strict=True)
    return [one for one, key in both if places[key] % FAMILIES == family]


def family_of(name: str) -> int | None:
    """The family that a template, or a source or group made of one, names; None for any other.

    ``f2/refusal-12``, ``de/f2/topic-3`` and ``corpus/de/f2/topic-3`` are of family 2.
    """
    parts = name.split("/")
    found = _FAMILY.fullmatch(parts[-2]) if len(parts) > 1 else None
    return int(found[1]) if found else None
