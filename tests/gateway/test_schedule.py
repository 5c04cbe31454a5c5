"""Cron expressions as slots: in UTC and across the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.schedule import Schedule, checked_cron, checked_zone, jitter

DAY = 86_400
BERLIN = "Europe/Berlin"
EXPRESSIONS = (
    "* * * * *",
    "*/7 * * * *",
    "0 3 * * *",
    "30 2 * * 1-5",
    "0 0 1 * *",
    "15,45 6 * * SUN",
)


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def said(slot: int | None, zone: str = "UTC") -> str:
    assert slot is not None
    return datetime.fromtimestamp(slot, ZoneInfo(zone)).isoformat()


def test_the_next_slot_is_after_the_moment_and_not_at_it():
    daily = Schedule("0 3 * * *")
    assert said(daily.after(at("2026-11-21T02:59:59.5"))) == "2026-11-21T03:00:00+00:00"
    assert said(daily.after(at("2026-11-21T03:00:00"))) == "2026-11-22T03:00:00+00:00"


def test_a_time_zone_is_where_the_hours_are_meant():
    assert said(Schedule("0 3 * * *", BERLIN).after(at("2026-07-01T00:00"))).startswith(
        "2026-07-01T01:00:00"
    )


def test_a_time_that_a_spring_night_skips_comes_once_at_the_end_of_the_gap():
    nightly = Schedule("30 2 * * *", BERLIN)
    first = nightly.after(at("2026-03-28T12:00", BERLIN))
    assert said(first, BERLIN) == "2026-03-29T03:00:00+02:00"
    assert said(nightly.after(first), BERLIN) == "2026-03-30T02:30:00+02:00"


def test_a_time_that_an_autumn_night_has_twice_comes_once():
    nightly = Schedule("30 2 * * *", BERLIN)
    first = nightly.after(at("2026-10-24T12:00", BERLIN))
    assert said(first, BERLIN) == "2026-10-25T02:30:00+02:00"
    for later in range(0, 5 * 3600, 600):  # from within the hour's second pass too
        assert said(nightly.after(first + later), BERLIN) == "2026-10-26T02:30:00+01:00"
        assert nightly.latest_due(first + later, 0) == first


@settings(max_examples=150, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    now=st.integers(int(at("2026-01-01")), int(at("2027-12-31"))),
    back=st.integers(0, 40 * DAY),
    spread=st.sampled_from([0, 600, 7200]),
)
def test_the_latest_due_slot_is_the_last_that_walking_forward_meets(
    expression, zone, now, back, spread
):
    schedule, since, walked = Schedule(expression, zone), now - back, None
    found = schedule.latest_due(now, since, deployment="prod", jitter_seconds=spread)
    slot = schedule.after(since if found is None else max(since, found - 3 * DAY))
    while slot <= now:
        if slot + jitter("prod", slot, spread) <= now:
            walked = slot
        slot = schedule.after(slot)
    assert found == walked


def test_jitter_is_the_same_each_time_differs_by_deployment_and_stays_within_its_bound():
    drawn = {name: jitter(name, 1_800_000_000, 600) for name in map(str, range(200))}
    assert drawn == {name: jitter(name, 1_800_000_000, 600) for name in drawn}
    assert len(set(drawn.values())) > 100
    assert min(drawn.values()) >= 0 and max(drawn.values()) <= 600
    assert jitter("prod", 1_800_000_000, 0) == 0


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("daily", "'daily' is not a schedule of five cron fields"),
        ("0 3 * *", "'0 3 * *' is not a schedule of five cron fields"),
        ("0 0 0 3 * *", "is not a schedule of five cron fields"),
        ("60 3 * * *", "its minute is wrong"),
        ("0 24 * * *", "its hour is wrong"),
        ("0 0 30 2 *", "its day-of-month is wrong"),
        ("0 0 * 13 *", "its month is wrong"),
        ("0 0 * * FRIDAY", "its day-of-week is wrong"),
        ("*/0 * * * *", "its minute is wrong"),
    ],
)
def test_an_expression_that_cannot_be_kept_is_refused_with_the_field_that_is_wrong(
    expression, named
):
    with pytest.raises(ValueError, match="fields") as refused:
        checked_cron(expression)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "expression", ["0 3 * * *", "*/5 8-18 * * MON-FRI", "0 0 L * *", "0 0 29 2 *"]
)
def test_what_cron_understands_is_taken_as_it_is(expression):
    assert checked_cron(expression) == expression
    assert Schedule(expression).latest_due(datetime(2026, 6, 1, tzinfo=UTC).timestamp(), 0.0)


def test_a_time_zone_that_is_none_is_refused_with_a_remedy():
    assert checked_zone("UTC") == "UTC"
    with pytest.raises(ValueError, match=r"'Mars/Base' is no time zone .* Europe/Berlin"):
        checked_zone("Mars/Base")
