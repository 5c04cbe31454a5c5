"""Captures to records: read, redacted, judged. What cannot be judged is an error, not a verdict."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from classifiers.cascade import unjudgeable
from classifiers.exchange import Ending, Exchange
from classifiers.verdict import Classifier, Method, Verdict
from classifiers.wire import read_exchange
from gateway.metrics import SCORING_BUCKETS
from gateway.mirror.capture import Capture
from gateway.mirror.redaction import redacted
from gateway.mirror.spool import Spooled
from gateway.store import ExchangeOutcome, ExchangeRecord, ScoringTime

_READERS = (Method.EMBEDDING, Method.JUDGE)
"""The stages that read no more than a part of a very long reply."""


class Scoring:
    """What is done with a batch of captures, short of storing it.

    Text is redacted before it is judged, so that no classifier, and nothing a classifier asks,
    ever sees what may not be stored.
    """

    def __init__(
        self,
        classifier: Classifier,
        redact: Sequence[str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._classifier = classifier
        self._redact = tuple(redact)
        self._clock = clock

    @property
    def classifier(self) -> str:
        """``name@version`` of what judges."""
        return self._classifier.name

    def score(self, captures: Sequence[Capture]) -> tuple[list[ExchangeRecord], ScoringTime]:
        """One record per capture, in order, and what judging them took."""
        exchanges = [redacted(read_exchange(capture.raw()), self._redact) for capture in captures]
        judged = [place for place, exchange in enumerate(exchanges) if not error_in(exchange)]
        start = time.perf_counter()
        verdicts = self._classifier.judge([exchanges[place] for place in judged])
        seconds = time.perf_counter() - start
        by_place = dict(zip(judged, verdicts, strict=True))
        now = self._clock()
        records = [
            _record(capture, exchange, by_place.get(place), now)
            for place, (capture, exchange) in enumerate(zip(captures, exchanges, strict=True))
        ]
        # The gateway knows this module for its command line alone and needs no arrays for that.
        from classifiers.views import truncated

        cut = sum(
            verdict.method in _READERS and truncated(exchanges[place].reply)
            for place, verdict in by_place.items()
        )
        buckets = _buckets(seconds, len(judged))
        return records, ScoringTime(self.classifier, seconds, buckets, truncated=cut)


def error_in(exchange: Exchange) -> str:
    """Why there is no reply to judge, in one line; empty where there is one.

    A reply that is whole and only calls tools is a reply: it is judged, and undecided.
    """
    broken = exchange.ending in (Ending.ERROR, Ending.CUT)
    return "" if exchange.tool_calls and not broken else unjudgeable(exchange)


def failed(spooled: Spooled, now: float) -> ExchangeRecord:
    """The record of a capture that could not be scored: none of its text, only that it was."""
    capture = spooled.capture
    return ExchangeRecord(
        capture_id=spooled.capture_id,
        request_id=capture.request_id if capture else "",
        deployment=capture.deployment if capture else "other",
        endpoint=capture.endpoint if capture else "other",
        captured_at=capture.captured_at if capture else now,
        scored_at=now,
        outcome=ExchangeOutcome.FAILED,
        verdict=None,
        problem=f"not scored in {spooled.tries - 1} tries"
        if capture
        else "the spool's row is damaged",
    )


def _record(
    capture: Capture, exchange: Exchange, verdict: Verdict | None, now: float
) -> ExchangeRecord:
    usage = exchange.usage
    return ExchangeRecord(
        capture_id=capture.capture_id,
        request_id=capture.request_id,
        deployment=capture.deployment,
        endpoint=capture.endpoint,
        captured_at=capture.captured_at,
        scored_at=now,
        outcome=ExchangeOutcome.JUDGED if verdict else ExchangeOutcome.ERROR,
        verdict=verdict,
        traffic=capture.traffic,
        status=capture.status,
        duration_seconds=capture.duration_seconds,
        first_byte_seconds=capture.first_byte_seconds,
        model=exchange.model,
        ending=exchange.ending.value,
        problem=exchange.problem or ("" if verdict else error_in(exchange)),
        prompt=tuple((turn.role.value, turn.text) for turn in exchange.prompt),
        reply=exchange.reply,
        reasoning=exchange.reasoning,
        finish_reason=exchange.finish_reason,
        tool_calls=exchange.tool_calls,
        signals=tuple(
            {"kind": s.kind, "source": s.source.value, "detail": s.detail} for s in exchange.signals
        ),
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
    )


def _buckets(seconds: float, exchanges: int) -> tuple[int, ...]:
    counts = [0] * (len(SCORING_BUCKETS) + 1)
    if exchanges:
        counts[bisect_left(SCORING_BUCKETS, seconds / exchanges)] = exchanges
    return tuple(counts)
