"""Where a call goes, as a function of configuration, model and request id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import settings_from
from gateway.proxy.errors import Declined
from gateway.proxy.routing import Route, Router, detours
from gateway.upstreams.base import Timeouts


def router(
    *deployments: tuple[str, str] | tuple[str, str, int], limits: dict | None = None, **routes
) -> Router:
    """Deployments as name, model and weight; rules by model."""
    upstream = {"base_url": "http://127.0.0.1:1/v1"}
    entries = [
        {"name": name, "model": model, "upstream": upstream, "weight": weight[0] if weight else 1}
        for name, model, *weight in deployments
    ]
    tree = {"deployments": entries, "routes": routes, "server": {"limits": limits or {}}}
    return Router(settings_from(tree, environ={}))


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


STICKY = {"m": {"sticky": True}}


def test_a_sticky_client_stays_with_one_deployment_and_clients_are_shared_by_weight():
    routes = router(("prod", "m", 80), ("canary", "m", 20), **STICKY)
    homes = {}
    for number in range(2000):
        client = f"team-{number}"
        names = {goes_to(routes, "m", f"{call}", sticky=client) for call in range(3)}
        assert len(names) == 1
        homes[client] = names.pop()
    # 400 expected, standard deviation 18; five of them either way.
    assert 310 < list(homes.values()).count("canary") < 490


def test_a_growing_canary_takes_clients_over_and_gives_none_back():
    before = router(("prod", "m", 90), ("canary", "m", 10), **STICKY)
    grown = router(("prod", "m", 90), ("canary", "m", 30), **STICKY)
    moves = {
        (goes_to(before, "m", sticky=client), goes_to(grown, "m", sticky=client))
        for client in map(str, range(1000))
    }
    assert moves == {("prod", "prod"), ("prod", "canary"), ("canary", "canary")}


def test_a_client_that_is_not_known_is_drawn_anew_each_time():
    routes = router(("prod", "m"), ("canary", "m"), **STICKY)
    assert {goes_to(routes, "m", str(call)) for call in range(50)} == {"prod", "canary"}


def test_clients_are_drawn_anew_each_time_where_nobody_asked_for_sticky():
    routes = router(("prod", "m"), ("canary", "m"))
    names = {goes_to(routes, "m", str(call), sticky="team") for call in range(50)}
    assert names == {"prod", "canary"}


def test_a_sticky_client_never_lands_on_weight_zero():
    routes = router(("prod", "m"), ("candidate", "m", 0), ("other-prod", "m"), **STICKY)
    names = {goes_to(routes, "m", sticky=str(client)) for client in range(200)}
    assert names == {"prod", "other-prod"}


def names(deployments) -> list[str]:
    return [entry.name for entry in deployments]


def test_a_route_knows_its_fallbacks_in_order_and_never_the_deployment_itself():
    rules = {"fallbacks": ["c", "b", "a"], "content_policy_fallbacks": ["a", "d"]}
    routes = router(("a", "m"), ("b", "m"), ("c", "n"), ("d", "n", 0), m=rules)
    for number in range(20):
        route = routes.route("m", None, str(number))
        expected = [name for name in ("c", "b", "a") if name != route.deployment.name]
        assert names(route.fallbacks) == expected
        on_refusal = [name for name in ("a", "d") if name != route.deployment.name]
        assert names(route.content_policy_fallbacks) == on_refusal


def test_deployments_of_the_same_model_are_no_fallbacks_unless_they_are_named():
    assert router(("a", "m"), ("b", "m")).route("m", None, "r").fallbacks == ()


RULED = router(
    ("a", "gpt-*"), ("b", "gpt-4o"), ("c", "*"),
    **{"gpt-4o": {"retries": 1}, "gpt-4*": {"retries": 2}, "gpt-*": {"retries": 3},
       "*": {"retries": 4}},
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "retries"),
    [("gpt-4o", 1), ("gpt-4o-mini", 2), ("gpt-3.5", 3), ("claude", 4), ("", 4), (None, 4)],
)
def test_the_most_particular_rules_are_those_of_a_call(model, retries):
    assert RULED.route(model, None, "r").rules.retries == retries


def test_a_model_without_rules_has_the_transparent_ones():
    route = router(("a", "m"), ("b", "n"), n={"retries": 3}).route("m", None, "r")
    assert (route.rules.retries, route.rules.sticky, route.rules.timeout_seconds) == (
        0,
        False,
        None,
    )
    assert route.fallbacks == route.content_policy_fallbacks == ()


def test_a_call_that_names_no_model_takes_the_rules_of_what_serves_it():
    assert (
        router(("a", "gpt-4o"), **{"gpt-4o": {"retries": 1}}).route(None, None, "r").rules.retries
        == 1
    )


def test_a_pinned_call_keeps_its_time_limits_and_has_neither_retries_nor_fallbacks():
    rules = {"retries": 3, "timeout_seconds": 9, "fallbacks": ["b"],
             "content_policy_fallbacks": ["b"]}  # fmt: skip
    routes = router(("a", "m"), ("b", "n"), m=rules)
    pinned = routes.route("m", "a", "r")
    assert (pinned.rules.retries, pinned.rules.timeout_seconds) == (0, 9)
    assert pinned.fallbacks == pinned.content_policy_fallbacks == ()
    free = routes.route("m", None, "r")
    assert (free.rules.retries, names(free.fallbacks)) == (3, ["b"])


@pytest.mark.parametrize(
    ("rules", "timeouts"),
    [
        ({}, Timeouts(connect=5, first_byte=600, idle=600)),
        ({"first_byte_timeout_seconds": 20}, Timeouts(connect=5, first_byte=20, idle=600)),
        ({"idle_timeout_seconds": 700}, Timeouts(connect=5, first_byte=600, idle=700)),
        ({"try_timeout_seconds": 2}, Timeouts(connect=2, first_byte=2, idle=600)),
        ({"try_timeout_seconds": 30, "first_byte_timeout_seconds": 40},
         Timeouts(connect=5, first_byte=30, idle=600)),
    ],
)  # fmt: skip
def test_a_route_says_how_long_each_part_of_a_try_may_last(rules, timeouts):
    assert router(("a", "m"), m=rules).route("m", None, "r").timeouts == timeouts


def test_the_servers_limits_hold_where_a_route_says_nothing():
    limits = {"connect_timeout_seconds": 1, "idle_timeout_seconds": 7}
    route = router(("a", "m"), limits=limits).route("m", None, "r")
    assert route.timeouts == Timeouts(connect=1, first_byte=7, idle=7)


def test_the_same_way_is_the_same_object_and_costs_nothing_twice():
    routes = router(("a", "m"))
    assert routes.route("m", None, "1") is routes.route("m", None, "2")
    assert routes.route("m", "a", "1") is not routes.route("m", None, "1")


def test_a_model_is_served_by_name_or_by_pattern_and_a_call_without_one_by_neither():
    routes = router(("a", "gpt-*"), ("b", "claude"))
    assert [routes.serves(model) for model in ("gpt-4o", "claude", "o1", None)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_lone_deployment_leaves_nothing_to_choose():
    assert router(("a", "m")).one_road
    assert not router(("a", "m"), ("b", "m")).one_road


def test_the_detours_of_a_configuration_are_those_that_its_routes_name():
    tree = {
        "deployments": [
            {"name": name, "model": model, "upstream": {"base_url": "http://127.0.0.1:9/v1"}}
            for name, model in (("a", "m-1"), ("b", "m-2"), ("c", "n"))
        ],
        "routes": {
            "m-*": {"fallbacks": ["c", "a"]},
            "n": {"content_policy_fallbacks": ["a"]},
        },
    }
    assert list(detours(settings_from(tree, environ={}))) == [
        ("a", "c", False),
        ("b", "c", False),
        ("b", "a", False),
        ("c", "a", True),
    ]
