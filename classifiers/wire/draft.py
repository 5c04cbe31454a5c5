"""A reply while it is being read: what the protocol readers fill in, whole or event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from classifiers.exchange import NativeSignal, Usage
from classifiers.verdict import RefusalSource
from classifiers.wire.document import as_count
from classifiers.wire.text import mend, one_line

DETAIL_LIMIT = 1000
"""Characters kept of a provider's own refusal text."""


@dataclass(slots=True)
class Draft:
    """What has been read of a reply so far.

    ``ended`` says that the protocol's own end was read ([DONE], message_stop, response.completed,
    or a whole JSON document); ``stopped`` that a finish reason came. ``error`` is the upstream's
    own message where it reported a failure.
    """

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    signals: dict[str, NativeSignal] = field(default_factory=dict)
    calls: set[Any] = field(default_factory=set)
    attached: bool = False
    finish_reason: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    ended: bool = False
    error: str = ""

    @property
    def stopped(self) -> bool:
        """Whether the upstream said why it stopped."""
        return self.finish_reason != ""

    @property
    def usage(self) -> Usage | None:
        """Tokens, where both counts are known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return Usage(self.input_tokens, self.output_tokens)

    def say(self, text: Any) -> None:
        """Add to the answer's text; anything but a string is left out."""
        if isinstance(text, str):
            self.text.append(text)

    def think(self, text: Any) -> None:
        """Add to the reasoning, which is kept apart and never judged."""
        if isinstance(text, str):
            self.reasoning.append(text)

    def refuse(self, kind: str, text: Any) -> None:
        """Add to the text of a native refusal; an empty string states nothing."""
        if isinstance(text, str) and text:
            self.refusals.setdefault(kind, []).append(text)

    def signal(self, kind: str, source: RefusalSource, detail: str = "") -> None:
        """Note a native signal; of one kind the first that has a detail is kept."""
        known = self.signals.get(kind)
        if known is None or not known.detail:
            self.signals[kind] = NativeSignal(kind, source, one_line(detail, DETAIL_LIMIT))

    def stop(self, reason: Any) -> None:
        """Note the finish reason."""
        if isinstance(reason, str) and reason:
            self.finish_reason = one_line(reason, 100)

    def name_model(self, model: Any) -> None:
        """Note the model that answered, as the upstream calls it."""
        if isinstance(model, str) and model:
            self.model = one_line(model, 200)

    def count(self, usage: Any, input_key: str, output_key: str) -> None:
        """Note the tokens of a usage object; counts that it does not name stay as they were."""
        if not isinstance(usage, dict):
            return
        tokens = as_count(usage.get(input_key))
        self.input_tokens = self.input_tokens if tokens is None else tokens
        tokens = as_count(usage.get(output_key))
        self.output_tokens = self.output_tokens if tokens is None else tokens

    def fail(self, message: str) -> None:
        """Note that the upstream reported a failure; the first message stands."""
        self.error = self.error or message or "the upstream reported an error"

    def all_signals(self) -> tuple[NativeSignal, ...]:
        """Refusals that came as text first, then the others, each kind once."""
        spoken = [
            NativeSignal(kind, RefusalSource.NATIVE_REFUSAL, one_line("".join(parts), DETAIL_LIMIT))
            for kind, parts in self.refusals.items()
        ]
        return (*spoken, *self.signals.values())

    def answer(self) -> str:
        """The answer's text so far."""
        return mend("".join(self.text))
