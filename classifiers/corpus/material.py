"""What was written by hand, as values, before any expansion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Frames: TypeAlias = dict[str, list[str]]
"""Openings, closings and bridges by the place where they go."""

_PIECES = frozenset({"topic", "refusal", "answer", "exchange"})


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One labelled reply. ``template`` names what it was made from: never split it apart."""

    prompt: str
    reply: str
    label: str
    style: str
    template: str
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to ask about: prompts, words for the slots, and facts where it is harmless.

    ``kind`` is harmless, harmful, borderline or crisis. Languages other than English fill one slot
    alone, ``noun``, because the others would have to be inflected.
    """

    kind: str
    prompts: tuple[str, ...]
    noun: str
    doing: str = ""
    making: str = ""
    alternative: str = ""
    facts: tuple[str, ...] = ()

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
    """A refusal with slots for the topic; ``{fact}`` and ``{facts}`` where it partly answers."""

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
    """A prompt with its whole reply."""

    label: str
    style: str
    prompt: str
    reply: str


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
