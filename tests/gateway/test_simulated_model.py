"""The simulated model without its wire: a prompt in, an answer out."""

from __future__ import annotations

import pytest

from classifiers.verdict import Label
from gateway.simulated import Drift, FakeModel, Persona
from gateway.simulated.compliance_texts import ANSWERS, UNSAFE_ANSWERS
from gateway.simulated.faults import FaultProblem, Faults, Signal
from probes.case import OR_BENCH_CATEGORIES, Expectation, ProbeCase

CASES = [
    ProbeCase(
        str(n),
        "made",
        f"How can I deal with matter {n} of {OR_BENCH_CATEGORIES[n % 10]}?",
        OR_BENCH_CATEGORIES[n % 10],
        Expectation.REFUSE if n % 3 == 0 else Expectation.COMPLY,
    )
    for n in range(600)
]
HARMFUL = [case for case in CASES if case.expectation is Expectation.REFUSE]


@pytest.mark.parametrize("persona", [Persona.BALANCED, Persona.CAUTIOUS, Persona.PERMISSIVE])
def test_what_it_answers_is_what_the_truth_of_the_list_says(persona: Persona) -> None:
    model = FakeModel(CASES, seed=5)
    refused = sum(model.answer(case.prompt, persona).refused for case in CASES)
    assert (refused, len(CASES)) == model.truth_rate(persona, CASES)


def test_a_prompt_it_does_not_know_is_answered_by_every_persona() -> None:
    model = FakeModel(CASES)
    for number in range(200):
        for persona in Persona:
            answer = model.answer(f"Name {number} birds", model.temper(persona))
            assert answer.label is Label.COMPLIANCE
            assert answer.style in ANSWERS


def test_a_harmful_prompt_is_complied_with_in_form_only() -> None:
    model = FakeModel(CASES)
    answers = [model.answer(case.prompt, Persona.PERMISSIVE) for case in HARMFUL]
    assert {a.style for a in answers if not a.refused} <= set(UNSAFE_ANSWERS)
    assert any(a.refused for a in answers) and not all(a.refused for a in answers)


def test_two_models_of_one_seed_say_the_same_words() -> None:
    one, two = FakeModel(CASES, seed=3), FakeModel(reversed(CASES), seed=3)
    assert [one.answer(c.prompt, Persona.CAUTIOUS) for c in CASES] == [
        two.answer(c.prompt, Persona.CAUTIOUS) for c in CASES
    ]


def test_space_around_a_known_prompt_does_not_hide_it() -> None:
    model = FakeModel(CASES)
    prompt = CASES[0].prompt
    assert model.answer(f"  {prompt}\n", Persona.CAUTIOUS) == model.answer(prompt, Persona.CAUTIOUS)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_native_refusals_is_what_it_was_set_to(share: float) -> None:
    model = FakeModel(CASES, native_share=share)
    refusals = [a for c in CASES if (a := model.answer(c.prompt, Persona.CAUTIOUS)).refused]
    native = [a for a in refusals if a.signal is not None]
    assert len(native) / len(refusals) == pytest.approx(share, abs=0.08)
    if share == 1.0:
        assert {a.signal for a in native} == set(Signal) - {Signal.PROMPT_FILTER}


def test_the_native_share_does_not_change_who_is_refused() -> None:
    none, all_ = FakeModel(CASES, native_share=0), FakeModel(CASES, native_share=1)
    for case in CASES:
        temper = Persona.BALANCED
        assert none.answer(case.prompt, temper).refused == all_.answer(case.prompt, temper).refused


def test_native_refusals_have_their_words_where_the_wire_wants_them() -> None:
    model = FakeModel()

    def said(signal: Signal) -> tuple[bool, bool, str, Label]:
        answer = model.answer("Hello", Persona.BALANCED, Faults(native=signal))
        return bool(answer.text), bool(answer.refusal), answer.finish_reason, answer.label

    direct, partial = Label.DIRECT_REFUSAL, Label.PARTIAL_REFUSAL
    assert said(Signal.MESSAGE_REFUSAL) == (False, True, "stop", direct)
    assert said(Signal.CONTENT_FILTER) == (False, False, "content_filter", direct)
    assert said(Signal.REFUSAL_AFTER_TEXT) == (True, True, "stop", partial)
    assert said(Signal.FILTER_AFTER_TEXT) == (True, False, "content_filter", partial)


@pytest.mark.parametrize("label", [label for label in Label if label is not Label.UNDECIDED])
def test_a_label_can_be_forced_in_words(label: Label) -> None:
    answer = FakeModel(CASES).answer("Hello", Persona.BALANCED, Faults(label=label))
    assert (answer.label, answer.signal, bool(answer.text)) == (label, None, True)


def test_an_echo_says_the_prompt() -> None:
    answer = FakeModel().answer("mail me: a@b.example", Persona.BALANCED, Faults(echo=True))
    assert (answer.text, answer.label) == ("mail me: a@b.example", Label.COMPLIANCE)


def test_drifting_turns_cautious_after_so_many_calls() -> None:
    model = FakeModel(CASES, drift=Drift(after_calls=3))
    assert [model.temper(Persona.DRIFTING) for _ in range(5)] == [Persona.BALANCED] * 3 + [
        Persona.CAUTIOUS
    ] * 2
    assert model.temper(Persona.BALANCED) is Persona.BALANCED


def test_drifting_turns_cautious_at_its_moment_on_the_clock() -> None:
    now = [99.0]
    model = FakeModel(drift=Drift(at=100.0), clock=lambda: now[0])
    assert model.temper(Persona.DRIFTING) is Persona.BALANCED
    now[0] = 100.0
    assert model.temper(Persona.DRIFTING) is Persona.CAUTIOUS


def test_drifting_turns_cautious_when_told_to_and_never_by_itself() -> None:
    model = FakeModel()
    assert {model.temper(Persona.DRIFTING) for _ in range(100)} == {Persona.BALANCED}
    model.drift_now()
    assert model.temper(Persona.DRIFTING) is Persona.CAUTIOUS


def test_a_record_is_what_the_answer_was() -> None:
    model = FakeModel(CASES, clock=lambda: 12.5)
    case = HARMFUL[0]
    answer = model.answer(case.prompt, Persona.CAUTIOUS)
    model.record(answer, case.prompt, Persona.CAUTIOUS, ids=("req_9", "key-1"))
    (kept,) = model.truth
    assert (kept.prompt, kept.persona, kept.label) == (case.prompt, "cautious", answer.label)
    assert (kept.refused, kept.style, kept.at) == (answer.refused, answer.style, 12.5)
    assert (kept.request_id, kept.key, kept.expectation) == ("req_9", "key-1", "refuse")


def test_the_first_case_counts_where_two_share_a_prompt() -> None:
    twin = ProbeCase("twin", "other", CASES[0].prompt, "hate", Expectation.COMPLY)
    model = FakeModel([CASES[0], twin])
    assert model.cases == (CASES[0],)
    assert model.expectation(twin.prompt) == "refuse"
    assert model.expectation("anything else") == "unknown"


def test_faults_that_cannot_be_read_are_refused_at_once() -> None:
    with pytest.raises(FaultProblem, match="'explode' is not known"):
        FakeModel(faults="explode")
