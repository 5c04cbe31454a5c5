"""Which language a reply is in, by script, by little words, and at last by a small model.

Scripts and English little words settle nearly every reply in microseconds. Only what they leave
open (the other languages of a shared script) goes to py3langid (BSD; Naive Bayes over byte n-grams,
after Lui and Baldwin 2012), which is loaded the first time that it is needed.
"""

from __future__ import annotations

import re
from typing import Any

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
_SCRIPTS = {
    "hangul": re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
    "arabic": re.compile(r"[\u0600-\u06ff\u0750-\u077f]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
}
_LATIN = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")
_FOREIGN_SHARE = 0.3
"""Of letters outside the Latin script; names and quotations stay well below."""
_KANA_SHARE = 0.08
"""Japanese is hardly written without kana; Chinese quotes a word or two at most."""

_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ENGLISH = frozenset(
    """
    the of to and is it you that i for not can with this be on or your an my we but if have by what
    will help from sorry can't i'm there they won't cannot here are at how don't it's its would
    should they're you're about as was which
    """.split()  # noqa: SIM905
)
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
_FEW_WORDS = 3
_FEW_LETTERS = 24
"""Replies shorter than either of these say too little: the prompt's language outweighs theirs."""
_SURE = 0.5
"""Below this posterior the prompt's language, or else English, is kept."""


class LanguageReader:
    """Names languages; loads its model when a text first needs it, and works without it."""

    def __init__(self) -> None:
        self._model: Any = None

    def language(self, text: str, prompt: str = "") -> str:
        """The ISO 639-1 code of a text's language; English where nothing speaks against it.

        A reply of a word or two is read in its prompt's language where it could be either.
        """
        opening = _own_words(text)
        script = _script(opening)
        if script in KNOWN_LANGUAGES:
            return script
        if script == "latin" and _clearly_english(opening):
            return "en"
        short = len(opening) < _FEW_LETTERS or len(opening.split()) < _FEW_WORDS
        if short and (asked := self._asked(prompt, script, opening)):
            return asked
        found, chance = self._named(opening) if _LETTERS.search(opening) else ("en", 1.0)
        if script != "latin":
            return found or "und"
        if chance >= _SURE and (found in KNOWN_LANGUAGES or not short):
            return found
        return self._asked(prompt, script, opening) or "en"

    def _asked(self, prompt: str, script: str, opening: str) -> str:
        """The prompt's language where it is known and could be the reply's, else nothing."""
        if not prompt:
            return ""
        asked = self.language(prompt)
        like = _script(_own_words(prompt)) == script or not _LETTERS.search(opening)
        return asked if asked in KNOWN_LANGUAGES and like else ""

    def _named(self, opening: str) -> tuple[str, float]:
        """(code, posterior) by the model; ("", 0) where nothing is known or no model is here."""
        if self._model is None:
            self._model = _load_model()
        if self._model is False:
            return "", 0.0
        code, chance = self._model.classify(opening)
        return (code, float(chance)) if chance > 2 / len(self._model.labels) else ("", 0.0)


def unread_language(code: str) -> str:
    """A one-line reason why a language is not decided, or the empty string where it is."""
    if code in KNOWN_LANGUAGES:
        return ""
    named = "a language" if code in ("", "und") else f"the language {code!r},"
    return f"the reply is in {named} that this classifier was not trained on"


def _own_words(text: str) -> str:
    read = text[: 4 * _READ]
    if "`" in read or "://" in read:
        read = _VOICED_ELSEWHERE.sub(" ", read)
    return read[:_READ].strip()


def _script(opening: str) -> str:
    """A language that its script alone names, or the name of a script that several share."""
    if opening.isascii():
        return "latin"
    letters = len(_LETTERS.findall(opening))
    if letters - len(_LATIN.findall(opening)) <= _FOREIGN_SHARE * letters:
        return "latin"
    found = {name: len(pattern.findall(opening)) for name, pattern in _SCRIPTS.items()}
    if found["hangul"] > _FOREIGN_SHARE * letters:
        return "ko"
    if found["kana"] > _KANA_SHARE * letters:
        return "ja"
    if found["han"] > _FOREIGN_SHARE * letters:
        return "zh"
    return max(("devanagari", "arabic", "cyrillic"), key=found.__getitem__)


def _clearly_english(opening: str) -> bool:
    words = _WORDS.findall(opening.lower())
    english = sum(word in _ENGLISH for word in words)
    if english < 0.12 * len(words) or not english:
        return False
    return english > 2 * sum(word in _FOREIGN for word in words)


def _load_model() -> Any:
    """The identifier with probabilities, or False where the package is not installed."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return False
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
