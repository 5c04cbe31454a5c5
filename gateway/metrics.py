"""Every metric, declared once: its name, type, labels and buckets; and those measured in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import UNROUTED, FinishedCall


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


_CALL_BUCKETS = tuple(0.01 * 2**power for power in range(15))
"""10 ms to 164 s, doubling: OpenTelemetry's buckets for gen_ai.client.operation.duration and one
above, because a long generation passes its last."""
_FIRST_TOKEN_BUCKETS = (
    *(0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25),
    *(0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0),
)
"""OpenTelemetry's buckets for gen_ai.server.time_to_first_token, less the first, with one above."""
_OVERHEAD_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
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
        _CALL_BUCKETS,
    ),
    Declared(
        "candor_time_to_first_token_seconds",
        Kind.HISTOGRAM,
        "From the arrival of a call to the first byte of a streamed reply.",
        ("deployment", "endpoint"),
        _FIRST_TOKEN_BUCKETS,
    ),
    Declared(
        "candor_gateway_overhead_seconds",
        Kind.HISTOGRAM,
        "The gateway's own share of a call.",
        ("deployment", "endpoint"),
        _OVERHEAD_BUCKETS,
    ),
    Declared(
        "candor_requests_in_flight", Kind.GAUGE, "Calls that have not ended.", ("deployment",)
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
    *(each for name, meaning in _RATE_MEANINGS.items() for each in _rate(name, meaning)),
    Declared(
        "candor_probe_runs_total",
        Kind.COUNTER,
        "Finished probe runs by whether they gave a rate.",
        ("deployment", "set", "result"),
    ),
    Declared(
        "candor_probe_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When the last probe run that gave a rate finished.",
        ("deployment", "set"),
    ),
    Declared(
        "candor_classifier_info",
        Kind.GAUGE,
        "The classifier that scores, always 1.",
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
_FIRST_STATUSES = ("200", "429", "500", "502", "503", "504")


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


class Metrics:
    """What the gateway measures of calls, in memory, in the registry it is given.

    Deployment labels are the configured names and ``other``. The calls of a configured deployment
    start at 0, so that rate() sees the first of them; what is never measured is absent.
    """

    def __init__(self, registry: CollectorRegistry, deployments: Iterable[str]) -> None:
        self._deployments = frozenset(deployments)
        self._calls = _counter("candor_requests_total", registry)
        self._duration = _histogram("candor_request_duration_seconds", registry)
        self._first_token = _histogram("candor_time_to_first_token_seconds", registry)
        self._overhead = _histogram("candor_gateway_overhead_seconds", registry)
        self._in_flight = _gauge("candor_requests_in_flight", registry)
        for name in sorted(self._deployments):
            self._in_flight.labels(name)
            for status in _FIRST_STATUSES:
                self._calls.labels(name, Endpoint.CHAT_COMPLETIONS.value, status)

    def arrived(self, deployment: str) -> None:
        """A call is in flight."""
        self._in_flight.labels(deployment_label(deployment, self._deployments)).inc()

    def finished(self, call: FinishedCall) -> None:
        """A call ended. Only a stream has a first token: of other replies all comes at once."""
        deployment = deployment_label(call.deployment, self._deployments)
        endpoint = Endpoint(call.endpoint).value
        self._in_flight.labels(deployment).dec()
        self._calls.labels(deployment, endpoint, _status(call.status)).inc()
        self._duration.labels(deployment, endpoint).observe(call.duration_seconds)
        self._overhead.labels(deployment, endpoint).observe(call.overhead_seconds)
        streamed = call.content_type.lower().startswith("text/event-stream")
        if streamed and call.first_byte_seconds is not None:
            self._first_token.labels(deployment, endpoint).observe(call.first_byte_seconds)

    def requests(self) -> dict[str, int]:
        """Calls that ended, by deployment, since the start of this process."""
        found: dict[str, int] = dict.fromkeys(self._deployments, 0)
        for family in self._calls.collect():
            for sample in family.samples:
                if sample.name == "candor_requests_total":
                    name = sample.labels["deployment"]
                    found[name] = found.get(name, 0) + int(sample.value)
        return found


def exposition(registry: Collector, accept: str | None) -> tuple[bytes, str]:
    """The body of /metrics and its content type: OpenMetrics where it is asked for, else text.

    The text format has no room for creation times, so they are left out of it: as gauges of their
    own they would be metrics that nobody declared. Reads the store: call it from a thread.
    """
    encode, content_type = choose_encoder(accept or "")
    open_metrics = content_type.startswith("application/openmetrics-text")
    return encode(registry if open_metrics else _WithoutCreated(registry)), content_type


class _WithoutCreated(Collector):
    def __init__(self, registry: Collector) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            created = f"{family.name}_created"
            family.samples = [sample for sample in family.samples if sample.name != created]
            yield family


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    declared = _BY_NAME[name]
    return Counter(name, declared.meaning, declared.labels, registry=registry)


def _gauge(name: str, registry: CollectorRegistry) -> Gauge:
    declared = _BY_NAME[name]
    return Gauge(name, declared.meaning, declared.labels, registry=registry)


def _histogram(name: str, registry: CollectorRegistry) -> Histogram:
    declared = _BY_NAME[name]
    buckets: Sequence[float] = declared.buckets
    return Histogram(name, declared.meaning, declared.labels, registry=registry, buckets=buckets)


def _status(status: int | None) -> str:
    if status is None:
        return "none"
    return str(status) if 100 <= status <= 599 else "other"
