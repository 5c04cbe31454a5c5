"""The books of a soak: what counts as explained, and what does not."""

from __future__ import annotations

import json

import pytest

from gateway.proxy.errors import bad_request
from tests.bench.client import Answer
from tests.faults import Fault, Injected, Plan
from tests.soak.ledger import Books, Call, Outcome, growth, outcome
from tests.soak.traffic import HARMFUL, errand, fault_for

EXPECTED = b"every byte of it"


def answer(status: int, body: bytes, *, complete: bool = True, left: bool = False) -> Answer:
    return Answer(0.0, status=status, body=bytearray(body), complete=complete, left=left)


def call(outcome: Outcome, *, call_id: str = "small.1", ended: float = 10.0) -> Call:
    return Call(call_id, outcome, 200, ended - 0.1, ended)


def injected(fault: Fault, *, call_id: str = "small.1", at: float = 9.95) -> Injected:
    return Injected(at, 1, call_id, Plan(fault))


def test_a_reply_is_whole_only_with_every_byte_and_its_end() -> None:
    assert outcome(answer(200, EXPECTED), EXPECTED) is Outcome.WHOLE
    assert outcome(answer(200, EXPECTED[:-1], complete=False), EXPECTED) is Outcome.BROKEN
    assert outcome(answer(200, EXPECTED[:-1]), EXPECTED) is Outcome.ALTERED
    assert outcome(answer(200, b"other", complete=False), EXPECTED) is Outcome.BROKEN_ALTERED


def test_a_client_that_leaves_must_have_been_given_the_right_bytes() -> None:
    assert outcome(answer(200, EXPECTED[:5], complete=False, left=True), EXPECTED) is Outcome.LEFT
    odd = answer(200, b"other", complete=False, left=True)
    assert outcome(odd, EXPECTED) is Outcome.BROKEN_ALTERED


def test_only_an_error_of_the_gateway_for_a_bad_upstream_declines() -> None:
    own = json.dumps({"error": {"code": "candor_upstream_unreachable"}}).encode()
    assert outcome(answer(502, own), EXPECTED) is Outcome.DECLINED
    assert outcome(answer(500, own), EXPECTED) is Outcome.ODD
    assert outcome(answer(502, b"<html>"), EXPECTED) is Outcome.ODD
    assert outcome(answer(0, b"", complete=False), EXPECTED) is Outcome.NOTHING


def test_a_client_may_leave_in_the_middle_of_an_error_too() -> None:
    begun = bad_request("it is too long to be read to its end").answer.body[:40]
    assert outcome(answer(502, begun, complete=False, left=True), EXPECTED) is Outcome.DECLINED
    assert outcome(answer(502, begun, complete=False), EXPECTED) is Outcome.ODD
    assert outcome(answer(502, b"<html>", complete=False, left=True), EXPECTED) is Outcome.ODD


@pytest.mark.parametrize("came_to", [Outcome.BROKEN, Outcome.DECLINED, Outcome.ALTERED])
def test_an_error_without_a_fault_is_a_complaint(came_to: Outcome) -> None:
    books = Books([injected(Fault.RESET, call_id="small.2")])
    books.enter(call(came_to))
    assert len(books.complaints) == 1


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.RESET, Fault.HALF_CLOSE, Fault.STALL])
def test_a_broken_upstream_explains_an_error_and_forbids_a_clean_end(fault: Fault) -> None:
    books = Books([injected(fault)])
    books.enter(call(Outcome.BROKEN))
    assert books.complaints == []
    books.enter(call(Outcome.WHOLE))
    assert len(books.complaints) == 1


def test_two_faults_on_one_call_explain_what_either_does_and_forbid_what_either_forbids() -> None:
    books = Books([injected(Fault.GARBAGE), injected(Fault.STALE), injected(Fault.LATENCY)])
    for came_to in (Outcome.BROKEN, Outcome.ALTERED, Outcome.DECLINED):
        books.enter(call(came_to))
    assert books.complaints == []
    books.enter(call(Outcome.WHOLE))
    assert len(books.complaints) == 1


def test_a_fault_that_is_logged_after_the_books_were_opened_counts() -> None:
    log: list[Injected] = []
    books = Books(log)
    books.enter(call(Outcome.WHOLE, call_id="small.0"))
    log.append(injected(Fault.CUT))
    books.enter(call(Outcome.BROKEN))
    assert books.complaints == []


def test_a_connection_closed_while_idle_explains_only_an_error_at_that_time() -> None:
    books = Books([injected(Fault.STALE, call_id="")])
    books.enter(call(Outcome.DECLINED))
    assert books.complaints == []
    books.enter(call(Outcome.DECLINED, ended=12.0))
    assert len(books.complaints) == 1


def test_growth_is_the_line_through_the_samples_not_their_ends() -> None:
    assert growth([(0, 5.0), (1, 5.0), (2, 5.0)]) == 0
    assert growth([(n, 100 + 2.0 * n) for n in range(11)]) == pytest.approx(20)
    assert abs(growth([(0, 9.0), *((n, 5.0) for n in range(1, 100)), (100, 9.0)])) < 0.5


def test_the_same_seed_asks_the_same_and_disturbs_the_same() -> None:
    def run(seed: int) -> list[object]:
        asked = [errand(seed, number) for number in range(200)]
        return [(each, fault_for(seed, each.call_id, 0.5)) for each in asked]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_every_fault_is_among_those_of_a_soak() -> None:
    asked = [errand(1, number) for number in range(2000)]
    faults = {fault_for(1, each.call_id, 0.5).fault for each in asked}
    assert faults == set(Fault)
    assert set(HARMFUL) < faults
