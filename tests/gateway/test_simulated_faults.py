"""The header x-fake, read."""

from __future__ import annotations

import pytest

from classifiers.verdict import Label
from gateway.simulated.faults import FaultProblem, Faults, Signal, read_faults


def test_an_empty_header_asks_for_nothing() -> None:
    assert read_faults("") == Faults()
    assert read_faults(" ; ") == Faults()
    assert Faults().spoils == ""


def test_parts_are_joined_by_semicolons_and_spaces_do_not_matter() -> None:
    assert read_faults("status=503; retry-after = 1 ;gzip") == Faults(
        status=503, retry_after="1", gzip=True
    )


def test_every_value_is_read_into_its_type() -> None:
    read = read_faults("delay=0.05;token-delay=1;drop-after=3;slice=7;times=2")
    assert read == Faults(delay=0.05, token_delay=1.0, drop_after=3, slice=7, times=2)
    assert read_faults("native=message.refusal").native is Signal.MESSAGE_REFUSAL
    assert read_faults("label=partial_refusal").label is Label.PARTIAL_REFUSAL


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("explode", "'explode' is not known; known are drop"),
        ("drop=1", "'drop=1' is not known"),
        ("status", "'status' is not known"),
        ("status=teapot", "status='teapot'"),
        ("status=200", "not an error status"),
        ("delay=nan", "delay='nan'"),
        ("delay=-1", "delay='-1'"),
        ("drop-after=-1", "drop-after='-1'"),
        ("native=shrug", "native='shrug'"),
        ("label=undecided", "label='undecided'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_value(header: str, named: str) -> None:
    with pytest.raises(FaultProblem) as raised:
        read_faults(header)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "header",
    [
        "status=503",
        "drop",
        "reset",
        "not-json",
        "half-json",
        "html",
        "empty",
        "no-body",
        "tool-call",
        "drop-after=2",
        "error-event=2",
    ],
)
def test_a_fault_that_takes_the_answer_away_says_its_name(header: str) -> None:
    assert read_faults(header).spoils == header.removesuffix("=2")


@pytest.mark.parametrize(
    "header", ["gzip", "delay=1", "slice=3", "no-done", "native=content_filter"]
)
def test_a_fault_that_leaves_the_answer_whole_spoils_nothing(header: str) -> None:
    assert read_faults(header).spoils == ""
