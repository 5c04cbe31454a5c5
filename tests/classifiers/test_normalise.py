"""One normalisation, at one door."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.normalise import normalise, split_reasoning


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("I’m sorry — I can‘t “help”…", "I'm sorry - I can't \"help\"..."),
        ("I´m s\u200bo\u00adrr\ufeffy", "I'm sorry"),
        ("a\u00a0b\u202fc\u3000d\te", "a b c d e"),
        ("one \n\n\r\n  two\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("\x00a\x07b\x9bc", "abc"),
        ("Ｉ ｃａｎ＇ｔ．", "I can't."),
        ("lone \ud800 half", "lone \ufffd half"),
        ("   ", ""),
        ("", ""),
    ],
)
def test_typography_becomes_plain(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    "tag",
    [
        "<s>", "<s> [OUT]", "[/INST]", "[/s]", "[/s>", "[B_INST]", "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n", "<start_of_turn>model\n",
        "<|assistant|>",
        "Assistant:", "**Assistant:** ", "ASSISTANT: AI: ", "### Response:", "<<SYS>>",
        "\u200bAssistant\u200b:", "<think>\nI could refuse.\n</think>\n",
        "<s><think>hm</think>Assistant:",
    ],
)  # fmt: skip
def test_template_tags_and_role_prefixes_at_the_opening_go(tag: str) -> None:
    assert normalise(f"{tag}I cannot help.") == "I cannot help."


@pytest.mark.parametrize("tag", ["</s>", "<|im_end|>\n", "<|eot_id|></s>", "<end_of_turn>", "<s>"])
def test_template_tags_at_the_end_go(tag: str) -> None:
    assert normalise(f"I cannot help.{tag}") == "I cannot help."


@pytest.mark.parametrize(
    "text",
    [
        "The assistant: a history", "Use <s> for strike-through.", "AI is everywhere.",
        "The tag <think> opens a block and </think> closes it.", "ai://path", "<html>", "[1, 2]",
        "Отказ: не могу.", "申し訳ありません。", "لا أستطيع", "if (cannot) { return; }",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>hm</think>\n\nYes.", "hm", "Yes."),
        ("  <thinking>a</thinking><think>b</think>Yes.", "a\nb", "Yes."),
        ("[THINK]hm[/THINK]Yes.", "hm", "Yes."),
        ("◁think▷hm◁/think▷Yes.", "hm", "Yes."),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
         "hm", "Yes."),
        ("<think>never closed", "never closed", ""),
        ("the template opened it\n</think>\nYes.", "the template opened it", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("Yes. <think>no</think>", "", "Yes. <think>no</think>"),
        ("Write `</think>` to close.", "", "Write `</think>` to close."),
        ("Like this:\n<think>\n</think>\nSee?", "", "Like this:\n<think>\n</think>\nSee?"),
        ("No tags.", "", "No tags."),
    ],
)  # fmt: skip
def test_reasoning_at_the_opening_is_set_apart(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer)


@given(st.text())
def test_any_text_is_normalised_without_an_error_and_can_be_encoded(text: str) -> None:
    normalise(text).encode()


@pytest.mark.parametrize(
    "unit",
    ["a", " ", "\n", "<s>", "Assistant:", "<think>", "</think>", "<think></think>", "\u0301\u0323",
     "’", "</s>", "\t</think", "<|", "\u200b", "[", "*"],
)  # fmt: skip
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        normalise(text)
        return time.process_time() - start

    small = min(seconds(100_000) for _ in range(3))
    assert seconds(1_000_000) < 10 * 4 * max(small, 0.002)
