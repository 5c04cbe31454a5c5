"""Writes overview.json from the plan of its panels.

Run as ``python -m dashboards.grafana.build`` after a change of panels.py or gateway/metrics.py.
"""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as models

from dashboards.grafana.panels import ROWS, PanelPlan, Query

OVERVIEW = Path(__file__).with_name("overview.json")
UID = "candor-overview"
HEIGHT = 8
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
CHOICES = "label_values(candor_requests_total, deployment)"

DASHED = {"fill": "dash", "dash": [4, 4]}
BOUNDS = "/ (low|high)$/"
COUNTS = "/ trials$/"


def overview() -> str:
    """The dashboard's JSON, as it is committed."""
    built = (
        dashboard.Dashboard("Candor overview")
        .uid(UID)
        .description("Refusals, traffic and the health of the measurement, by deployment.")
        .tags(["candor", "llm"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(datasource_variable())
        .with_variable(deployment_variable())
    )
    for row in ROWS:
        built.with_row(dashboard.Row(row.title))
        for plan in row.panels:
            built.with_panel(panel(plan))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def datasource_variable() -> dashboard.DatasourceVariable:
    """Which Prometheus."""
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def deployment_variable() -> dashboard.QueryVariable:
    """Which deployments; all of them at first."""
    return (
        dashboard.QueryVariable("deployment")
        .label("Deployment")
        .datasource(SOURCE)
        .query(CHOICES)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(text="All", value="$__all", selected=True))
    )


def panel(plan: PanelPlan) -> timeseries.Panel:
    """One panel; bounds are dashed and thin, counts stand in legend and tooltip alone."""
    built = (
        timeseries.Panel()
        .title(plan.title)
        .description(plan.description)
        .datasource(SOURCE)
        .unit(plan.unit)
        .min(0)
        .span(plan.width)
        .height(HEIGHT)
        .line_width(2)
        .fill_opacity(25 if plan.stacked else 0)
        .no_value("not measured")
        .legend(legend())
        .tooltip(tooltip())
    )
    if plan.share:
        built.max(1)
        built.override_by_regexp(BOUNDS, [value("custom.lineStyle", DASHED), *THIN])
        built.override_by_regexp(COUNTS, UNDRAWN)
    if plan.stacked:
        built.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL))
    for order, query in enumerate(plan.queries):
        built.with_target(target(query, chr(ord("A") + order)))
    return built


def legend() -> common.VizLegendOptions:
    """A list under the plot."""
    placed = common.VizLegendOptions().placement(words.LegendPlacement.BOTTOM)
    return placed.display_mode(words.LegendDisplayMode.LIST).show_legend(True)


def tooltip() -> common.VizTooltipOptions:
    """Every series at once, so that a ratio is never read without its interval and count."""
    return common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI)


def target(query: Query, ref: str) -> prometheus.Dataquery:
    """One query over time."""
    asked = prometheus.Dataquery().ref_id(ref).datasource(SOURCE).range()
    return asked.expr(query.expr).legend_format(query.legend)


def value(name: str, content: object) -> models.DynamicConfigValue:
    """One overridden property."""
    return models.DynamicConfigValue(id_val=name, value=content)


THIN = [value("custom.lineWidth", 1)]
UNDRAWN = [
    value("custom.lineWidth", 0),
    value("custom.axisPlacement", "hidden"),
    value("unit", "short"),
    value("max", None),
]


if __name__ == "__main__":
    OVERVIEW.write_text(overview(), encoding="utf-8")
