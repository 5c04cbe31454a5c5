"""Which language a reply is in, by script, by little words, and at last by a small model.

Scripts and English little words settle most replies in microseconds. What they leave open, the
other languages of a shared script, is put to ``classifiers.language_model``, which names a language
only where nothing else comes near.
"""

from __future__ import annotations

import re

from classifiers.language_model import LanguageModel, Likeness, load_language_model

KNOWN_LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
    "ar": "Arabic",
    "hi": "Hindi",
    "ru": "Russian",
}
"""The languages that are decided, by their ISO 639-1 codes."""

_READ = 400
_VOICED_ELSEWHERE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_LETTERS = re.compile(r"[^\W\d_]")
_BLOCKS = {
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "ja": "\u3040-\u30ff",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff",
    "devanagari": "\u0900-\u097f",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "cyrillic": "\u0400-\u052f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "hy": "\u0530-\u058f",
    "he": "\u0590-\u05ff",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "or": "\u0b00-\u0b7f",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "si": "\u0d80-\u0dff",
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "bo": "\u0f00-\u0fff",
    "my": "\u1000-\u109f",
    "ka": "\u10a0-\u10ff\u1c90-\u1cbf",
    "am": "\u1200-\u139f",
    "km": "\u1780-\u17ff",
}
_SCRIPTS = {name: re.compile(f"[{block}]") for name, block in _BLOCKS.items()}
"""Letters by the language that they are mostly used for, or by a script that several share."""
_LATIN = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u02bf\u1e00-\u1eff]")
_FOREIGN_SHARE = 0.3
"""Of letters outside the Latin script; names and quotations stay well below."""
_KANA_SHARE = 0.08
"""Japanese is hardly written without kana; Chinese quotes a word or two at most."""

_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ENGLISH = frozenset(
    """
    the and it you that with this your what from they there how would should because which while
    their these those could been has did into about only also such where who why than then when
    sorry sure certainly however please can't cannot i'm i'll i've won't don't didn't doesn't isn't
    aren't wasn't couldn't wouldn't shouldn't it's that's there's here's you're they're we're let's
    i'd you'd we'd describe explain write make someone something people does whose
    """.split()  # noqa: SIM905
)
_ALSO_ENGLISH = frozenset(
    """
    of to is i for can not be on or an my we but if have by will help are at as was here its in
    """.split()  # noqa: SIM905
)
"""Little words that English shares with others: they count, but not alone."""
_FOREIGN = frozenset(
    """
    der das und nicht ich ist ein eine zu den mit sie für auf es dass von kann wir im dem
    le la les des et est une un je que pas pour dans vous ne ce il sur nous qui du peux en
    el los las y por con para se lo su puedo del como más di che non per sono mi posso il è gli
    della não um uma os de em eu você ao isso são het een van niet ik dat kan met och det som
    att jag inte på w nie się na że jest to bir ve bu için yang dan tidak saya untuk
    """.split()  # noqa: SIM905
) - {"to"}
"""Little words that English does not share, or does not share unless it quotes."""
_NAMES = re.compile(r"(?<![.!?:\n] )(?<![.!?\n])(?<!^)\b[A-Z\u00c0-\u00de]\w+")
"""Words with a capital inside a sentence: "Virginia Woolf wrote Orlando" is English by one word."""
_FEW_WORDS = 3
_FEW_LETTERS = 24
"""Replies shorter than either of these say too little: the prompt's language outweighs theirs."""
_FEWEST_LETTERS = 4
"""Of characters in all; "No." is a word of many languages."""
_EXPECTED = -1.0
_POSSIBLE = -3.0
"""How the language that is expected may stand (``Likeness.standing``) and still be named: at the
first whatever is likest, at the second where nothing is sure. Of replies of which nothing was sure
19 in 20 stood above the second in their own language, and 9 in 10 texts of other languages stood
below it in English."""
_USUAL = {"latin": "en", "cyrillic": "ru", "arabic": "ar", "devanagari": "hi"}


class LanguageReader:
    """Names languages. Raises ArtifactProblem where the language model cannot be loaded."""

    def __init__(self, model: LanguageModel | None = None) -> None:
        self._model = load_language_model() if model is None else model

    def language(self, text: str, prompt: str = "") -> str:
        """The code of a text's language (ISO 639-1), or ``und`` where none can be named.

        What says nothing (a name, a number, code) is in the prompt's language, else English. A
        reply of a word or two is read in its prompt's language where it could be either.
        """
        opening = own_words(text)
        script = script_of(opening)
        if script not in _USUAL:
            return script
        if script == "latin" and _clearly_english(opening):
            return "en"
        few = len(opening.split()) < _FEW_WORDS
        little = few or len(opening) < _FEW_LETTERS or _only_names(opening)
        if little and (asked := self._asked(prompt, script, opening)):
            return asked
        likest = self._model.likest(_without_names(opening), script)
        if likest is None or len(opening) < _FEWEST_LETTERS:
            return self._asked(prompt, script, opening) or _USUAL[script]
        if likest.sure and likest.code in KNOWN_LANGUAGES:
            return likest.code
        asked = self._asked(prompt, script, opening)
        return _expected(likest, asked, script) or (
            likest.code if likest.sure and not few else _USUAL[script] if few else "und"
        )

    def _asked(self, prompt: str, script: str, opening: str) -> str:
        """The prompt's language where it is known and could be the reply's, else nothing."""
        if not prompt:
            return ""
        asked = self.language(prompt)
        like = script_of(own_words(prompt)) == script or not _LETTERS.search(opening)
        return asked if asked in KNOWN_LANGUAGES and like else ""


def unread_language(code: str) -> str:
    """A one-line reason why a language is not decided, or the empty string where it is."""
    if code in KNOWN_LANGUAGES:
        return ""
    named = "a language" if code in ("", "und") else f"the language {code!r},"
    return f"the reply is in {named} that this classifier was not trained on"


def own_words(text: str) -> str:
    """The opening of a text, without the code and addresses in it, which are in no language."""
    read = text[: 4 * _READ]
    if "`" in read or "://" in read:
        read = _VOICED_ELSEWHERE.sub(" ", read)
    return read[:_READ].strip()


def _only_names(opening: str) -> bool:
    return all(word[0].isupper() or not word[0].isalpha() for word in opening.split())


def _without_names(opening: str) -> str:
    """The text without words that begin with a capital inside a sentence, where enough is left."""
    left = _NAMES.sub("", opening)
    return left if len(left.split()) > 1 else opening


def script_of(opening: str) -> str:
    """A language that its script alone names, the name of a script that several share, or und."""
    if opening.isascii():
        return "latin"
    letters = len(_LETTERS.findall(opening))
    if letters - len(_LATIN.findall(opening)) <= _FOREIGN_SHARE * letters:
        return "latin"
    found = {name: len(pattern.findall(opening)) for name, pattern in _SCRIPTS.items()}
    if found["ko"] > _FOREIGN_SHARE * letters:
        return "ko"
    if found["ja"] > _KANA_SHARE * letters:
        return "ja"
    if found["zh"] > _FOREIGN_SHARE * letters:
        return "zh"
    likest = max(found, key=found.__getitem__)
    return likest if found[likest] else "und"


def _clearly_english(opening: str) -> bool:
    words = _WORDS.findall(opening.lower())
    own = sum(word in _ENGLISH for word in words)
    english = own + sum(word in _ALSO_ENGLISH for word in words)
    if english < 0.12 * len(words) or not own:
        return False
    return english > 2 * sum(word in _FOREIGN for word in words)


def _expected(likest: Likeness, asked: str, script: str) -> str:
    """The language asked in, or else English, where the text may well be in it; else nothing."""
    expected = asked or ("en" if script == "latin" else "")
    least = _POSSIBLE if asked and not likest.sure else _EXPECTED
    return expected if likest.standing.get(expected, 2 * _POSSIBLE) >= least else ""
