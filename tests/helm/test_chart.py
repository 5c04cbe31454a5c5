"""The chart, rendered by helm and validated as Kubernetes 1.34 would."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.config import Settings, load_settings
from tests.services import ROOT, binary

CHART = ROOT / "helm" / "candor"
FULL = ROOT / "tests" / "helm" / "full-values.yaml"
KUBERNETES = "1.34"
OPERATOR = ("--api-versions", "monitoring.coreos.com/v1")
SECRETS = {"CANDOR_ADMIN_TOKEN": "t0ken", "TEAM_A_KEY": "a", "OPENAI_API_KEY": "k"}

Manifest = dict[str, Any]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = binary("helm", "run: python3 tests/fetch_helm.py")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)


@cache
def rendered(*arguments: str) -> list[Manifest]:
    done = helm("template", "prod", str(CHART), "--namespace", "llm", *arguments)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def default() -> list[Manifest]:
    return rendered()


def full() -> list[Manifest]:
    return rendered("--values", str(FULL), *OPERATOR)


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def pods(manifests: list[Manifest]) -> list[Manifest]:
    gateways = [one["spec"]["template"]["spec"] for one in of_kind(manifests, "Deployment")]
    jobs = [
        one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for one in of_kind(manifests, "CronJob")
    ]
    return gateways + jobs


def settings_of(manifests: list[Manifest], folder: Path) -> Settings:
    [config] = of_kind(manifests, "ConfigMap")
    path = folder / "candor.yaml"
    path.write_text(config["data"]["candor.yaml"], encoding="utf-8")
    return load_settings(path, environ=SECRETS)


@pytest.mark.parametrize("values", [(), ("--values", str(FULL))], ids=["default", "full"])
def test_helm_lint_finds_nothing_to_complain_of(values: tuple[str, ...]) -> None:
    done = helm("lint", "--strict", str(CHART), *values)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("manifests", [default, full])
def test_kubernetes_accepts_every_manifest_strictly(manifests: Any) -> None:
    for manifest in manifests():
        if manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            continue
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_default_release_is_a_gateway_a_service_its_configuration_and_an_account() -> None:
    kinds = sorted(manifest["kind"] for manifest in default())
    assert kinds == ["ConfigMap", "Deployment", "Service", "ServiceAccount"]


def test_a_full_release_adds_a_claim_the_probes_and_what_prometheus_reads() -> None:
    kinds = {manifest["kind"] for manifest in full()}
    assert kinds >= {"PersistentVolumeClaim", "CronJob", "ServiceMonitor", "PrometheusRule"}


@pytest.mark.parametrize("manifests", [default, full])
def test_the_gateway_accepts_the_configuration_that_the_chart_writes(
    manifests: Any, tmp_path: Path
) -> None:
    settings = settings_of(manifests(), tmp_path)
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8080)


def test_large_numbers_reach_the_gateway_as_whole_numbers(tmp_path: Path) -> None:
    settings = settings_of(full(), tmp_path)
    assert settings.server.limits.max_request_bytes == 67_108_864
    assert settings.mirror.max_reply_bytes == 262_144


@pytest.mark.parametrize("manifests", [default, full])
def test_every_pod_meets_the_restricted_security_standard(manifests: Any) -> None:
    for pod in pods(manifests()):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"] + pod.get("initContainers", []):
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_three_health_checks_ask_different_questions() -> None:
    [container] = pods(default())[0]["containers"]
    asked = {
        check: container[check]["httpGet"]["path"]
        for check in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert asked == {
        "startupProbe": "/livez",
        "readinessProbe": "/readyz",
        "livenessProbe": "/livez",
    }


def test_a_stream_has_time_to_end_before_the_pod_is_killed() -> None:
    [pod, *_] = pods(full())
    [container] = pod["containers"]
    assert (
        container["lifecycle"]["preStop"]["sleep"]["seconds"] < pod["terminationGracePeriodSeconds"]
    )


def test_streams_are_drained_before_the_pod_is_killed(tmp_path: Path) -> None:
    assert settings_of(default(), tmp_path).server.limits.drain_seconds == 120 - 5 - 5
    short = rendered("--set", "terminationGracePeriodSeconds=3")
    assert settings_of(short, tmp_path).server.limits.drain_seconds == 1


def test_a_changed_configuration_starts_new_pods() -> None:
    def checksum(*arguments: str) -> str:
        [gateway] = of_kind(rendered(*arguments), "Deployment")
        found: str = gateway["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum() != checksum("--set-json", 'config.mirror={"sample": 0.5}')
    assert checksum() == checksum("--set", "service.port=81")


def test_secrets_come_from_an_existing_secret_and_stand_in_no_manifest() -> None:
    assert of_kind(full(), "Secret") == []
    for pod in pods(full()):
        for container in pod["containers"]:
            assert container["envFrom"] == [{"secretRef": {"name": "candor-secrets"}}]


def test_a_probe_job_asks_through_the_gateway_and_reports_to_it() -> None:
    nightly, hourly = of_kind(full(), "CronJob")
    pod = nightly["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == [
        "probe",
        "run",
        "starter-hard",
        "or-bench-hard",
        "--deployment=gpt-prod",
        "--gateway=http://prod-candor:80",
        "--report-to=http://prod-candor:80",
        "--model=gpt-4o",
        "--limit=1000000",
        "--seed=7",
        "--repeats=2",
        "--concurrency=4",
        "--rpm=60",
    ]
    assert [each["args"] for each in pod["initContainers"]] == [["probe", "pull", "or-bench-hard"]]
    assert hourly["metadata"]["name"] == "prod-candor-hourly"
    assert "--model=gpt-4o-mini" in str(hourly)
    assert "--api-key-env=TEAM_A_KEY" in str(hourly)


def test_without_the_prometheus_operator_its_kinds_are_left_out() -> None:
    kinds = {manifest["kind"] for manifest in rendered("--values", str(FULL))}
    assert not kinds & {"ServiceMonitor", "PrometheusRule"}


def test_the_rules_in_the_chart_are_those_of_the_dashboards() -> None:
    kept = (ROOT / "dashboards" / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    assert (CHART / "files" / "rules.yml").read_text(encoding="utf-8") == kept, (
        "run: cp dashboards/prometheus/rules.yml helm/candor/files/rules.yml"
    )
    [rule] = of_kind(full(), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(kept)


def test_the_service_finds_the_gateway_and_no_probe_pod() -> None:
    [service] = of_kind(full(), "Service")
    [gateway] = of_kind(full(), "Deployment")
    selector = service["spec"]["selector"].items()
    assert selector <= gateway["spec"]["template"]["metadata"]["labels"].items()
    for job in of_kind(full(), "CronJob"):
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        assert not selector <= labels.items()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"replicas": 3}, "replicas"),
        ({"image": {"repo": "x"}}, "repo"),
        ({"service": {"port": "http"}}, "/service/port"),
        ({"service": {"type": "Ingress"}}, "/service/type"),
        ({"config": {"deploymnets": []}}, "deploymnets"),
        ({"config": {"mirror": {"sample": 7}}}, "/config/mirror/sample"),
        ({"existingSecret": {"OPENAI_API_KEY": "sk"}}, "/existingSecret"),
        ({"probes": [{"name": "x", "deployment": "default", "sets": ["s"]}]}, "schedule"),
    ],
    ids=lambda case: json.dumps(case) if isinstance(case, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(wrong: Manifest, named: str, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    done = helm("template", "prod", str(CHART), "--values", str(values))
    assert done.returncode != 0
    assert named in done.stderr


JOB = {"name": "daily", "deployment": "default", "sets": ["starter-hard"], "schedule": "0 3 * * *"}
ADMIN = {"admin_token": "env:CANDOR_ADMIN_TOKEN"}


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ({"probes": [{**JOB, "model": "m"}]}, "name a Secret with CANDOR_ADMIN_TOKEN"),
        (
            {"probes": [JOB], "existingSecret": "s", "config": {"server": ADMIN}},
            "deployment default serves the pattern *; say under model of daily",
        ),
        (
            {
                "probes": [{**JOB, "deployment": "gone"}],
                "existingSecret": "s",
                "config": {"server": ADMIN},
            },
            "asks deployment gone, which config.deployments does not have; there are: default",
        ),
    ],
    ids=["no token", "no model", "no deployment"],
)
def test_a_probe_that_could_not_run_is_refused_with_its_remedy(
    values: Manifest, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    done = helm("template", "prod", str(CHART), "--values", str(path))
    assert done.returncode != 0
    assert remedy in done.stderr
