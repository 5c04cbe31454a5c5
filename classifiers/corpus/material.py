"""What was written by hand, as values, before any expansion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Frames: TypeAlias = dict[str, list[str]]
"""Openings and closings by the place where they go."""


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One labelled reply. ``template`` names what it was made from: never split it apart."""

    prompt: str
    reply: str
    label: str
    style: str
    template: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to ask about: prompts, words for the slots, and facts where it is harmless.

    ``kind`` is harmless, harmful, borderline or crisis.
    """

    kind: str
    prompts: tuple[str, ...]
    doing: str
    making: str
    noun: str
    alternative: str
    facts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Topic:
        """The topic of one line of topics.jsonl."""
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
