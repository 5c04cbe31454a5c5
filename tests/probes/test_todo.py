"""The door that answers pass: what says something about the target alone is no finding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from classifiers.exchange import Ending, Exchange, NativeSignal, RefusalSource
from probes.attempt import Answer
from probes.plan import Attempt
from probes.problem import TargetRefusing, TargetUnreachable
from probes.todo import CONNECT_FAILURES, TURNED_AWAY, Todo
from tests.probes.trials import a_case

FINE = Answer(Exchange((), "Here it is."), 200, 0.0, 0.1)
LOST = Answer(None, None, 0.0, 0.1, failure="connection refused", unreachable=True)


def status(code: int) -> Answer:
    failed = Exchange((), "", ending=Ending.ERROR, problem=f"HTTP {code}")
    return Answer(failed, code, 0.0, 0.1, failure=f"HTTP {code}")


def attempts(count: int = 40) -> Iterator[Attempt]:
    return (Attempt(a_case(str(number)), 0) for number in range(count))


def taken(todo: Todo) -> Attempt:
    attempt = todo.take()
    assert attempt is not None
    return attempt


@pytest.fixture
def todo() -> Todo:
    return Todo(attempts(), asyncio.Event())


@pytest.mark.parametrize("code", [401, 402, 403, 404, 429])
@pytest.mark.parametrize("before", [0, 3])
def test_ten_in_a_row_that_are_turned_away_alike_end_the_run_early_or_late(
    todo: Todo, code: int, before: int
) -> None:
    for _ in range(before):
        assert todo.admit(taken(todo), FINE)
    for _ in range(TURNED_AWAY - 1):
        assert todo.admit(taken(todo), status(code)) == []
    with pytest.raises(TargetRefusing, match=str(code)):
        todo.admit(taken(todo), status(code))


def test_an_answer_in_between_makes_those_before_it_findings(todo: Todo) -> None:
    turned_away = [taken(todo) for _ in range(4)]
    for attempt in turned_away:
        assert todo.admit(attempt, status(403)) == []
    ready = todo.admit(taken(todo), FINE)
    assert [attempt for attempt, _ in ready[:-1]] == turned_away
    assert todo.held == []


def test_two_kinds_of_failure_are_no_row(todo: Todo) -> None:
    for number in range(3 * TURNED_AWAY):
        todo.admit(taken(todo), status(429 if number % 2 else 403))


@pytest.mark.parametrize("before", [0, 3])
def test_five_in_a_row_that_cannot_connect_end_the_run_early_or_late(
    todo: Todo, before: int
) -> None:
    for _ in range(before):
        assert todo.admit(taken(todo), FINE)
    for _ in range(CONNECT_FAILURES - 1):
        assert todo.admit(taken(todo), LOST) == []
    with pytest.raises(TargetUnreachable, match="connection refused"):
        todo.admit(taken(todo), LOST)


def test_what_could_not_connect_is_asked_again_once_the_target_answers(todo: Todo) -> None:
    lost = taken(todo)
    assert todo.admit(lost, LOST) == []
    good = taken(todo)
    assert todo.admit(good, FINE) == [(good, FINE)]
    assert taken(todo) is lost


@pytest.mark.parametrize("code", [400, 408, 500, 503])
def test_other_failures_are_findings_at_once(todo: Todo, code: int) -> None:
    for _ in range(2 * TURNED_AWAY):
        assert len(todo.admit(taken(todo), status(code))) == 1


def test_a_refusal_stated_with_a_403_is_a_refusal(todo: Todo) -> None:
    signal = NativeSignal("error.code=content_filter", RefusalSource.PROVIDER_FILTER)
    refused = Answer(Exchange((), "", signals=(signal,)), 403, 0.0, 0.1)
    for _ in range(2 * TURNED_AWAY):
        assert len(todo.admit(taken(todo), refused)) == 1
