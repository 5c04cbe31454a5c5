"""What is sent beside the prompt, from the options to the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.parameters import gather, request_of
from probes.problem import ParameterProblem


def test_only_what_was_asked_for_is_sent() -> None:
    assert gather() == {}
    assert request_of("How?", "m", {}) == {
        "model": "m",
        "messages": [{"role": "user", "content": "How?"}],
    }


def test_every_parameter_stands_in_the_request_under_its_name() -> None:
    found = gather(temperature=0.0, max_tokens=50, extra=["top_p=0.9", 'reasoning_effort="low"'])
    assert found == {
        "temperature": 0.0,
        "max_tokens": 50,
        "top_p": 0.9,
        "reasoning_effort": "low",
    }
    request = request_of("How?", "m", found)
    assert request.items() >= found.items()


def test_the_system_prompt_goes_before_the_prompt_and_is_no_field_of_the_request() -> None:
    request = request_of("How?", "m", gather(system="Be brief."))
    assert [turn["role"] for turn in request["messages"]] == ["system", "user"]
    assert request["messages"][0]["content"] == "Be brief."
    assert "system" not in request


def test_a_system_prompt_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "system.txt"
    path.write_text("Be brief.\nBe kind.\n", encoding="utf-8")
    assert gather(system=f"@{path}") == {"system": "Be brief.\nBe kind."}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("top_p", "KEY=JSON"),
        ("=1", "KEY=JSON"),
        ("top_p=low", "not JSON"),
        ("top_p=NaN", "not JSON"),
        ("top_p=1e999", "not JSON"),
        ("model=1", "cannot set model"),
        ("messages=[]", "cannot set messages"),
        ('system="x"', "--system"),
        ("temperature=1", "twice"),
    ],
)
def test_a_parameter_that_cannot_be_sent_is_named_with_the_remedy(extra: str, said: str) -> None:
    with pytest.raises(ParameterProblem, match=said):
        gather(temperature=0.5, extra=[extra])


def test_an_infinite_temperature_is_refused() -> None:
    with pytest.raises(ParameterProblem, match="--temperature inf"):
        gather(temperature=float("inf"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_system_prompt_that_cannot_be_read_names_its_file(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "system.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ParameterProblem, match=r"system\.txt"):
        gather(system=f"@{path}")
