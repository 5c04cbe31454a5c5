"""Where a call goes, as a function of configuration, model and request id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import settings_from
from gateway.proxy.errors import Declined
from gateway.proxy.routing import Route, Router


def router(*deployments: tuple[str, str] | tuple[str, str, int]) -> Router:
    """Deployments as name, model and weight."""
    upstream = {"base_url": "http://127.0.0.1:1/v1"}
    entries = [
        {"name": name, "model": model, "upstream": upstream, "weight": weight[0] if weight else 1}
        for name, model, *weight in deployments
    ]
    return Router(settings_from({"deployments": entries}, environ={}))


def goes_to(routes: Router, model, request_id="r", **options) -> str:
    decision = routes.route(model, options.pop("pinned", None), request_id, **options)
    return decision.deployment.name if isinstance(decision, Route) else decision.code


MANY = router(
    ("exact", "gpt-4o"), ("wide", "gpt-*"), ("narrow", "gpt-4*"), ("one", "o?"), ("rest", "*")
)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "exact"),
        ("gpt-4-turbo", "narrow"),
        ("gpt-3.5", "wide"),
        ("o1", "one"),
        ("o100", "rest"),
        ("GPT-4o", "rest"),
        ("claude", "rest"),
        ("*", "rest"),
        ("", "rest"),
        (None, "rest"),
    ],
)
def test_the_most_particular_deployment_serves_a_model(model, name):
    assert goes_to(MANY, model) == name


def test_a_model_that_nobody_serves_is_not_found_and_the_known_ones_are_named():
    decision = router(("a", "gpt-4o"), ("b", "claude")).route("gpt-5", None, "r")
    assert decision == Declined(
        404,
        "candor_model_not_found",
        "No deployment serves the model 'gpt-5'. There are: gpt-4o, claude.",
    )


def test_an_endless_model_name_is_not_repeated_in_full():
    decision = router(("a", "gpt-4o")).route("x" * 100_000, None, "r")
    assert len(decision.message) < 400


def test_a_call_without_a_model_goes_to_the_only_deployment():
    assert goes_to(router(("a", "gpt-4o")), None) == "a"


def test_a_call_without_a_model_goes_nowhere_when_several_could_be_meant():
    assert goes_to(router(("a", "gpt-4o"), ("b", "claude")), None) == "candor_model_not_found"


def test_a_pinned_call_goes_to_its_deployment_whatever_the_model():
    assert goes_to(MANY, "gpt-4o", pinned="rest") == "rest"
    assert goes_to(MANY, None, pinned="exact") == "exact"


def test_a_pin_on_a_deployment_that_does_not_exist_names_those_that_do():
    decision = router(("a", "gpt-4o"), ("b", "claude")).route("gpt-4o", "c", "r")
    assert (decision.status, decision.code) == (404, "candor_deployment_not_found")
    assert decision.message == "No deployment is named 'c'. There are: a, b."


def test_a_client_reaches_only_the_models_it_is_allowed():
    allowed = ("gpt-*",)
    assert goes_to(MANY, "gpt-4o", allowed_models=allowed) == "exact"
    assert goes_to(MANY, "claude", allowed_models=allowed) == "candor_model_not_allowed"
    assert goes_to(MANY, None, allowed_models=allowed) == "candor_model_not_allowed"
    assert goes_to(MANY, "claude", allowed_models=("*",)) == "rest"


def test_a_client_cannot_pin_its_way_to_a_model_it_is_not_allowed():
    routes = router(("a", "gpt-4o"), ("b", "claude"))
    allowed = ("gpt-*",)
    assert goes_to(routes, "gpt-4o", pinned="b", allowed_models=allowed) == (
        "candor_deployment_not_found"
    )
    assert goes_to(routes, "gpt-4o", pinned="a", allowed_models=allowed) == "a"
    assert "b" not in routes.route("gpt-4o", "b", "r", allowed_models=allowed).message.split(":")[1]


def test_calls_are_shared_by_weight():
    routes = router(("prod", "m", 95), ("canary", "m", 5))
    drawn = [goes_to(routes, "m", str(number)) for number in range(4000)]
    # 200 expected; the binomial leaves 130 to 280 once in ten million seeds, and this one is fixed.
    assert 130 < drawn.count("canary") < 280


def test_a_deployment_of_weight_zero_is_reached_by_its_pin_alone():
    routes = router(("prod", "m", 1), ("candidate", "m", 0))
    assert {goes_to(routes, "m", str(number)) for number in range(200)} == {"prod"}
    assert goes_to(routes, "m", pinned="candidate") == "candidate"


@given(st.text())
def test_the_same_request_id_always_takes_the_same_way(request_id):
    request_id = request_id.encode("utf-8", "replace").decode()
    first = router(("a", "m", 3), ("b", "m", 2), ("c", "m", 1))
    second = router(("a", "m", 3), ("b", "m", 2), ("c", "m", 1))
    assert goes_to(first, "m", request_id) == goes_to(second, "m", request_id)


def test_models_are_listed_by_name_without_patterns_and_only_where_allowed():
    routes = router(("a", "gpt-4o"), ("b", "claude"), ("c", "gpt-*"), ("d", "*"), ("e", "gpt-4o"))
    assert routes.models() == ["gpt-4o", "claude"]
    assert routes.models(("cl*",)) == ["claude"]


def test_only_a_lone_deployment_for_everything_is_the_catch_all():
    assert router(("a", "*")).only_catch_all.name == "a"
    assert router(("a", "m")).only_catch_all is None
    assert router(("a", "*"), ("b", "m")).only_catch_all is None
