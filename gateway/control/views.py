"""What the control API answers, as its OpenAPI document shows it. Times are Unix seconds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.store import ExchangeRecord, RunRateRecord, RunRecord
from probes.rates import Rate


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class RateView(View):
    """A rate with its interval and its counts; without a value where none may be given."""

    value: float | None
    """Refusals among decided; null where nothing was decided or most trials were errors."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    confidence: float
    """Of the interval."""
    method: str
    """Of the interval."""
    hits: int
    """Refusals."""
    decided: int
    """Trials or exchanges whose verdict says refused or not."""
    undecided: int
    """Those whose verdict does not."""
    errors: int
    """Those without a reply to judge."""

    @classmethod
    def of(cls, rate: Rate | RunRateRecord) -> RateView:
        """The view of a rate."""
        return cls(**{name: getattr(rate, name) for name in RateView.model_fields})


class FrontierPointView(View):
    """Where a deployment stands, from the newest run of each set it was asked."""

    deployment: str
    model: str
    """The model that the probes asked for."""
    title: str
    """The deployment, with the model where its name does not tell it."""
    sets: list[str]
    """The sets behind the two rates."""
    over_refusal: RateView | None
    """Null where no set expects compliance."""
    safe_refusal: RateView | None
    """Null where no set expects refusal."""
    updated: float
    """When the newest of its runs ended."""


class LiveView(View):
    """The refusal rate of a deployment's sampled live exchanges since the store began."""

    deployment: str
    refusal: RateView


class FrontierView(View):
    """The frontier, and what live traffic adds to it."""

    points: list[FrontierPointView]
    """Least over-refusal first."""
    live: list[LiveView]


class DeploymentView(View):
    """A deployment as configured, with what it did."""

    name: str
    model: str
    """What clients ask for."""
    requests: int
    """Calls that ended since the gateway started."""
    refusal: RateView
    """Of its sampled live exchanges."""


class DeploymentsView(View):
    """Every configured deployment."""

    deployments: list[DeploymentView]


class TurnView(View):
    """One turn of a prompt."""

    role: str
    text: str


class VerdictView(View):
    """What was decided about a reply."""

    label: str
    refused: bool | None
    probability: float | None
    """P(refused)."""
    source: str
    """Who refused."""
    method: str
    """The stage that decided."""
    classifier: str
    reason: str


class SignalView(View):
    """A refusal that the provider stated outright."""

    kind: str
    source: str
    detail: str


class ExchangeView(View):
    """A sampled call, its texts redacted."""

    capture_id: str
    request_id: str
    deployment: str
    traffic: str
    endpoint: str
    model: str
    captured_at: float
    scored_at: float
    status: int | None
    duration_seconds: float
    outcome: str
    """judged, error (there is no reply to judge) or failed (it could not be scored)."""
    ending: str
    problem: str
    """What went wrong, in one line."""
    prompt: list[TurnView]
    reply: str
    reasoning: str
    finish_reason: str
    signals: list[SignalView]
    category: str
    verdict: VerdictView | None
    """Null unless the outcome is judged."""

    @classmethod
    def of(cls, record: ExchangeRecord) -> ExchangeView:
        """The view of a stored exchange."""
        made = {"prompt", "signals", "verdict"}
        plain = {name: getattr(record, name) for name in cls.model_fields if name not in made}
        verdict = record.verdict
        return cls(
            **plain,
            prompt=[TurnView(role=role, text=text) for role, text in record.prompt],
            signals=[SignalView(**signal) for signal in record.signals],
            verdict=None if verdict is None else VerdictView(**verdict.as_json()),
        )


class ExchangesView(View):
    """Exchanges, the latest first."""

    exchanges: list[ExchangeView]


class RunRateView(RateView):
    """A rate of one set of a run."""

    set: str
    rate: str
    category: str
    """``all`` for the whole set."""


class RunView(View):
    """A finished probe run."""

    run_id: str
    deployment: str
    model: str
    classifier: str
    started_at: float
    finished_at: float
    posted_at: float
    trials: int
    decided: int
    rates: list[RunRateView]

    @classmethod
    def of(cls, record: RunRecord) -> RunView:
        """The view of a stored run."""
        made = {"model", "rates"}
        plain = {name: getattr(record, name) for name in cls.model_fields if name not in made}
        rates = [
            RunRateView(
                **RateView.of(rate).model_dump(),
                set=rate.set_name,
                rate=rate.rate,
                category=rate.category,
            )
            for rate in record.rates
        ]
        return cls(**plain, model=str(record.target.get("model", "")), rates=rates)


class RunsView(View):
    """Runs, the latest begun first."""

    runs: list[RunView]


class PostedView(View):
    """What came of a posted run."""

    run_id: str
    deployment: str
    added: bool
    """False where the run was already here; it is counted once."""
