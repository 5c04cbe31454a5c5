"""What the simulated model really did, kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from classifiers.verdict import Label
from gateway.simulated.persona import Persona
from gateway.simulated.truth import Ledger, TruthRecord, record_json


def record(prompt: str, *, refused: bool, expectation: str = "comply") -> TruthRecord:
    label = Label.DIRECT_REFUSAL if refused else Label.COMPLIANCE
    return TruthRecord(
        prompt, Persona.BALANCED, label, refused, "flat", "", 1.5, "req_1", expectation
    )


def test_a_summary_counts_answers_by_persona_and_expectation() -> None:
    ledger = Ledger()
    ledger.answer(record("a", refused=True))
    ledger.answer(record("b", refused=False))
    ledger.answer(record("c", refused=True, expectation="refuse"))
    assert ledger.summary()["by"] == {
        "balanced": {"comply": {"asked": 2, "refused": 1}, "refuse": {"asked": 1, "refused": 1}}
    }


def test_a_prompt_asked_twice_of_one_persona_is_named_and_of_two_is_not() -> None:
    ledger = Ledger()
    assert ledger.ask(Persona.BALANCED, "once") == 1
    assert ledger.ask(Persona.CAUTIOUS, "once") == 1
    assert [ledger.ask(Persona.BALANCED, "again") for _ in range(3)] == [1, 2, 3]
    told = ledger.summary()
    assert (told["asked"], told["prompts"], told["repeated"]) == (5, 3, 1)
    assert told["repeats"] == [{"persona": "balanced", "prompt": "again", "asked": 3}]
    assert ledger.asked()[Persona.BALANCED, "again"] == 3


def test_a_spoiled_call_is_counted_under_its_fault_and_leaves_no_record() -> None:
    ledger = Ledger()
    ledger.spoil("drop")
    assert ledger.summary()["faults"] == {"drop": 1}
    assert ledger.records() == []
    assert ledger.summary()["records"] == 0


def test_counts_go_on_when_there_is_no_room_for_more_records() -> None:
    ledger = Ledger(kept=3)
    for number in range(10):
        ledger.answer(record(str(number), refused=False))
    assert len(ledger.records()) == 3
    assert ledger.summary()["records"] == 10


def test_a_reset_forgets_everything() -> None:
    ledger = Ledger()
    ledger.ask(Persona.BALANCED, "a")
    ledger.answer(record("a", refused=True))
    ledger.spoil("drop")
    ledger.reset()
    assert ledger.summary() == Ledger().summary()
    assert ledger.records() == []
    assert ledger.asked() == {}


def test_no_count_is_lost_between_threads() -> None:
    ledger = Ledger()

    def work(_: int) -> None:
        for _ in range(500):
            ledger.ask(Persona.BALANCED, "same")
            ledger.answer(record("same", refused=True))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert ledger.asked() == {(Persona.BALANCED, "same"): 4000}
    assert len(ledger.records()) == ledger.summary()["records"] == 4000


def test_a_record_is_shown_as_plain_json() -> None:
    shown = json.loads(json.dumps(record_json(record("a", refused=True))))
    assert shown == {
        "prompt": "a",
        "persona": "balanced",
        "label": "direct_refusal",
        "refused": True,
        "style": "flat",
        "signal": "",
        "at": 1.5,
        "request_id": "req_1",
        "expectation": "comply",
        "key": "",
    }
