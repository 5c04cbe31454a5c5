"""The values that go into the store and come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from classifiers.verdict import Label, RefusalSource, Verdict

ALL = "all"
"""The category of a whole: a rate over every category of a set."""
UNKNOWN_CATEGORY = "unknown"
"""The category of live traffic: nothing in this version says what a live prompt is about."""


class ExchangeOutcome(StrEnum):
    """What came of a capture."""

    JUDGED = "judged"
    """Read and judged; the label may still be undecided."""
    ERROR = "error"
    """There is no reply to judge: an error, a broken stream, an empty body."""
    FAILED = "failed"
    """It could not be scored at all, however often it was tried."""


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """A scored capture, redacted, as the store keeps it.

    ``verdict`` is None unless ``outcome`` is judged. ``captured_at`` and ``scored_at`` are Unix
    times; ``prompt`` is a list of (role, text).
    """

    capture_id: str
    request_id: str
    deployment: str
    endpoint: str
    captured_at: float
    scored_at: float
    outcome: ExchangeOutcome
    verdict: Verdict | None
    traffic: str = "live"
    category: str = UNKNOWN_CATEGORY
    status: int | None = None
    duration_seconds: float = 0.0
    first_byte_seconds: float | None = None
    model: str = ""
    ending: str = ""
    problem: str = ""
    prompt: tuple[tuple[str, str], ...] = ()
    reply: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    tool_calls: int = 0
    signals: tuple[dict[str, str], ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class VerdictTally:
    """How many verdicts fell on one cell of ``candor_verdicts_total``."""

    deployment: str
    traffic: str
    category: str
    label: Label
    source: RefusalSource
    count: int


@dataclass(frozen=True, slots=True)
class CaptureTally:
    """How many captures of a deployment ended as ``scored`` or as ``failed``."""

    deployment: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class StageTally:
    """How many verdicts on a deployment's exchanges a stage of the cascade decided."""

    deployment: str
    stage: str
    count: int


@dataclass(frozen=True, slots=True)
class ClassifierRecord:
    """A classifier that scored here, with its latency histogram.

    ``buckets`` are counts per bucket of SCORING_BUCKETS, the last one for everything above;
    ``seconds`` is their sum; ``loaded_at`` is the Unix time of the last start with it;
    ``truncated`` counts the replies that were too long to be read whole.
    """

    name: str
    loaded_at: float
    seconds: float
    buckets: tuple[int, ...]
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class ScoringTime:
    """What a batch took a noted classifier: its seconds, exchanges per bucket, and how many of
    them it read only in part."""

    classifier: str
    seconds: float
    buckets: tuple[int, ...]
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class RunRateRecord:
    """A rate of one set of a run; ``category`` is ``all`` for the whole set.

    ``value``, ``low`` and ``high`` are None together, where nothing was decided.
    """

    set_name: str
    rate: str
    category: str
    hits: int
    decided: int
    undecided: int
    errors: int
    value: float | None
    low: float | None
    high: float | None
    confidence: float = 0.95
    method: str = "wilson"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished probe run. Times are Unix times; ``decided`` counts the trials with a label."""

    run_id: str
    deployment: str
    target: dict[str, Any]
    classifier: str
    started_at: float
    finished_at: float
    posted_at: float
    trials: int
    decided: int
    summary: dict[str, Any] = field(default_factory=dict)
    rates: tuple[RunRateRecord, ...] = ()

    @property
    def model(self) -> str:
        """The model that was asked for; empty where the target does not say."""
        return str(self.target.get("model") or "")


@dataclass(frozen=True, slots=True)
class RunCount:
    """How many runs over a set did, or did not, give a rate, and when the last of them ended."""

    deployment: str
    set_name: str
    measured: bool
    count: int
    last_finished_at: float
