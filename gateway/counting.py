"""What the gateway counts and times of calls, in cells, and shows as the sum over its workers."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.cells import Cells, Key
from gateway.metrics import (
    CALL_BUCKETS,
    FIRST_TOKEN_BUCKETS,
    OVERHEAD_BUCKETS,
    deployment_label,
    family_of,
)
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import FinishedCall

_FIRST_STATUSES = ("200", "429", "500", "502", "503", "504")

_REQUESTS = "candor_requests_total"
_DURATION = "candor_request_duration_seconds"
_FIRST_TOKEN = "candor_time_to_first_token_seconds"
_OVERHEAD = "candor_gateway_overhead_seconds"
_IN_FLIGHT = "candor_requests_in_flight"
_TOKENS = "candor_tokens_total"
_RETRIES = "candor_retries_total"
_FALLBACKS = "candor_fallbacks_total"
_HIDDEN = "candor_fallback_hidden_refusals_total"
_OF_CALLS = (
    *(_REQUESTS, _DURATION, _FIRST_TOKEN, _OVERHEAD, _IN_FLIGHT),
    *(_TOKENS, _RETRIES, _FALLBACKS, _HIDDEN),
)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the calls of one deployment, endpoint and status are counted: indices of cells.

    A histogram's block is its buckets, the last without a bound, and behind them the sum.
    """

    in_flight: int
    calls: int
    duration: int
    overhead: int
    first_token: int | None
    """None until a reply of these was streamed: what is never measured is absent."""
    tokens: tuple[int, int] | None = None
    """Those in and those out, once a reply of these has told any."""


class Metrics(Collector):
    """What the gateway measures of calls, in cells, shown by the registry it is given.

    Deployment labels are the configured names and ``other``. The calls of a configured deployment
    start at 0, so that rate() sees the first of them; what is never measured is absent. What is
    shown are the sums over all workers; what is counted is this worker's, on one thread.
    """

    def __init__(
        self, registry: CollectorRegistry, deployments: Iterable[str], cells: Cells | None = None
    ) -> None:
        self._cells = cells or Cells()
        self._values = self._cells.values
        self._deployments: frozenset[str] = frozenset()
        self._places: dict[tuple[str, str, int | None], _Places] = {}
        self._singles: dict[Key, int] = {}
        self._in_flight: dict[str, int] = {}
        self._cells.zero(_IN_FLIGHT)
        self.configure(deployments)
        registry.register(self)

    def configure(
        self, deployments: Iterable[str], detours: Iterable[tuple[str, str, bool]] = ()
    ) -> None:
        """Go on with these deployments as well: after a reload.

        Those that are configured no longer keep their label, so that what is in flight to them
        can end where it began. ``detours`` are the ways that calls may take: from which deployment
        to which, and whether because of a refusal.
        """
        self._deployments |= frozenset(deployments)
        for name in sorted(self._deployments):
            for status in _FIRST_STATUSES:
                self._single(_REQUESTS, name, Endpoint.CHAT_COMPLETIONS.value, status)
            for key in ((_IN_FLIGHT, name), (_RETRIES, name)):
                self._single(*key)
        for first, second, refused in detours:
            self._single(_FALLBACKS, first, second)
            if refused:
                self._single(_HIDDEN, first, second)

    def arrived(self, deployment: str) -> None:
        """A call is in flight."""
        index = self._in_flight.get(deployment)
        if index is None:
            index = self._single(_IN_FLIGHT, self._label(deployment))
            if deployment in self._deployments:
                self._in_flight[deployment] = index
        self._values[index] += 1

    def finished(self, call: FinishedCall) -> None:
        """A call ended. Only a stream has a first token: of other replies all comes at once."""
        key = (call.deployment, call.endpoint, call.status)
        places = self._places.get(key) or self._placed(key)
        values = self._values
        values[places.in_flight] -= 1
        values[places.calls] += 1
        _observe(values, places.duration, CALL_BUCKETS, call.duration_seconds)
        _observe(values, places.overhead, OVERHEAD_BUCKETS, call.overhead_seconds)
        if call.first_byte_seconds is not None and _streamed(call.content_type):
            first_token = places.first_token
            if first_token is None:
                first_token = self._first_token(key)
            _observe(values, first_token, FIRST_TOKEN_BUCKETS, call.first_byte_seconds)
        usage = call.usage
        if usage is not None and not usage.estimated:
            tokens = places.tokens or self._tokens(key)
            values[tokens[0]] += usage.input_tokens
            values[tokens[1]] += usage.output_tokens

    def retried(self, deployment: str) -> None:
        """A try at a deployment failed and is made again."""
        self._add(1, _RETRIES, self._label(deployment))

    def fell_back(self, deployment: str, served_by: str) -> None:
        """Another deployment is asked instead: there the call is in flight from now on."""
        first, second = self._label(deployment), self._label(served_by)
        self._add(1, _FALLBACKS, first, second)
        self._add(-1, _IN_FLIGHT, first)
        self._add(1, _IN_FLIGHT, second)

    def hidden_refusal(self, deployment: str, served_by: str) -> None:
        """A refusal is hidden from the client because another deployment is asked instead."""
        self._add(1, _HIDDEN, self._label(deployment), self._label(served_by))

    def requests(self) -> dict[str, int]:
        """Calls that ended, by deployment, since the start of this gateway: of all workers."""
        found = Counter(dict.fromkeys(self._deployments, 0))
        for key, counts in self._cells.totals().items():
            if key[0] == _REQUESTS:
                found[key[1]] += int(counts[0])
        return dict(found)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family of calls, as of now, over all workers."""
        totals = self._cells.totals()
        by_name: dict[str, list[tuple[Key, list[float]]]] = {name: [] for name in _OF_CALLS}
        for (name, *labels), counts in sorted(totals.items()):
            if name in by_name:
                by_name[name].append((tuple(labels), counts))
        for name, series in by_name.items():
            yield family_of(name, series)

    def _label(self, deployment: str) -> str:
        return deployment_label(deployment, self._deployments)

    def _single(self, *key: str) -> int:
        index = self._singles.get(key)
        if index is None:
            index = self._singles[key] = self._cells.block(key)
        return index

    def _add(self, amount: float, *key: str) -> None:
        self._values[self._single(*key)] += amount

    def _placed(self, key: tuple[str, Endpoint, int | None]) -> _Places:
        """The places of a key that is seen for the first time, or has no label of its own."""
        name, endpoint, status = key
        deployment, known = self._label(name), Endpoint(endpoint).value
        code = _status(status)
        places = _Places(
            in_flight=self._single(_IN_FLIGHT, deployment),
            calls=self._single(_REQUESTS, deployment, known, code),
            duration=self._cells.block((_DURATION, deployment, known), len(CALL_BUCKETS) + 2),
            overhead=self._cells.block((_OVERHEAD, deployment, known), len(OVERHEAD_BUCKETS) + 2),
            first_token=None,
        )
        if deployment == name and code != _ODD:
            self._places[key] = places
        return places

    def _first_token(self, key: tuple[str, Endpoint, int | None]) -> int:
        block = (_FIRST_TOKEN, self._label(key[0]), Endpoint(key[1]).value)
        index = self._cells.block(block, len(FIRST_TOKEN_BUCKETS) + 2)
        if key in self._places:
            self._places[key] = replace(self._places[key], first_token=index)
        return index

    def _tokens(self, key: tuple[str, Endpoint, int | None]) -> tuple[int, int]:
        deployment = self._label(key[0])
        tokens = (
            self._single(_TOKENS, deployment, "input"),
            self._single(_TOKENS, deployment, "output"),
        )
        if key in self._places:
            self._places[key] = replace(self._places[key], tokens=tokens)
        return tokens


def _observe(values: memoryview[float], first: int, bounds: Sequence[float], value: float) -> None:
    """Add a measurement to a histogram's block: to the first bucket whose bound it is within."""
    values[first + bisect_left(bounds, value)] += 1
    values[first + len(bounds) + 1] += value


_ODD = "other"


def _status(status: int | None) -> str:
    if status is None:
        return "none"
    return str(status) if 100 <= status <= 599 else _ODD


def _streamed(content_type: str) -> bool:
    return content_type[:17].lower() == "text/event-stream"
