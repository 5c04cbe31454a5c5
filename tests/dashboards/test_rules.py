"""The Prometheus rules, checked and tested by promtool itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from gateway.metrics import DECLARED
from tests.services import ROOT, binary

FOLDER = ROOT / "dashboards" / "prometheus"
RULES = FOLDER / "rules.yml"


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    command = [binary("promtool", "apt-get install prometheus"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def rules() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_promtool_accepts_the_rules_as_linted() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alert_fires_and_stays_silent_where_it_should() -> None:
    done = promtool("test", "rules", "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_looked_at_the_rate_instead_of_its_low_bound_would_be_caught(
    tmp_path: Path,
) -> None:
    broken = RULES.read_text(encoding="utf-8").replace(
        "candor_over_refusal_low_ratio{traffic", "candor_over_refusal_ratio{traffic"
    )
    (tmp_path / "rules.yml").write_text(broken, encoding="utf-8")
    (tmp_path / "rules_test.yml").write_text(
        (FOLDER / "rules_test.yml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    assert promtool("test", "rules", "rules_test.yml", folder=tmp_path).returncode != 0


def test_every_metric_of_every_rule_is_declared_or_recorded() -> None:
    known = {declared.name for declared in DECLARED}
    for rule in rules():
        named = set(re.findall(r"(?<![:a-z_])candor_[a-z_]+", str(rule["expr"])))
        assert named <= known, rule


def test_every_alert_has_a_severity_a_summary_and_a_runbook_with_its_four_parts() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert alerts
    for alert in alerts:
        labels, annotations = alert["labels"], alert["annotations"]
        assert isinstance(labels, dict)
        assert isinstance(annotations, dict)
        assert labels["severity"] in ("warning", "critical")
        assert annotations["summary"]
        assert annotations["description"]
        runbook = (ROOT / annotations["runbook"]).read_text(encoding="utf-8")
        headings = re.findall(r"^## (.+)$", runbook, re.MULTILINE)
        assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
        assert runbook.startswith(f"# {alert['alert']}\n")


def test_the_alerts_page_of_the_docs_names_every_rule() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    for rule in rules():
        assert str(rule.get("alert") or rule["record"]) in page
