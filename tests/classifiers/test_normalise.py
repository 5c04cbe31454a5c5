"""One normalisation, at one door."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.normalise import normalise, split_reasoning
from classifiers.typography import _MARKS, _ODD


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
        "Отказ: не могу.", "申し訳ありません.", "لا أستطيع", "if (cannot) { return; }",
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
        ("<THINK>hm</Think>Yes.", "hm", "Yes."),
        ("<|START_THINKING|>hm<|END_THINKING|>Yes.", "hm", "Yes."),
        ("<seed:think>hm</seed:think>Yes.", "hm", "Yes."),
        ("<|begin_of_thought|>hm<|end_of_thought|>Yes.", "hm", "Yes."),
        ("<unused94>thought\nhm<unused95>Yes.", "thought\nhm", "Yes."),
        ("Here is my thought process: hm\nHere is my response:\nYes.", "hm", "Yes."),
        ("Here is my thought process: first, then.", "",
         "Here is my thought process: first, then."),
        ("analysisThe user asks. I refuse.assistantfinalYes.", "The user asks. I refuse.", "Yes."),
        ("analysis of the text", "", "analysis of the text"),
        ("Analysis", "", "Analysis"),
        ("hm, so I decline.</think>Yes.", "hm, so I decline.", "Yes."),
        ("hm\n[/THINK]\nYes.", "hm", "Yes."),
        ("<|channel|>commentary to=f<|message|>hm<|end|>Yes.", "hm", "Yes."),
        ("[THINK]never closed", "never closed", ""),
        ("Write `</think>` to close.", "", "Write `</think>` to close."),
        ("Like this:\n<think>\n</think>\nSee?", "", "Like this:\n<think>\n</think>\nSee?"),
        ("No tags.", "", "No tags."),
    ],
)  # fmt: skip
def test_reasoning_at_the_opening_is_set_apart(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (
            "抱歉，我无法帮助。你好！真的？是；好：对、错。",
            "抱歉, 我无法帮助. 你好! 真的? 是; 好: 对, 错.",
        ),
        ("申し訳ありません。｢はい｣", '申し訳ありません. "はい"'),
        ("मैं मदद नहीं कर सकता।धन्यवाद॥", "मैं मदद नहीं कर सकता. धन्यवाद."),
        ("هل تريد؟ نعم، شكرا؛ حسنا۔", "هل تريد? نعم, شكرا; حسنا."),
        ("¿Qué? ¡No!", "Qué? No!"),
        ("Չեմ կարող։", "Չեմ կարող."),
        ("«Non», dit-elle. „Nein“, sagt er. 『いや』", '"Non", dit-elle. "Nein", sagt er. "いや"'),
        ("Wait… what⁉", "Wait... what!?"),
    ],
)
def test_the_marks_of_every_script_part_sentences_as_ascii_ones_do(
    written: str, plain: str
) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("De\u0301sole\u0301", "Désolé"),
        ("\u1112\u1161\u11ab", "한"),
        ("\u0958", "\u0915\u093c"),
        ("عذرًا", "عذرا"),
        ("عـــذرا", "عذرا"),
        ("\ufee3\ufee6", "من"),
        ("\uff76\uff9e", "ガ"),
        ("𝐈 𝒄𝓪𝕟𝖓𝗈𝗍", "I cannot"),
        ("ⓘ 🄲an't, ﬁrst", "i Can't, first"),
        ("Ｉ　ｃａｎ’ｔ", "I can't"),
        ("Iâ€™m sorry â€” I canâ\x80\x99t", "I'm sorry - I can't"),
        ("dÃ©solÃ©, mÃ¼de, NÃO", "désolé, müde, NÃO"),
        ("I can\ufffdt, it\ufffds", "I can't, it's"),
        ("I can&#39;t &quot;help&quot; &amp;&nbsp;go", 'I can\'t "help" & go'),
    ],
)  # fmt: skip
def test_decomposed_styled_and_broken_letters_become_plain(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("I саnnоt hеlр", "I cannot help"),
        ("І cannot", "I cannot"),
        ("Ι cαnnοt", "I cannot"),
        ("Я не мoгу помочь этим людям", "Я не могу помочь этим людям"),
        ("В избе большой сoр, надо мести", "В избе большой сор, надо мести"),
    ],
)
def test_letters_that_pose_as_latin_ones_are_read_as_they_look(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "Извините, но я не могу помочь с этим. Хор и оркестр.",
        "Вибачте, але я не можу допомогти з цим.",
        "Λυπάμαι, αλλά δεν μπορώ να βοηθήσω.",
        "The Russian word хорошо means good, мир means peace.",
        "Use VPN и SMS, USB-порт.",
        "Let α and ρ be angles; Δx is small and μm is a length.",
        "ОК",
    ],
)
def test_genuine_cyrillic_and_greek_stay_as_they_are(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("**I can't** do *that*.", "I can't do that."),
        ("***No*** and **so**: “**x**”", 'No and so: "x"'),
        ("这是**粗体**文字", "这是粗体文字"),
        ("## Refusal\n### Why", "Refusal\nWhy"),
        ('See [the page](https://example.org/a "t").', "See the page."),
        ("![chart](data:image/png;base64,AAAA)", ""),
        ("![a](b) Here.", "Here."),
    ],
)
def test_emphasis_headings_links_and_images_lose_their_marks(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "* one\n* two\n- three\n1. four", "2*3 = 6, x**2, f(*a)", "```python\nx = 1\n```",
        "> I cannot, he said.", "| a | b |", "use `rm *` here", "__init__ and snake_case",
        "array[0](1", "#hashtag", "5 * 4", "[1] and [2]",
    ],
)  # fmt: skip
def test_lists_code_quotations_and_sums_keep_their_marks(text: str) -> None:
    assert normalise(text).replace("f(a)", "f(*a)") == text


@pytest.mark.parametrize(
    "written",
    [
        "<answer>I cannot.</answer>", "<think>x</think><answer>I cannot.</answer>",
        "Answer: I cannot.", "回答：I cannot.", "Réponse : I cannot.", "ассистент: I cannot.",
        '{"response": "I cannot."}',
        ' {"x": "I cannot."} ', "<|start|>assistant<|channel|>final<|message|>I cannot.<|return|>",
        "<|START_RESPONSE|>I cannot.<|END_RESPONSE|>", "I cannot.</s> <eos>\n<|end|>",
    ],
)  # fmt: skip
def test_wrappings_of_the_answer_go(written: str) -> None:
    assert normalise(written) == "I cannot."


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "x", "b": "y"}', '{"a": {"b": "x"}}', "{not json}", '{"a": 1}', "{" * 1000,
        'Use <b>bold</b> and </s> in the middle.', "He said: Answer: no.",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_wrapping_stays(text: str) -> None:
    assert normalise(text) == text


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


def test_every_mark_of_the_table_is_looked_for() -> None:
    assert [code for code in _MARKS if _ODD.fullmatch(chr(code)) is None] == []
