"""Where attempts go, and under which headers."""

from __future__ import annotations

import json

import pytest

from probes.target import (
    Target,
    TargetProblem,
    at_base_url,
    at_gateway,
    idempotency_key,
    parse_target,
)


def test_a_key_shows_in_no_representation_and_in_no_header_line_of_a_run() -> None:
    target = Target(
        "http://127.0.0.1/v1", "m", api_key="sk-secret", extra_headers={"x-key": "sk-secret"}
    )
    assert "sk-secret" not in repr(target) + str(target) + json.dumps(target.as_json())
    assert target.headers()["authorization"] == "Bearer sk-secret"


def test_attempts_say_that_they_are_probes() -> None:
    headers = at_base_url("http://127.0.0.1:1/v1", "m").headers()
    assert headers["x-candor-traffic"] == "probe"
    assert "x-candor-deployment" not in headers
    assert "authorization" not in headers


def test_a_deployment_is_pinned_and_reached_under_v1_of_its_gateway() -> None:
    for gateway in ("http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"):
        target = at_gateway(gateway, "gpt-canary")
        assert target.url == "http://127.0.0.1:8080/v1/chat/completions"
        assert target.headers()["x-candor-deployment"] == "gpt-canary"
        assert (target.name, target.model) == ("gpt-canary", "gpt-canary")


def test_a_deployment_may_be_asked_for_another_model() -> None:
    target = at_gateway("http://127.0.0.1:8080", "default", model="gpt-4o")
    assert (target.name, target.model) == ("default", "gpt-4o")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpt-4o@https://api.example.com/v1", ("gpt-4o", "https://api.example.com/v1")),
        ("org/m@2@http://127.0.0.1:1/v1", ("org/m@2", "http://127.0.0.1:1/v1")),
        ("gpt-4o", None),
        ("@http://127.0.0.1/v1", None),
        ("m@ftp://127.0.0.1", None),
    ],
)
def test_model_at_base_url_is_split_at_the_address(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:8000/v1", "ftp://h/v1", "http://", "http://h:no/v1", "http://h/v1?a=1", ""],
)
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(TargetProblem) as problem:
        at_base_url(address, "m")
    assert address in str(problem.value)


def test_a_password_in_an_address_is_refused_without_being_shown() -> None:
    with pytest.raises(TargetProblem, match="--api-key-env") as problem:
        at_base_url("https://user:hunter2@example.com/v1", "m")
    assert "hunter2" not in str(problem.value)


def test_a_missing_model_and_an_unusable_key_are_named() -> None:
    with pytest.raises(TargetProblem, match="--model"):
        at_base_url("http://127.0.0.1/v1", "")
    with pytest.raises(TargetProblem, match="API key") as problem:
        at_base_url("http://127.0.0.1/v1", "m", api_key="sk-\n1")
    assert "sk-" not in str(problem.value)


def test_a_deployment_that_no_header_can_carry_is_named() -> None:
    with pytest.raises(TargetProblem, match="deployment"):
        at_gateway("http://127.0.0.1:8080", "a\r\nb")


def test_an_idempotency_key_is_one_attempts_own_and_fits_a_header() -> None:
    assert idempotency_key("run", ("hard", "violence 1", 0)) == "run/hard/violence%201/0"
    assert idempotency_key("run", ("hard", "1", 0)) != idempotency_key("run", ("hard", "1", 1))
    long = idempotency_key("run", ("ö" * 500, "1", 0))
    assert long.isascii() and len(long) <= 200
