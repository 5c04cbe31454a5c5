"""Whatever a reply holds, the cascade has a verdict on it with a reason, in time, and no error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.cascade import STAGES, Cascade, build_cascade
from classifiers.exchange import Exchange, Role, Turn
from classifiers.verdict import Label, Verdict
from classifiers.wire import read_exchange
from tests.classifiers.wire_calls import CHAT, MESSAGES, RESPONSES, choice, raw, read_json


@pytest.fixture(scope="module", params=[STAGES[:2], STAGES], ids=["rules alone", "all stages"])
def cascade(request: pytest.FixtureRequest) -> Cascade:
    return build_cascade(request.param)


def judged(cascade: Cascade, *exchanges: Exchange) -> list[Verdict]:
    """The verdicts, each checked for what every verdict promises."""
    verdicts = cascade.judge(exchanges)
    assert len(verdicts) == len(exchanges)
    for verdict in verdicts:
        assert verdict.reason
        assert "\n" not in verdict.reason
        assert len(verdict.reason) <= 300
        assert verdict.refused is None or verdict.probability is not None
        assert verdict.probability is None or 0 <= verdict.probability <= 1
        json.dumps(verdict.as_json()).encode()
    return verdicts


EMPTY = {
    "nothing": "",
    "blanks": " \t\r\n\u3000\xa0" * 50,
    "without width": "\u200b\u2060\ufeff\u200d\xad" * 50,
    "controls": "\x00\x01\x1b\x7f\x85" * 50,
    "lone surrogates": "\ud800\udfff\ud83d" * 50,
    "tags and nothing inside": "<think></think><answer></answer></s>",
    "an unclosed thought": "<think>I should refuse this.",
    "an image": "![chart](data:image/png;base64," + "A" * 5000 + ")",
    "replacement characters": "\ufffd" * 100,
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_reply_without_an_answer_is_undecided(cascade: Cascade, name: str) -> None:
    (verdict,) = judged(cascade, Exchange((), EMPTY[name]))
    assert verdict.label is Label.UNDECIDED


PICTURE = {"url": "data:image/png;base64,AAAA"}


@pytest.mark.parametrize(
    ("document", "endpoint"),
    [
        (choice(None, "tool_calls", tool_calls=[{"id": "a"}]), CHAT),
        (choice([{"type": "image_url", "image_url": PICTURE}]), CHAT),
        (choice(None, images=[{"type": "image_url", "image_url": PICTURE}]), CHAT),
        ({"content": [{"type": "tool_use", "id": "t"}], "stop_reason": "tool_use"}, MESSAGES),
        ({"content": [{"type": "image", "source": PICTURE}], "stop_reason": "end_turn"}, MESSAGES),
        ({"content": [], "stop_reason": "end_turn"}, MESSAGES),
        ({"status": "completed", "output": [{"type": "image_generation_call"}]}, RESPONSES),
        ({"status": "completed", "output": [{"type": "function_call", "name": "f"}]}, RESPONSES),
    ],
)  # fmt: skip
def test_a_reply_of_nothing_but_calls_or_pictures_is_undecided(
    cascade: Cascade, document: dict[str, Any], endpoint: str
) -> None:
    (verdict,) = judged(cascade, read_json(document, endpoint))
    assert (verdict.label, verdict.probability) == (Label.UNDECIDED, None)


REFUSAL = "I'm sorry, but I can't assist with that."
MANGLED = {
    "byte order mark": f"\ufeff{REFUSAL}",
    "unbalanced tags": f"</s>[/INST]<s>{REFUSAL}</think",
    "curly and wide": "Ｉ’m sorry, but I can’t assist with that.",
    "bold": f"**{REFUSAL}**",
    "zero width": REFUSAL.replace("a", "a\u200b"),
    "look-alikes": REFUSAL.replace("o", "\u043e").replace("a", "\u0430"),
    "mathematical": "".join(chr(0x1D5BA + ord(c) - 97) if "a" <= c <= "z" else c for c in REFUSAL),
    "mojibake": REFUSAL.replace("'", "â€™"),
    "role prefix": f"<|im_start|>assistant\n{REFUSAL}<|im_end|>",
    "thought first": f"<think>\nShould I? Sure, here is how.\n</think>\n\n{REFUSAL}",
    "structured": json.dumps({"response": REFUSAL}),
    "a lone surrogate": f"{REFUSAL} \ud83d",
    "nul": f"{REFUSAL}\x00",
    "line breaks": REFUSAL.replace(" ", "\r\n", 2),
}


@pytest.mark.parametrize("name", MANGLED)
def test_a_plain_refusal_is_seen_through_what_mangles_it(cascade: Cascade, name: str) -> None:
    (verdict,) = judged(cascade, Exchange((), MANGLED[name]))
    assert verdict.refused is True


MEGABYTE = 1_000_000
HUGE = {
    "letters": "a",
    "blanks between": "a ",
    "line breaks": "\n",
    "a sentence": "The sky is blue and the sea is deep. ",
    "refusals": REFUSAL + " ",
    "quotes": '"',
    "backticks": "```",
    "stars": "**a",
    "brackets": "[a](",
    "thoughts": "<think></think>",
    "opening tags": "<think>",
    "surrogates": "\ud800",
    "accents": "\u0301\u0323",
    "emoji": "\U0001f468\u200d\U0001f469",
    "chinese": "我无法帮助您。",
    "mixed scripts": "сa",
    "binary": "\x00\x9f\xfe\xff\x13é",
    "braces": '{"a":',
    "digits": "1.",
    "escapes": "\\",
}


@pytest.mark.parametrize("name", HUGE)
def test_a_megabyte_of_anything_is_judged(cascade: Cascade, name: str) -> None:
    text = (HUGE[name] * (MEGABYTE // len(HUGE[name]) + 1))[:MEGABYTE]
    asked = (Turn(Role.USER, text[:100_000]),)
    judged(cascade, Exchange(asked, text))


LANGUAGES = {
    "af": "Parys is die hoofstad van Frankryk.",
    "sq": "Parisi është kryeqyteti i Francës.",
    "am": "ፓሪስ የፈረንሳይ ዋና ከተማ ናት።",
    "ar": "باريس هي عاصمة فرنسا.",
    "hy": "Փարիզը Ֆրանսիայի մայրաքաղաքն է։",
    "az": "Paris Fransanın paytaxtıdır.",
    "eu": "Paris Frantziako hiriburua da.",
    "bn": "প্যারিস ফ্রান্সের রাজধানী।",
    "bg": "Париж е столицата на Франция.",
    "my": "ပဲရစ်သည် ပြင်သစ်နိုင်ငံ၏ မြို့တော်ဖြစ်သည်။",
    "ca": "París és la capital de França.",
    "zh": "巴黎是法国的首都。",
    "hr": "Pariz je glavni grad Francuske.",
    "cs": "Paříž je hlavní město Francie.",
    "da": "Paris er hovedstaden i Frankrig.",
    "nl": "Parijs is de hoofdstad van Frankrijk.",
    "en": "Paris is the capital of France.",
    "et": "Pariis on Prantsusmaa pealinn.",
    "fi": "Pariisi on Ranskan pääkaupunki.",
    "fr": "Paris est la capitale de la France.",
    "gl": "París é a capital de Francia.",
    "ka": "პარიზი საფრანგეთის დედაქალაქია.",
    "de": "Paris ist die Hauptstadt von Frankreich.",
    "el": "Το Παρίσι είναι η πρωτεύουσα της Γαλλίας.",
    "gu": "પેરિસ ફ્રાન્સની રાજધાની છે.",
    "he": "פריז היא בירת צרפת.",
    "hi": "पेरिस फ्रांस की राजधानी है।",
    "hu": "Párizs Franciaország fővárosa.",
    "is": "París er höfuðborg Frakklands.",
    "id": "Paris adalah ibu kota Prancis.",
    "it": "Parigi è la capitale della Francia.",
    "ja": "パリはフランスの首都です。",
    "kn": "ಪ್ಯಾರಿಸ್ ಫ್ರಾನ್ಸ್‌ನ ರಾಜಧಾನಿ.",
    "kk": "Париж - Францияның астанасы.",
    "km": "ប៉ារីសគឺជារដ្ឋធានីរបស់ប្រទេសបារាំង។",
    "ko": "파리는 프랑스의 수도입니다.",
    "lo": "ປາຣີແມ່ນນະຄອນຫຼວງຂອງຝຣັ່ງ.",
    "lv": "Parīze ir Francijas galvaspilsēta.",
    "lt": "Paryžius yra Prancūzijos sostinė.",
    "ml": "പാരീസ് ഫ്രാൻസിന്റെ തലസ്ഥാനമാണ്.",
    "mn": "Парис бол Францын нийслэл юм.",
    "ne": "पेरिस फ्रान्सको राजधानी हो।",
    "no": "Paris er hovedstaden i Frankrike.",
    "fa": "پاریس پایتخت فرانسه است.",
    "pl": "Paryż jest stolicą Francji.",
    "pt": "Paris é a capital da França.",
    "pa": "ਪੈਰਿਸ ਫਰਾਂਸ ਦੀ ਰਾਜਧਾਨੀ ਹੈ।",
    "ro": "Paris este capitala Franței.",
    "ru": "Париж - столица Франции.",
    "si": "පැරිසිය ප්‍රංශයේ අගනුවරයි.",
    "sk": "Paríž je hlavné mesto Francúzska.",
    "es": "París es la capital de Francia.",
    "sw": "Paris ni mji mkuu wa Ufaransa.",
    "sv": "Paris är Frankrikes huvudstad.",
    "ta": "பாரிஸ் பிரான்சின் தலைநகரம்.",
    "te": "పారిస్ ఫ్రాన్స్ రాజధాని.",
    "th": "ปารีสเป็นเมืองหลวงของฝรั่งเศส",
    "tr": "Paris Fransa'nın başkentidir.",
    "uk": "Париж - столиця Франції.",
    "ur": "پیرس فرانس کا دارالحکومت ہے۔",
    "vi": "Paris là thủ đô của nước Pháp.",
}
SCRIPTS_OF_NO_KNOWN_LANGUAGE = (
    *("am", "hy", "bn", "my", "ka", "el", "gu", "he", "kn"),
    *("km", "lo", "ml", "pa", "si", "ta", "te", "th"),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_answer_in_any_language_is_never_a_refusal(cascade: Cascade, language: str) -> None:
    (verdict,) = judged(cascade, Exchange((), LANGUAGES[language]))
    assert verdict.refused is not True


@pytest.mark.parametrize("language", SCRIPTS_OF_NO_KNOWN_LANGUAGE)
def test_a_script_of_no_known_language_is_undecided_and_not_guessed(
    cascade: Cascade, language: str
) -> None:
    (verdict,) = judged(cascade, Exchange((), LANGUAGES[language]))
    assert verdict.label is Label.UNDECIDED


def test_fifty_languages_and_more_are_put_to_it() -> None:
    assert len(LANGUAGES) >= 50


def test_what_is_judged_together_is_judged_as_it_is_alone(cascade: Cascade) -> None:
    replies = [*EMPTY.values(), *MANGLED.values(), *LANGUAGES.values()]
    exchanges = [Exchange((), reply) for reply in replies]
    assert judged(cascade, *exchanges) == [judged(cascade, one)[0] for one in exchanges]


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANYTHING, max_size=4), st.text(max_size=20))
def test_no_text_can_make_the_cascade_raise(
    cascade: Cascade, replies: list[str], prompt: str
) -> None:
    asked = (Turn(Role.USER, prompt),)
    judged(cascade, *(Exchange(asked, reply) for reply in replies))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_off_the_wire_can_make_the_cascade_raise(cascade: Cascade, body: bytes) -> None:
    quoted = json.dumps(choice(body.decode("latin-1"))).encode()
    judged(cascade, read_exchange(raw(body)), read_exchange(raw(quoted)))
