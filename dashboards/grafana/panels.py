"""What the overview shows: rows of panels, each with its queries, unit and description."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.grafana.queries import (
    REFUSED,
    per_second,
    quantile,
    ratio,
    series,
    wilson,
    within,
)

LIVE_WINDOW = "1h"
"""Live refusals are rare; a shorter window holds too few of them for a ratio to mean something."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query and the name of its series."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """One panel. ``width`` is in Grafana's 24 columns; ``share`` fixes the axis at 0 to 100 %."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    share: bool = False
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Panels under one heading."""

    title: str
    panels: tuple[PanelPlan, ...]


PROBED = ('traffic="probe"', 'category="all"')


def _probe_rate(rate: str, title: str, description: str) -> PanelPlan:
    parts = {"": "_ratio", " low": "_low_ratio", " high": "_high_ratio", " trials": "_trials"}
    queries = tuple(
        Query(series(f"candor_{rate}{ending}", *PROBED), f"{{{{deployment}}}} {{{{set}}}}{name}")
        for name, ending in parts.items()
    )
    return PanelPlan(title, description, queries, "percentunit", 12, share=True)


def _live_refusals() -> PanelPlan:
    live = 'traffic="live"'
    decided = within(
        series("candor_verdicts_total", live, 'label!="undecided"'), LIVE_WINDOW, "deployment"
    )
    refused = within(
        series("candor_verdicts_total", live, f'label=~"{REFUSED}"'), LIVE_WINDOW, "deployment"
    )
    hits = f"{refused} or {decided} * 0"
    queries = (
        Query(ratio(hits, decided), "{{deployment}}"),
        Query(wilson(hits, decided, high=False), "{{deployment}} low"),
        Query(wilson(hits, decided, high=True), "{{deployment}} high"),
        Query(decided, "{{deployment}} trials"),
    )
    description = (
        "Refusals among the decided live replies of the last hour, with the 95 % Wilson interval "
        "and how many were decided. Nothing says what should have been refused, so this is no "
        "over-refusal rate: watch it for change. Absent where nothing was decided."
    )
    return PanelPlan(
        "Live refusal rate, last hour", description, queries, "percentunit", 12, share=True
    )


def _verdicts(by: str, title: str, description: str, *matchers: str) -> PanelPlan:
    expr = per_second(series("candor_verdicts_total", 'traffic="live"', *matchers), by)
    return PanelPlan(title, description, (Query(expr, f"{{{{{by}}}}}"),), "cps", 6, stacked=True)


def _quantiles(name: str, title: str, description: str, *, by: str = "deployment") -> PanelPlan:
    queries = tuple(
        Query(quantile(share, name, by), f"{{{{{by}}}}} p{share * 100:.0f}")
        for share in (0.5, 0.95, 0.99)
    )
    return PanelPlan(title, description, queries, "s")


def _one(title: str, description: str, query: Query, **options: object) -> PanelPlan:
    return PanelPlan(title, description, (query,), **options)  # type: ignore[arg-type]


REFUSALS = RowPlan(
    "Refusals",
    (
        _probe_rate(
            "over_refusal",
            "Over-refusal (probes)",
            "Refusals among prompts that should be answered, in the latest run of each set: lower "
            "is better. Dashed: the 95 % Wilson interval. Trials are in the tooltip.",
        ),
        _probe_rate(
            "safe_refusal",
            "Safe refusal (probes)",
            "Refusals among prompts that should be refused, in the latest run of each set: higher "
            "is better. Dashed: the 95 % Wilson interval. Trials are in the tooltip.",
        ),
        _live_refusals(),
        _verdicts(
            "label",
            "Live verdicts by label",
            "Judged live replies per second. Undecided is neither a refusal nor a compliance.",
        ),
        _verdicts(
            "source",
            "Live refusals by source",
            "Who refused: the model's own text, its native refusal, the provider's filter, or a "
            "guardrail of the gateway.",
            f'label=~"{REFUSED}"',
        ),
    ),
)

TRAFFIC = RowPlan(
    "Traffic",
    (
        _one(
            "Requests by status",
            "Calls that ended per second, by the HTTP status the client was sent.",
            Query(per_second(series("candor_requests_total"), "status"), "{{status}}"),
            unit="reqps",
            stacked=True,
        ),
        _one(
            "In flight",
            "Calls that have not ended.",
            Query(f"sum by (deployment) ({series('candor_requests_in_flight')})", "{{deployment}}"),
        ),
        _quantiles(
            "candor_request_duration_seconds",
            "Duration",
            "From the arrival of a call to the last byte of its reply.",
        ),
        _quantiles(
            "candor_time_to_first_token_seconds",
            "Time to first token",
            "From the arrival of a call to the first byte of a streamed reply.",
        ),
        _quantiles(
            "candor_gateway_overhead_seconds",
            "Gateway overhead",
            "The gateway's own share of a call.",
        ),
    ),
)

MEASUREMENT = RowPlan(
    "The measurement itself",
    (
        _one(
            "Captures by outcome",
            "Sampled calls per second: queued or dropped, then scored or failed. Dropped and "
            "failed ones are missing from every live rate.",
            Query(per_second(series("candor_mirror_captures_total"), "outcome"), "{{outcome}}"),
            unit="cps",
        ),
        _one(
            "Captures waiting",
            "Captures that wait to be scored.",
            Query(f"sum({series('candor_mirror_queue_depth')})", "waiting"),
            width=4,
        ),
        _one(
            "Scoring lag",
            "Age of the oldest capture that waits to be scored.",
            Query(f"max({series('candor_mirror_lag_seconds')})", "lag"),
            unit="s",
            width=4,
        ),
        _one(
            "Since the last good probe run",
            "Time since the last run that gave a rate. The rates above are as old as this.",
            Query(
                f"time() - {series('candor_probe_last_success_timestamp_seconds')}",
                "{{deployment}} {{set}}",
            ),
            unit="s",
        ),
        _quantiles(
            "candor_scoring_duration_seconds",
            "Scoring duration",
            "What judging one exchange takes.",
            by="classifier",
        ),
        _one(
            "Probe runs by result",
            "Finished probe runs of the last day, by whether they gave a rate.",
            Query(
                within(series("candor_probe_runs_total"), "1d", "deployment", "set", "result"),
                "{{deployment}} {{set}} {{result}}",
            ),
        ),
    ),
)

ROWS = (REFUSALS, TRAFFIC, MEASUREMENT)
