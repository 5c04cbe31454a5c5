"""The Grafana dashboard: built from declared names, and every query understood by Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.grafana.build import OVERVIEW, UID, overview
from dashboards.grafana.queries import series, wilson
from gateway.metrics import DECLARED, Kind
from probes.rates import wilson as measured_wilson
from tests.prometheus_server import PrometheusServer, prometheus

DASHBOARD: dict[str, Any] = json.loads(OVERVIEW.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
METRIC = re.compile(r"\bcandor_[a-z_]+")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def exposed_names() -> set[str]:
    parts = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
    return {one.name + part for one in DECLARED for part in parts.get(one.kind, ("",))}


def test_the_committed_dashboard_is_what_the_code_builds() -> None:
    assert OVERVIEW.read_text(encoding="utf-8") == overview(), (
        "run: python -m dashboards.grafana.build"
    )


def test_every_metric_of_every_query_is_declared() -> None:
    named = {name for expr in EXPRESSIONS for name in METRIC.findall(expr)}
    assert named
    assert named <= exposed_names()


def test_a_metric_that_nobody_declared_cannot_be_asked_for() -> None:
    with pytest.raises(KeyError, match="candor_invented_total is not declared"):
        series("candor_invented_total")


def test_prometheus_understands_every_query(server: PrometheusServer) -> None:
    for expr in EXPRESSIONS:
        asked = expr.replace("$__rate_interval", "5m").replace("$deployment", ".*")
        answer = server.query(asked)
        assert answer["status"] == "success", f"{asked}: {answer.get('error')}"
        assert "$" not in asked


@pytest.mark.parametrize(("hits", "decided"), [(0, 20), (14, 198), (20, 20), (1, 1)])
def test_the_interval_in_promql_is_the_one_that_probes_report(
    server: PrometheusServer, hits: int, decided: int
) -> None:
    expected = measured_wilson(hits, decided)
    for high, bound in ((False, expected.low), (True, expected.high)):
        expr = wilson(f"vector({hits})", f"vector({decided})", high=high)
        [sample] = server.query(expr)["data"]["result"]
        assert float(sample["value"][1]) == pytest.approx(bound, abs=1e-6)


def test_where_nothing_was_decided_the_interval_is_absent(server: PrometheusServer) -> None:
    for high in (False, True):
        expr = wilson("vector(0)", "vector(0)", high=high)
        assert server.query(expr)["data"]["result"] == []


def test_each_ratio_stands_beside_its_interval_and_its_count() -> None:
    shares = [
        panel for panel in PANELS if panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
    ]
    assert len(shares) == 3
    for panel in shares:
        endings = {target["legendFormat"].rsplit("}", 1)[1].strip() for target in panel["targets"]}
        assert endings == {"", "low", "high", "trials"}, panel["title"]


def test_the_datasource_is_the_first_choice_and_the_deployment_the_second() -> None:
    variables = DASHBOARD["templating"]["list"]
    assert [variable["name"] for variable in variables] == ["datasource", "deployment"]
    assert DASHBOARD["uid"] == UID == "candor-overview"


def test_every_panel_has_a_place_of_its_own_a_unit_and_a_description() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
