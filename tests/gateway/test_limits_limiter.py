"""What a client may use, and what it is told when it has used it."""

from __future__ import annotations

import pytest

from gateway.config import KeySettings
from gateway.limits import Allowance, Exceeded, Resource, allowance_of
from gateway.limits.limiter import duration_text


def key(**limits: object) -> KeySettings:
    return KeySettings.model_validate({"name": "team-a", "key": "secret", **limits})


def test_a_key_without_limits_has_no_allowance() -> None:
    assert allowance_of(key()) is None
    assert allowance_of(key(usd_per_month=0.0)) == Allowance("team-a", usd_per_month=0.0)
    assert allowance_of(key(rpm=1, tpm=2, max_concurrency=3, usd_per_month=4.5)) == (
        Allowance("team-a", 1, 2, 3, 4.5)
    )


def test_usage_is_needed_where_tokens_or_money_are_limited() -> None:
    assert not Allowance("a", rpm=1, max_concurrency=1).needs_usage
    assert Allowance("a", tpm=1).needs_usage
    assert Allowance("a", usd_per_month=0.0).needs_usage


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.12, "120ms"), (0.9991, "1s"), (1, "1s"), (7.66, "7.66s"), (60, "1m0s"),
     (360, "6m0s"), (72.5, "1m12.5s"), (3600, "1h0m0s"), (90_061.001, "25h1m1.001s"),
     (-5, "0ms")],
)  # fmt: skip
def test_lengths_of_time_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_rate_says_when_to_come_back_in_every_form_that_clients_read() -> None:
    told = Exceeded(Resource.REQUESTS, 600, 0, 12.3401, name="team-a", reset_seconds=59.5)
    assert dict(told.headers()) == {
        b"retry-after": b"13",
        b"retry-after-ms": b"12341",
        b"x-ratelimit-limit-requests": b"600",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"59.5s",
    }
    assert (told.code, told.kind) == ("candor_rate_limited", "requests")
    assert told.message == (
        "The key 'team-a' has used its 600 requests a minute (rpm); try again in 12.341s."
    )


def test_a_rate_of_tokens_is_told_as_one_of_tokens() -> None:
    told = Exceeded(Resource.TOKENS, 90_000, 120, 0.2, name="team-a", reset_seconds=30.0)
    assert dict(told.headers())[b"x-ratelimit-remaining-tokens"] == b"120"
    assert dict(told.headers())[b"retry-after"] == b"1"
    assert (told.code, told.kind) == ("candor_tokens_limited", "tokens")


def test_calls_at_once_have_no_rate_to_tell() -> None:
    told = Exceeded(Resource.CONCURRENCY, 4, 0, 1.0, name="team-a")
    assert dict(told.headers()) == {b"retry-after": b"1", b"retry-after-ms": b"1000"}
    assert told.code == "candor_concurrency_limited"


def test_a_spent_budget_tells_clients_not_to_try_again() -> None:
    told = Exceeded(Resource.BUDGET, 20.5, 0, 86_400.0, name="team-a")
    assert dict(told.headers())[b"x-should-retry"] == b"false"
    assert dict(told.headers())[b"retry-after"] == b"86400"
    assert (told.code, told.kind) == ("candor_budget_exhausted", "insufficient_quota")
    assert told.message == (
        "The key 'team-a' has used its 20.5 USD a month (usd_per_month); "
        "the next month begins in 24h0m0s."
    )
