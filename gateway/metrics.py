"""Every metric, declared once: its name, type, labels and buckets; and how each is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.config_values import UNROUTED


class Kind(StrEnum):
    """A metric's type, as Prometheus names it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric. ``buckets`` are upper bounds in the metric's unit, without +Inf."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CALL_BUCKETS = tuple(0.01 * 2**power for power in range(15))
"""10 ms to 164 s, doubling: OpenTelemetry's buckets for gen_ai.client.operation.duration and one
above, because a long generation passes its last."""
FIRST_TOKEN_BUCKETS = (
    *(0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25),
    *(0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0),
)
"""OpenTelemetry's buckets for gen_ai.server.time_to_first_token, less the first, with one above."""
OVERHEAD_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""A proxy in Python costs about a millisecond; what is beyond 100 ms is an overloaded one."""
SCORING_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds an exchange: rules take half a millisecond, a small encoder on a busy core some fifty."""

_CELL = ("deployment", "traffic", "set", "category")
_RATE_MEANINGS = {
    "over_refusal": "Refusals among decided trials of prompts that expect compliance",
    "safe_refusal": "Refusals among decided trials of prompts that expect refusal",
    "refusal": "Refusals among decided live exchanges, no expectation known",
}


def _rate(name: str, meaning: str) -> tuple[Declared, ...]:
    return (
        Declared(f"candor_{name}_ratio", Kind.GAUGE, f"{meaning}.", _CELL),
        Declared(f"candor_{name}_low_ratio", Kind.GAUGE, f"{meaning}: 95 % Wilson, low.", _CELL),
        Declared(f"candor_{name}_high_ratio", Kind.GAUGE, f"{meaning}: 95 % Wilson, high.", _CELL),
        Declared(f"candor_{name}_trials", Kind.GAUGE, f"{meaning}: how many decided.", _CELL),
    )


DECLARED: tuple[Declared, ...] = (
    Declared(
        "candor_requests_total",
        Kind.COUNTER,
        "Calls that ended, by the HTTP status the client was sent.",
        ("deployment", "endpoint", "status"),
    ),
    Declared(
        "candor_request_duration_seconds",
        Kind.HISTOGRAM,
        "From the arrival of a call to the last byte of its reply.",
        ("deployment", "endpoint"),
        CALL_BUCKETS,
    ),
    Declared(
        "candor_time_to_first_token_seconds",
        Kind.HISTOGRAM,
        "From the arrival of a call to the first byte of a streamed reply.",
        ("deployment", "endpoint"),
        FIRST_TOKEN_BUCKETS,
    ),
    Declared(
        "candor_gateway_overhead_seconds",
        Kind.HISTOGRAM,
        "The gateway's own share of a call.",
        ("deployment", "endpoint"),
        OVERHEAD_BUCKETS,
    ),
    Declared(
        "candor_requests_in_flight", Kind.GAUGE, "Calls that have not ended.", ("deployment",)
    ),
    Declared(
        "candor_tokens_total",
        Kind.COUNTER,
        "Tokens that replies say they cost; input includes what a prompt cache held.",
        ("deployment", "direction"),
    ),
    Declared(
        "candor_retries_total",
        Kind.COUNTER,
        "Tries of a deployment that failed and were made again.",
        ("deployment",),
    ),
    Declared(
        "candor_fallbacks_total",
        Kind.COUNTER,
        "Calls to a deployment that another one was asked to serve instead.",
        ("deployment", "served_by"),
    ),
    Declared(
        "candor_fallback_hidden_refusals_total",
        Kind.COUNTER,
        "Refusals that the client did not see because another deployment was asked instead.",
        ("deployment", "served_by"),
    ),
    Declared(
        "candor_mirror_captures_total",
        Kind.COUNTER,
        "Sampled calls: queued on disk or dropped; then scored or failed.",
        ("deployment", "outcome"),
    ),
    Declared("candor_mirror_queue_depth", Kind.GAUGE, "Captures that wait to be scored."),
    Declared(
        "candor_mirror_lag_seconds",
        Kind.GAUGE,
        "Age of the oldest capture that waits to be scored; 0 where none waits.",
    ),
    Declared(
        "candor_verdicts_total",
        Kind.COUNTER,
        "Verdicts, the undecided among them.",
        ("deployment", "traffic", "category", "label", "source"),
    ),
    Declared(
        "candor_verdicts_by_stage_total",
        Kind.COUNTER,
        "Verdicts on captures by the stage of the cascade that decided; none: undecided.",
        ("deployment", "stage"),
    ),
    *(each for name, meaning in _RATE_MEANINGS.items() for each in _rate(name, meaning)),
    Declared(
        "candor_probe_runs_total",
        Kind.COUNTER,
        "Probe runs by what came of them: a rate, none, or no run at all.",
        ("deployment", "set", "result"),
    ),
    Declared(
        "candor_probe_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When the last probe run that gave a rate finished.",
        ("deployment", "set"),
    ),
    Declared(
        "candor_probe_cost_usd_total",
        Kind.COUNTER,
        "What the trials of probe runs cost, where that is known.",
        ("deployment", "set"),
    ),
    Declared(
        "candor_classifier_info",
        Kind.GAUGE,
        "The classifier that scores, always 1.",
        ("classifier",),
    ),
    Declared(
        "candor_classifier_truncated_total",
        Kind.COUNTER,
        "Replies that were too long for the classifier to read whole.",
        ("classifier",),
    ),
    Declared(
        "candor_scoring_duration_seconds",
        Kind.HISTOGRAM,
        "What judging takes, per exchange of a batch.",
        ("classifier",),
        SCORING_BUCKETS,
    ),
)

_BY_NAME = {declared.name: declared for declared in DECLARED}


def deployment_label(name: str, configured: Collection[str]) -> str:
    """The name if the configuration has it, else ``other``."""
    return name if name in configured else UNROUTED


def counter_family(name: str) -> CounterMetricFamily:
    """An empty family of a declared counter, for collectors."""
    declared = _BY_NAME[name]
    return CounterMetricFamily(name, declared.meaning, labels=declared.labels)


def gauge_family(name: str) -> GaugeMetricFamily:
    """An empty family of a declared gauge, for collectors."""
    declared = _BY_NAME[name]
    return GaugeMetricFamily(name, declared.meaning, labels=declared.labels)


def histogram_family(name: str) -> HistogramMetricFamily:
    """An empty family of a declared histogram, for collectors."""
    declared = _BY_NAME[name]
    return HistogramMetricFamily(name, declared.meaning, labels=declared.labels)


def family_of(name: str, series: Iterable[tuple[Sequence[str], Sequence[float]]]) -> Metric:
    """A declared metric's samples: labels and numbers of each series.

    A counter or a gauge has one number; a histogram those of its buckets, the last without a
    bound, and behind them the sum.
    """
    declared = _BY_NAME[name]
    match declared.kind:
        case Kind.COUNTER:
            counter = counter_family(name)
            for labels, counts in series:
                counter.add_metric(labels, counts[0])
            return counter
        case Kind.GAUGE:
            gauge = gauge_family(name)
            for labels, counts in series:
                gauge.add_metric(labels, counts[0])
            return gauge
        case Kind.HISTOGRAM:
            histogram = histogram_family(name)
            bounds = [*map(str, declared.buckets), "+Inf"]
            for labels, (*counts, total) in series:
                buckets = list(zip(bounds, accumulate(counts), strict=True))
                histogram.add_metric(labels, buckets, total)
            return histogram


def exposition(registry: Collector, accept: str | None) -> tuple[bytes, str]:
    """The body of /metrics and its content type: OpenMetrics where it is asked for, else text.

    Reads the store: call it from a thread.
    """
    encode, content_type = choose_encoder(accept or "")
    return encode(registry), content_type
