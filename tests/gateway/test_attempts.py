"""What follows a try, as a function of how it ended."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import settings_from
from gateway.proxy.attempts import (
    BASE_SECONDS,
    CAP_SECONDS,
    HELD,
    LONGEST_ASKED_SECONDS,
    Because,
    Course,
    Decision,
    Deliver,
    FallBack,
    GiveUp,
    Outcome,
    Retry,
    after,
    begin,
    broke,
    replied,
)
from gateway.proxy.routing import Router
from gateway.upstreams.base import UpstreamBroken, UpstreamTimeout, UpstreamUnreachable

NOW = 1_700_000_000.0


def course(*, replayable: bool = True, **rules) -> Course:
    """A call for deployment a, where b, c and d exist as well."""
    upstream = {"base_url": "http://127.0.0.1:1/v1"}
    deployments = [{"name": name, "model": name, "upstream": upstream} for name in "abcd"]
    tree = {"deployments": deployments, "routes": {"a": rules}}
    route = Router(settings_from(tree, environ={})).route("a", None, "r")
    return begin(route, replayable=replayable)


def said(decision: Decision) -> str:
    """A decision in words."""
    match decision:
        case Retry(seconds):
            return f"retry {decision.deployment.name} after {seconds:g}"
        case FallBack(because=because):
            return f"{because}: ask {decision.deployment.name}"
        case Deliver():
            return "deliver"
        case GiveUp():
            return "give up"


def decided(call: Course, outcome: Outcome, *, shut=(), left=math.inf, chance=0.5) -> Decision:
    return after(
        call,
        outcome,
        ready=lambda name: name not in shut,
        seconds_left=left,
        chance=lambda: chance,
    )


def reply(status: int, *, refused: bool = False, **headers: str) -> Outcome:
    lines = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return replied(status, lines, unix_now=NOW, refused=refused)


UNREACHABLE = broke(UpstreamUnreachable("refused"))
LATE = broke(UpstreamTimeout("silent"))
BROKEN = broke(UpstreamBroken("reset"))
BOTH = {"retries": 1, "fallbacks": ["b"]}


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (reply(200), "deliver"),
        (reply(304), "deliver"),
        (reply(400), "deliver"),
        (reply(401), "deliver"),
        (reply(404), "deliver"),
        (reply(422), "deliver"),
        (reply(408), "retry a after 0.25"),
        (reply(409), "retry a after 0.25"),
        (reply(429), "retry a after 0.25"),
        (reply(500), "retry a after 0.25"),
        (reply(503), "retry a after 0.25"),
        (reply(529), "retry a after 0.25"),
        (UNREACHABLE, "retry a after 0.25"),
        (LATE, "retry a after 0.25"),
        (BROKEN, "give up"),
        (HELD, "failure: ask b"),
        (reply(400, x_should_retry="true"), "retry a after 0.25"),
        (reply(500, x_should_retry="false"), "failure: ask b"),
        (reply(400, x_should_retry="false"), "deliver"),
        (reply(500, x_should_retry="perhaps"), "retry a after 0.25"),
        (reply(200, x_should_retry="true"), "deliver"),
    ],
)
def test_what_is_tried_again_is_what_may_well_succeed_another_time(outcome, decision):
    assert said(decided(course(**BOTH), outcome)) == decision


@pytest.mark.parametrize("outcome", [reply(500), reply(429), UNREACHABLE, LATE, HELD])
def test_by_default_nothing_is_tried_again_and_nobody_else_is_asked(outcome):
    decision = "deliver" if outcome.status else "give up"
    assert said(decided(course(), outcome)) == decision


def test_tries_at_each_deployment_come_before_the_next_one_is_asked():
    call, story = course(retries=1, fallbacks=["b", "c"]), []
    while isinstance(decision := decided(call, reply(500)), Retry | FallBack):
        story.append(said(decision))
        call = decision.course
    assert story == [
        "retry a after 0.25",
        "failure: ask b",
        "retry b after 0.25",
        "failure: ask c",
        "retry c after 0.25",
    ]
    assert said(decision) == "deliver"
    assert said(decided(call, UNREACHABLE)) == "give up"


@pytest.mark.parametrize(
    ("headers", "decision"),
    [
        ({"retry_after": "7"}, "retry a after 7"),
        ({"retry_after": "0.5"}, "retry a after 0.5"),
        ({"retry_after": "60"}, "retry a after 60"),
        ({"retry_after": "61"}, "failure: ask b"),
        ({"retry_after": "inf"}, "failure: ask b"),
        ({"retry_after": formatdate(NOW + 30, usegmt=True)}, "retry a after 30"),
        ({"retry_after": formatdate(NOW + 300, usegmt=True)}, "failure: ask b"),
        ({"retry_after_ms": "1500"}, "retry a after 1.5"),
        ({"retry_after": "9", "retry_after_ms": "1500"}, "retry a after 1.5"),
        ({"retry_after_ms": "1500", "retry_after": "9"}, "retry a after 1.5"),
        ({"retry_after_ms": "soon", "retry_after": "9"}, "retry a after 9"),
        ({"retry_after": "9", "retry_after_ms": "soon"}, "retry a after 9"),
        ({"Retry_After": "9"}, "retry a after 9"),
        # What says nothing that can be followed leaves the usual wait.
        ({"retry_after": formatdate(NOW - 30, usegmt=True)}, "retry a after 0.25"),
        ({"retry_after": "0"}, "retry a after 0.25"),
        ({"retry_after": "-5"}, "retry a after 0.25"),
        ({"retry_after": "nan"}, "retry a after 0.25"),
        ({"retry_after": "soon"}, "retry a after 0.25"),
        ({"retry_after": ""}, "retry a after 0.25"),
        ({"retry_after": "Wed, 99 Nov 2026 99:99:99 GMT"}, "retry a after 0.25"),
        ({"retry_after": "Wed, 21 Nov 99999999999999999999 00:00:00 GMT"}, "retry a after 0.25"),
    ],
)
def test_the_wait_that_an_upstream_asks_for_is_kept_unless_it_is_too_long(headers, decision):
    assert said(decided(course(**BOTH), reply(429, **headers))) == decision


def test_a_wait_that_is_too_long_delivers_the_reply_where_nobody_else_can_be_asked():
    assert said(decided(course(retries=5), reply(429, retry_after="3600"))) == "deliver"


@pytest.mark.parametrize(
    ("left", "decision"),
    [(7.1, "retry a after 7"), (7.0, "failure: ask b"), (0.1, "failure: ask b"),
     (0.0, "deliver"), (-1.0, "deliver")],
)  # fmt: skip
def test_a_call_does_not_wait_past_its_end(left, decision):
    assert said(decided(course(**BOTH), reply(429, retry_after="7"), left=left)) == decision


def test_waits_grow_twofold_up_to_a_bound_and_are_drawn_from_nothing_up():
    call, bounds = course(retries=7), []
    while isinstance(decision := decided(call, reply(500), chance=1.0), Retry):
        bounds.append(decision.after_seconds)
        call = decision.course
    assert bounds == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert decided(course(retries=1), reply(500), chance=0.0).after_seconds == 0.0


def test_a_deployment_whose_circuit_opened_meanwhile_is_not_tried_again():
    assert said(decided(course(**BOTH), reply(500), shut="a")) == "failure: ask b"
    assert said(decided(course(retries=1), reply(500), shut="a")) == "deliver"


def test_fallbacks_whose_circuit_is_open_are_passed_over():
    call = course(fallbacks=["b", "c"])
    decision = decided(call, reply(500), shut="b")
    assert said(decision) == "failure: ask c"
    assert said(decided(decision.course, reply(500))) == "deliver"
    assert said(decided(call, reply(500), shut="bc")) == "deliver"
    assert said(decided(call, HELD, shut="abc")) == "give up"


def test_a_call_that_was_held_back_counts_as_no_try():
    decision = decided(course(**BOTH), HELD)
    assert said(decided(decision.course, reply(500))) == "retry b after 0.25"


def test_a_body_that_streamed_through_is_sent_once_alone():
    call = course(replayable=False, **BOTH, content_policy_fallbacks=["c"])
    for outcome in (reply(500), reply(400, refused=True)):
        assert said(decided(call, outcome)) == "deliver"
    assert said(decided(call, UNREACHABLE)) == "give up"
    # Nothing of it was sent yet.
    assert said(decided(call, HELD)) == "failure: ask b"


def test_a_refusal_goes_to_those_who_are_named_for_refusals_and_to_nobody_else():
    call = course(retries=2, fallbacks=["b"], content_policy_fallbacks=["c", "d"])
    first = decided(call, reply(200, refused=True))
    assert (said(first), first.because) == ("refusal: ask c", Because.REFUSAL)
    second = decided(first.course, reply(400, refused=True))
    assert said(second) == "refusal: ask d"
    assert said(decided(second.course, reply(200, refused=True))) == "deliver"
    assert said(decided(second.course, reply(200))) == "deliver"


def test_a_refusal_without_anybody_named_for_it_is_the_clients():
    assert said(decided(course(**BOTH), reply(200, refused=True))) == "deliver"
    # An error that is a refusal is no failure: asking again would hide it.
    assert said(decided(course(**BOTH), reply(500, refused=True))) == "deliver"


def test_after_a_refusal_a_failure_stays_among_those_who_are_named_for_refusals():
    call = course(fallbacks=["b"], content_policy_fallbacks=["c", "d"])
    moved = decided(call, reply(200, refused=True)).course
    assert said(decided(moved, reply(500))) == "failure: ask d"


def test_after_a_failure_a_refusal_goes_to_whoever_was_not_asked_yet():
    call = course(fallbacks=["c", "b"], content_policy_fallbacks=["c", "d"])
    moved = decided(call, reply(500)).course
    assert moved.deployment.name == "c"
    assert said(decided(moved, reply(200, refused=True))) == "refusal: ask d"


outcomes = st.one_of(
    st.builds(
        reply,
        st.sampled_from([200, 400, 408, 409, 429, 500, 503]),
        refused=st.booleans(),
        retry_after=st.sampled_from(["", "1", "59", "61", "x"]),
        x_should_retry=st.sampled_from(["", "true", "false"]),
    ),
    st.sampled_from([UNREACHABLE, LATE, BROKEN, HELD]),
)
names = st.permutations("bcd").flatmap(lambda p: st.integers(0, 3).map(lambda n: list(p[:n])))


@given(
    st.lists(outcomes, min_size=1, max_size=60),
    st.integers(0, 10),
    st.tuples(names, names),
    st.floats(0, 200),
    st.data(),
)
def test_a_call_waits_within_its_time_and_asks_nobody_too_often(
    ends, retries, others, allowed, data
):
    rules = {"fallbacks": others[0], "content_policy_fallbacks": others[1]}
    call = course(retries=retries, **rules)
    asked, waited = {"a": 1}, 0.0
    for outcome in ends:
        decision = after(
            call,
            outcome,
            ready=lambda name: data.draw(st.booleans()),
            seconds_left=allowed - waited,
            chance=lambda: data.draw(st.floats(0, 1, exclude_max=True)),
        )
        if isinstance(decision, Deliver | GiveUp):
            assert isinstance(decision, Deliver) == (outcome.status is not None)
            break
        if isinstance(decision, Retry):
            assert decision.deployment is call.deployment
            assert decision.after_seconds <= max(CAP_SECONDS, LONGEST_ASKED_SECONDS)
            waited += decision.after_seconds
        else:
            assert decision.deployment.name not in asked
        call = decision.course
        asked[call.deployment.name] = asked.get(call.deployment.name, 0) + 1
        assert waited <= allowed
        assert max(asked.values()) <= 1 + retries


@given(st.integers(1, 10), st.floats(0, 1, exclude_max=True))
def test_no_drawn_wait_is_beyond_its_bound(tries, chance):
    call = course(retries=10)
    for number in range(tries):
        decision = decided(call, reply(500), chance=chance)
        assert 0 <= decision.after_seconds <= min(CAP_SECONDS, BASE_SECONDS * 2**number)
        call = decision.course
