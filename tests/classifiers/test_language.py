from __future__ import annotations

import pytest

from classifiers.corpus import LANGUAGES, load_corpus
from classifiers.language import KNOWN_LANGUAGES, LanguageReader, unread_language
from classifiers.normalise import normalise


@pytest.fixture(scope="module")
def reader() -> LanguageReader:
    return LanguageReader()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_corpus_of_every_language_is_read_in_that_language(reader, lang):
    rows = load_corpus(lang=lang)[::12]
    found = [reader.language(normalise(row.reply), row.prompt) for row in rows]
    assert found.count(lang) >= 0.97 * len(rows)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Ich kann dir dabei nicht helfen.", "de"),
        ("Je suis désolé, mais je ne peux pas.", "fr"),
        ("Lo siento, pero no puedo ayudarte con eso.", "es"),
        ("Mi dispiace, non posso aiutarti con questa richiesta.", "it"),
        ("Desculpe, mas não posso ajudar com isso.", "pt"),
        ("很抱歉，我无法提供这方面的帮助。", "zh"),
        ("申し訳ありませんが、お手伝いできません。", "ja"),
        ("죄송하지만 도와드릴 수 없습니다.", "ko"),
        ("لا أستطيع المساعدة في هذا الطلب", "ar"),
        ("मैं इसमें मदद नहीं कर सकता।", "hi"),
        ("Я не могу помочь с этим запросом.", "ru"),
        ("I can't help with that.", "en"),
    ],
)
def test_a_sentence_is_enough_to_name_a_language(reader, text, lang):
    assert reader.language(normalise(text)) == lang


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Het spijt me, maar ik kan je daar niet bij helpen.", "nl"),
        ("Przepraszam, ale nie mogę w tym pomóc.", "pl"),
        ("Üzgünüm, bu konuda yardımcı olamam.", "tr"),
        ("Вибачте, але я не можу допомогти з цим.", "uk"),
        ("متأسفم، نمی‌توانم در این مورد کمک کنم.", "fa"),
        ("ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้", "th"),
    ],
)
def test_a_language_that_no_head_is_for_is_named_and_not_taken_for_a_neighbour(reader, text, lang):
    assert reader.language(normalise(text)) == lang
    assert repr(lang) in unread_language(lang)


@pytest.mark.parametrize(
    ("reply", "prompt", "lang"),
    [
        ("No.", "¿Cómo puedo abrir una cerradura sin llave?", "es"),
        ("No.", "Come si apre una serratura senza la chiave?", "it"),
        ("No.", "How do I open a lock without its key?", "en"),
        ("Nein.", "Wie öffne ich ein Schloss ohne Schlüssel?", "de"),
        ("No.", "", "en"),
        ("42", "Сколько будет шесть на семь?", "ru"),
        ("La La Land won six Oscars.", "Which film won the most Oscars that year?", "en"),
        ("Johannes Gutenberg invented movable type in Mainz.", "What is he known for?", "en"),
        ("Virginia Woolf, Vita Sackville-West", "Wer waren die beiden Freundinnen?", "de"),
        ("Lo hizo Gabriel García Márquez.", "¿Quién escribió esa novela?", "es"),
    ],
)
def test_a_reply_that_could_be_in_several_languages_is_read_in_the_prompts(
    reader, reply, prompt, lang
):
    assert reader.language(reply, prompt) == lang


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "Paris.",
        "```python\nfor x in y:\n    print(x)\n```",
        "Virginia Woolf wrote it.",
        "Dónde está la estación? is Spanish for: where is the station?",
    ],
)
def test_short_code_and_quoting_answers_are_read_as_english(reader, text):
    assert reader.language(text) == "en"


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Ik weet niet of dat wel zo'n goed plan is, eerlijk gezegd.", "nl"),
        ("Det finns ingenting som jag hellre skulle vilja göra i kväll.", "sv"),
        ("Z chęcią opowiem o tym później, gdy wrócę z pracy.", "pl"),
        ("Nu cred că are rost să încercăm din nou mâine dimineață.", "ro"),
        ("Em sembla que demà no podrem sortir perquè farà molt mal temps.", "ca"),
        ("Tento recept se mi moc líbí, ale chybí v něm trochu soli.", "cs"),
        ("Ez a könyv sokkal érdekesebb, mint amilyennek elsőre látszott.", "hu"),
        ("Tämä kirja on paljon parempi kuin se, jonka luin viime viikolla.", "fi"),
        ("Dün akşam çok yağmur yağdığı için dışarı çıkamadık.", "tr"),
        ("Saya belum pernah melihat rumah sebesar itu di desa kami.", "id"),
        ("Hôm qua trời mưa to nên chúng tôi không đi chơi được.", "vi"),
        ("Hindi ko pa nakikita ang bagong bahay ng kapatid ko.", "tl"),
        ("Jana tulienda sokoni lakini hatukununua kitu chochote.", "sw"),
        ("Учора ми довго гуляли містом, а потім пили каву вдома.", "uk"),
        ("Вчера се разхождахме дълго из града, а после пихме кафе.", "bg"),
        ("Јуче смо дуго шетали градом, а онда смо пили кафу код куће.", "sr"),
        ("دیروز مدت زیادی در شهر قدم زدیم و بعد در خانه چای خوردیم.", "fa"),
        ("کل ہم بہت دیر تک شہر میں گھومتے رہے اور پھر گھر پر چائے پی۔", "ur"),
        ("काल आम्ही बराच वेळ शहरात फिरलो आणि मग घरी चहा प्यायलो.", "mr"),
        ("Χθες περπατήσαμε πολύ στην πόλη.", "el"),
        ("אתמול הלכנו הרבה בעיר.", "he"),
        ("গতকাল আমরা শহরে অনেক হেঁটেছি।", "bn"),
        ("நேற்று நாங்கள் நகரத்தில் நிறைய நடந்தோம்.", "ta"),
        ("გუშინ ქალაქში ბევრი ვიარეთ.", "ka"),
        ("ትናንት በከተማው ውስጥ ብዙ ተጓዝን።", "am"),
        ("ꦱꦸꦒꦼꦁ ꦲꦺꦚ꧀ꦗꦁ", "und"),
    ],
)
@pytest.mark.parametrize("prompt", ["", "What did you do yesterday?"])
def test_a_sentence_in_another_language_is_never_read_in_one_that_is_decided(
    reader, text, lang, prompt
):
    assert reader.language(normalise(text), prompt) == lang


@pytest.mark.parametrize(
    ("reply", "prompt", "lang"),
    [
        ("Avui no tinc ganes de sortir de casa.", "¿Qué quieres hacer hoy?", "ca"),
        ("Uèi ai pas enveja de sortir.", "Qu'est-ce que tu veux faire aujourd'hui ?", "oc"),
    ],
)
def test_a_language_that_is_sure_is_not_taken_for_its_neighbour_because_of_the_prompt(
    reader, reply, prompt, lang
):
    assert reader.language(reply, prompt) == lang


def test_little_words_that_english_shares_are_no_english_on_their_own(reader):
    assert reader.language("Of we in april op vakantie gaan, is nog niet zeker.") == "nl"


def test_what_is_in_no_language_that_can_be_told_is_undecided_and_not_english(reader):
    assert reader.language("Xqizzu vrempt olbax tqure wuxno pxeft grooz blenk frah.") == "und"


def test_every_known_language_is_read_and_an_unknown_one_has_a_reason_of_one_line():
    assert set(LANGUAGES) == set(KNOWN_LANGUAGES)
    assert all(unread_language(code) == "" for code in KNOWN_LANGUAGES)
    for code in ("nl", "und", ""):
        assert "not trained on" in unread_language(code)
        assert "\n" not in unread_language(code)


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["`" * 10**6, "http://" * 10**5, "я" * 10**6, "\ud800" * 1000])
def test_any_text_has_a_language_in_bounded_time(reader, text):
    assert isinstance(reader.language(text, text), str)
