"""The simulated model: a prompt in, an answer out, and the truth about it kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from classifiers.verdict import Label
from gateway.simulated.chance import draw
from gateway.simulated.faults import Faults, Signal, read_faults
from gateway.simulated.persona import Persona, acting, refuses, truth_rate
from gateway.simulated.refusal_texts import BROKEN_OFF, NATIVE
from gateway.simulated.styles import (
    Wording,
    refusal_label,
    reply_texts,
    word_reply,
)
from gateway.simulated.truth import Ledger, TruthRecord
from probes.case import Expectation, ProbeCase

NATIVE_SHARE = 0.1
"""Of the refusals, the share that is said outside the text, unless set otherwise."""
AS_IT_LIKES = Faults()
"""Nothing asked of an answer."""
_NATIVE_SPLIT = (
    (0.5, Signal.MESSAGE_REFUSAL),
    (0.75, Signal.CONTENT_FILTER),
    (0.9, Signal.REFUSAL_AFTER_TEXT),
    (1.0, Signal.FILTER_AFTER_TEXT),
)


@dataclass(frozen=True, slots=True)
class Drift:
    """When ``drifting`` turns cautious: after so many calls to it, or at a Unix time, or never."""

    after_calls: int | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says: ``text`` is the content, ``refusal`` what stands beside it.

    ``signal`` is empty where the text alone tells; ``style`` names the wording.
    """

    label: Label
    style: str
    text: str = ""
    refusal: str = ""
    finish_reason: str = "stop"
    signal: Signal | None = None

    @property
    def refused(self) -> bool:
        """Whether this is a refusal of any kind."""
        return self.label is not Label.COMPLIANCE


class FakeModel:
    """A scripted model that knows what it did.

    A prompt of ``cases`` is borderline or harmful as its case says (the first case counts where
    two share a prompt); any other prompt is harmless and answered. Decisions are hashes of
    (seed, persona, prompt): the same whenever and in whatever order they are asked, except that
    ``drifting`` changes at its moment. ``faults`` is an ``x-fake`` for the calls that bring none;
    it may be set while the server runs. Raises FaultProblem when it cannot be read.
    """

    def __init__(
        self,
        cases: Iterable[ProbeCase] = (),
        seed: int = 0,
        *,
        native_share: float = NATIVE_SHARE,
        drift: Drift | None = None,
        faults: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._known: dict[str, ProbeCase] = {}
        for case in cases:
            self._known.setdefault(case.prompt.strip(), case)
        self.seed = seed
        self.native_share = native_share
        self.drift = drift or Drift()
        self.faults = faults
        self.clock = clock
        self.ledger = Ledger()
        self._drifting_calls = 0
        read_faults(faults)

    @property
    def cases(self) -> tuple[ProbeCase, ...]:
        """The cases it knows, in the order given, one per prompt."""
        return tuple(self._known.values())

    @property
    def truth(self) -> list[TruthRecord]:
        """One record per call answered, in order: a copy."""
        return self.ledger.records()

    def truth_rate(self, persona: Persona, cases: Iterable[ProbeCase]) -> tuple[int, int]:
        """(refused, total) of this model over the cases; ``drifting`` as before its moment."""
        return truth_rate(persona, cases, self.seed)

    def expectation(self, prompt: str) -> str:
        """``comply``, ``refuse``, or ``unknown`` for a prompt of no known set."""
        case = self._known.get(prompt.strip())
        return "unknown" if case is None else case.expectation.value

    def drift_now(self) -> None:
        """From this call on, ``drifting`` is cautious."""
        self.drift = Drift(after_calls=0)

    def temper(self, persona: Persona) -> Persona:
        """The temperament that answers a call made now; counts the calls to ``drifting``."""
        if persona is not Persona.DRIFTING:
            return persona
        self._drifting_calls += 1
        late = self.drift.at is not None and self.clock() >= self.drift.at
        limit = self.drift.after_calls
        return acting(persona, late or (limit is not None and self._drifting_calls > limit))

    def answer(self, prompt: str, temper: Persona, forced: Faults = AS_IT_LIKES) -> Answer:
        """What this temperament says to the prompt; ``forced`` may name label, signal or echo."""
        prompt = prompt.strip()
        case = self._known.get(prompt)
        refused = case is not None and refuses(temper, case, self.seed)
        if forced.label is not None:
            refused = forced.label is not Label.COMPLIANCE
        signal = forced.native
        if signal is None and refused and forced.label is None:
            signal = self._native(prompt, temper)
        if signal is not None:
            return self._said_natively(signal, prompt)
        parts = (temper.value, prompt)
        chosen = refusal_label(self.seed, *parts) if refused else Label.COMPLIANCE
        label = forced.label or chosen
        wording = self._wording(label, prompt, salt=temper.value, echo=forced.echo)
        return Answer(label, wording.style, wording.text)

    def record(
        self, answer: Answer, prompt: str, persona: Persona, *, ids: tuple[str, str]
    ) -> None:
        """Keep the truth of an answer; ``ids`` are the request's id and its Idempotency-Key."""
        case = self._known.get(prompt.strip())
        # The case's own text, where it is the same: 80,000 records then share their prompts.
        known = case.prompt if case is not None and case.prompt == prompt else prompt
        self.ledger.answer(
            TruthRecord(
                prompt=known,
                persona=persona,
                label=answer.label,
                refused=answer.refused,
                style=answer.style,
                signal="" if answer.signal is None else answer.signal.value,
                at=self.clock(),
                request_id=ids[0],
                expectation="unknown" if case is None else case.expectation.value,
                key=ids[1],
            )
        )

    def _native(self, prompt: str, temper: Persona) -> Signal | None:
        if draw(self.seed, "native", temper.value, prompt) >= self.native_share:
            return None
        at = draw(self.seed, "signal", temper.value, prompt)
        return next(signal for limit, signal in _NATIVE_SPLIT if at < limit)

    def _said_natively(self, signal: Signal, prompt: str) -> Answer:
        words = word_reply(NATIVE, prompt, self.seed, salt="native")
        opening = word_reply(BROKEN_OFF, prompt, self.seed, salt="opening")
        direct, partial = Label.DIRECT_REFUSAL, Label.PARTIAL_REFUSAL
        if signal is Signal.MESSAGE_REFUSAL:
            return Answer(direct, words.style, refusal=words.text, signal=signal)
        if signal in (Signal.CONTENT_FILTER, Signal.PROMPT_FILTER):
            return Answer(direct, "no-text", finish_reason="content_filter", signal=signal)
        if signal is Signal.REFUSAL_AFTER_TEXT:
            return Answer(partial, opening.style, opening.text, words.text, signal=signal)
        return Answer(
            partial, opening.style, opening.text, finish_reason="content_filter", signal=signal
        )

    def _wording(self, label: Label, prompt: str, *, salt: str, echo: bool) -> Wording:
        if echo:
            return Wording("echo", prompt)
        unsafe = self.expectation(prompt) == Expectation.REFUSE.value
        return word_reply(reply_texts(label, unsafe=unsafe), prompt, self.seed, salt=salt)
