"""The scorer's work on a batch: what is judged, what is an error, what is given up."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from classifiers.cascade import build_cascade
from classifiers.exchange import Exchange
from classifiers.verdict import Label, RefusalSource, Verdict
from gateway.metrics import SCORING_BUCKETS
from gateway.mirror.scorer import MAX_TRIES, Scorer
from gateway.mirror.scoring import Scoring
from gateway.mirror.spool import Spool
from gateway.store import ExchangeOutcome, Store, StoreProblem
from tests.gateway.calls import ANSWER, REFUSAL, capture, chat_reply, record

DAY = 86_400.0


class FakeClock:
    """Stands still until it is set."""

    def __init__(self, now: float = 1_000_000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeClassifier:
    """Calls everything a compliance, and breaks on the word that it is told to break on."""

    name = "fake@1"

    def __init__(self, breaks_on: str = "\0"):
        self.breaks_on = breaks_on
        self.seen: list[Exchange] = []

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        self.seen += exchanges
        if any(self.breaks_on in exchange.reply for exchange in exchanges):
            raise RuntimeError("broken")
        return [build_cascade(["phrases"]).judge([each])[0] for each in exchanges]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path):
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


def scorer_of(spool, store, clock, classifier=None, redact=()):
    classifier = classifier or build_cascade(["native", "phrases"])
    scorer = Scorer(spool, store, Scoring(classifier, redact, clock=clock), clock=clock)
    scorer.recover()
    return scorer


def test_captures_become_exchanges_with_verdicts_and_leave_the_spool(spool, store, clock):
    spool.append([capture("r1"), capture("r2", reply=chat_reply(REFUSAL))], clock())
    scorer = scorer_of(spool, store, clock)
    assert scorer.step() == 2
    refused, answered = store.latest_exchanges()
    assert (refused.request_id, refused.verdict.label) == ("r2", Label.DIRECT_REFUSAL)
    assert (answered.reply, answered.outcome) == (ANSWER, ExchangeOutcome.JUDGED)
    assert answered.prompt == (("user", "How do I stop a process?"),)
    assert (answered.model, answered.category, answered.traffic) == ("m-1", "unknown", "live")
    assert spool.backlog().waiting == 0
    assert scorer.step() == 0


def test_a_providers_own_refusal_is_judged_even_where_the_reply_is_an_error(spool, store, clock):
    body = b'{"error": {"code": "content_filter", "message": "filtered", "type": "x"}}'
    spool.append([capture("r1", reply=body, status=400)], clock())
    scorer_of(spool, store, clock).step()
    [kept] = store.latest_exchanges()
    assert (kept.verdict.label, kept.verdict.source) == (
        Label.DIRECT_REFUSAL,
        RefusalSource.PROVIDER_FILTER,
    )


BROKEN = {
    "no response": {"status": None, "reply": b""},
    "error status": {"status": 503, "reply": b'{"error": {"message": "overloaded"}}'},
    "not json": {"reply": b"<html>oops</html>"},
    "half json": {"reply": chat_reply(REFUSAL)[:-40]},
    "cut": {"reply": chat_reply(REFUSAL)[:-40], "cut": True},
    "empty body": {"reply": b""},
    "empty reply": {"reply": chat_reply("")},
    "blank reply": {"reply": chat_reply(" \n\u200b ")},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_reply_is_kept_as_an_error_and_counts_as_no_verdict(spool, store, clock, name):
    spool.append([capture("r1", **BROKEN[name])], clock())
    scorer_of(spool, store, clock).step()
    [kept] = store.latest_exchanges()
    assert (kept.outcome, kept.verdict) == (ExchangeOutcome.ERROR, None)
    assert kept.problem
    assert store.verdict_tallies() == []
    [tally] = store.capture_tallies()
    assert (tally.outcome, tally.count) == ("scored", 1)


def test_a_reply_of_tool_calls_alone_is_undecided(spool, store, clock):
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    spool.append([capture("r1", reply=chat_reply("", tool_calls=[call]))], clock())
    scorer_of(spool, store, clock).step()
    [kept] = store.latest_exchanges()
    assert kept.verdict.label is Label.UNDECIDED
    assert [(t.label, t.count) for t in store.verdict_tallies()] == [(Label.UNDECIDED, 1)]


def test_text_is_redacted_before_it_is_judged_and_before_it_is_kept(spool, store, clock):
    mail = "someone@example.org"
    request = (
        b'{"model": "m", "messages": [{"role": "user", "content": "I am someone@example.org"}]}'
    )
    reply = chat_reply(f"Hello {mail}", reasoning_content=f"{mail} asks")
    spool.append([capture("r1", reply=reply, request=request)], clock())
    classifier = FakeClassifier()
    scorer_of(spool, store, clock, classifier, redact=["email"]).step()
    assert mail not in repr(classifier.seen)
    [kept] = store.latest_exchanges()
    assert mail not in repr(kept)
    assert (kept.reply, kept.reasoning) == ("Hello [email]", "[email] asks")
    assert kept.prompt == (("user", "I am [email]"),)


def test_a_capture_that_breaks_the_classifier_is_given_up_and_holds_up_no_other(
    spool, store, clock
):
    poison = capture("bad", reply=chat_reply("POISON"))
    spool.append([capture("r1"), poison, capture("r2")], clock())
    scorer = scorer_of(spool, store, clock, FakeClassifier(breaks_on="POISON"))
    steps = 0
    while spool.backlog().waiting:
        steps += 1
        assert steps < 100
        scorer.step()
        clock.now += 10
    kept = {each.request_id: each for each in store.latest_exchanges()}
    assert {name: each.outcome.value for name, each in kept.items()} == {
        "r1": "judged",
        "r2": "judged",
        "bad": "failed",
    }
    assert kept["bad"].reply == ""
    assert kept["bad"].problem == f"not scored in {MAX_TRIES} tries"
    assert {(t.outcome, t.count) for t in store.capture_tallies()} == {("scored", 2), ("failed", 1)}


def test_new_captures_are_scored_while_a_broken_one_waits_for_its_next_try(spool, store, clock):
    spool.append([capture("bad", reply=chat_reply("POISON"))], clock())
    scorer = scorer_of(spool, store, clock, FakeClassifier(breaks_on="POISON"))
    scorer.step()
    spool.append([capture("r1")], clock())
    scorer.step()
    assert [each.request_id for each in store.latest_exchanges()] == ["r1"]


def test_a_damaged_row_is_counted_as_failed(tmp_path, spool, store, clock):
    spool.append([capture("r1"), capture("r2")], clock())
    with spool._transaction():
        spool._connection.execute("UPDATE captures SET head = '{' WHERE id = 1")
    scorer_of(spool, store, clock).step()
    assert sorted(each.outcome.value for each in store.latest_exchanges()) == ["failed", "judged"]
    assert spool.backlog().waiting == 0


def test_a_store_that_fails_costs_no_capture_and_no_try(tmp_path, spool, store, clock):
    spool.append([capture("r1")], clock())
    scorer = scorer_of(spool, store, clock)
    store.close()
    path, aside = tmp_path / "candor.db", tmp_path / "aside.db"
    path.rename(aside)
    path.mkdir()
    for _ in range(MAX_TRIES + 3):
        with pytest.raises(StoreProblem):
            scorer.step()
    path.rmdir()
    aside.rename(path)
    assert scorer.step() == 1
    [kept] = store.latest_exchanges()
    assert kept.outcome is ExchangeOutcome.JUDGED


def test_what_was_stored_but_not_removed_is_forgotten_at_the_next_start(spool, store, clock):
    stored = capture("r1")
    spool.append([stored, capture("r2")], clock())
    store.record([record(stored.capture_id)])
    scorer = scorer_of(spool, store, clock)
    assert spool.backlog().waiting == 1
    scorer.step()
    assert sum(t.count for t in store.capture_tallies()) == 2


def test_two_scorers_share_a_spool_without_scoring_anything_twice(tmp_path, spool, store, clock):
    spool.append([capture(f"r{n}") for n in range(100)], clock())
    other_spool = Spool(tmp_path / "spool.db")
    seen = [FakeClassifier(), FakeClassifier()]
    scorers = [
        scorer_of(spool, store, clock, seen[0]),
        scorer_of(other_spool, store, clock, seen[1]),
    ]
    while sum(scorer.step() for scorer in scorers):
        pass
    other_spool.close()
    assert len(seen[0].seen) + len(seen[1].seen) == 100
    assert min(len(each.seen) for each in seen) > 0


def test_exchanges_past_their_retention_are_deleted(spool, store, clock):
    store.record([record("old", scored_at=clock() - 31 * DAY), record("new", scored_at=clock())])
    assert scorer_of(spool, store, clock).sweep(30) == 1
    assert [each.capture_id for each in store.latest_exchanges()] == ["new"]


def test_the_time_that_scoring_takes_is_kept_per_exchange(spool, store, clock):
    spool.append([capture("r1"), capture("r2"), capture("r3", status=None)], clock())
    scorer_of(spool, store, clock, FakeClassifier()).step()
    [kept] = store.classifiers()
    assert (kept.name, sum(kept.buckets)) == ("fake@1", 2)
    assert len(kept.buckets) == len(SCORING_BUCKETS) + 1
    assert kept.seconds > 0


def lose(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def test_a_spool_made_anew_under_a_running_scorer_is_scored(tmp_path, spool, store, clock):
    scorer = scorer_of(spool, store, clock)
    spool.append([capture("lost")], clock())
    lose(tmp_path / "spool.db")
    other = Spool(tmp_path / "spool.db")
    other.append([capture("r1")], clock())
    assert scorer.step() == 1
    assert other.backlog().waiting == 0
    other.close()
    assert [each.request_id for each in store.latest_exchanges()] == ["r1"]


def test_a_spool_deleted_under_a_running_scorer_is_made_anew(tmp_path, spool, store, clock):
    scorer = scorer_of(spool, store, clock)
    lose(tmp_path / "spool.db")
    assert scorer.step() == 0
    other = Spool(tmp_path / "spool.db")
    other.append([capture("r1")], clock())
    other.close()
    assert scorer.step() == 1


def test_a_store_deleted_under_a_running_scorer_is_made_anew_with_its_classifier(
    tmp_path, spool, store, clock
):
    scorer = scorer_of(spool, store, clock)
    spool.append([capture("r1")], clock())
    scorer.step()
    lose(tmp_path / "candor.db")
    spool.append([capture("r2")], clock())
    assert scorer.step() == 1
    fresh = Store("sqlite:///candor.db", tmp_path)
    assert [each.request_id for each in fresh.latest_exchanges()] == ["r2"]
    assert [sum(each.buckets) for each in fresh.classifiers()] == [1]
    fresh.close()


def test_a_store_that_another_made_anew_is_told_the_classifier_as_well(
    tmp_path, spool, store, clock
):
    scorer = scorer_of(spool, store, clock)
    lose(tmp_path / "candor.db")
    fresh = Store("sqlite:///candor.db", tmp_path)
    assert scorer.step() == 0
    assert [each.name for each in fresh.classifiers()] == ["cascade(native@1,phrases@1)"]
    fresh.close()


def test_a_folder_that_vanished_costs_no_try_and_is_waited_for(tmp_path, clock):
    home = tmp_path / "home"
    home.mkdir()
    spool, store = Spool(home / "spool.db"), Store("sqlite:///candor.db", home)
    scorer = scorer_of(spool, store, clock)
    shutil.rmtree(home)
    for _ in range(3):
        with pytest.raises((OSError, StoreProblem)):
            scorer.step()
    home.mkdir()
    assert scorer.step() == 0
    spool.append([capture("r1")], clock())
    assert scorer.step() == 1
    spool.close()
    store.close()
