"""Says when a reply is in a language that the shipped classifier was not trained on."""

from __future__ import annotations

import re

_READ = 2000
_LETTERS = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_FOREIGN_SHARE = 0.3
"""Of letters outside the Latin script; names and quotations stay well below."""

_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ENGLISH_TEXT = (
    "the of to and a in is it you that i for not can with this are be as on or your an my we"
    " but if have do at by what so will help from sorry can't i'm there me they no die"
)
_ENGLISH = frozenset(_ENGLISH_TEXT.split())
_OTHER_TEXT = (
    "der die das und nicht ich ist ein eine zu den mit sie für auf es dass von kann wir"
    " le la les des et est une un je que pas pour dans vous ne ce il sur nous qui du peux"
    " el los las y no por una con para se lo su puedo del como más"
    " di che non per sono mi posso il è gli della"
    " não um uma os de em eu você com ao isso são posso"
    " het een van niet ik en dat kan met"
)
_OTHER = frozenset(_OTHER_TEXT.split()) - _ENGLISH
_FEWEST_DIFFERENT = 3
_OTHER_SHARE = 0.15


def unread_language(text: str) -> str:
    """A one-line reason when the text is not in English, else the empty string.

    The script decides first; in Latin script the little words do: more of other languages'
    than of English's, at least three different ones.
    """
    opening = text[:_READ]
    letters = len(_LETTERS.findall(opening))
    if letters and 1 - len(_LATIN.findall(opening)) / letters > _FOREIGN_SHARE:
        return "the reply is in a script that this classifier was not trained on"
    found = [word.lower() for word in _WORDS.findall(opening)]
    foreign = [word for word in found if word in _OTHER]
    english = sum(word in _ENGLISH for word in found)
    many = len(foreign) > max(english, _OTHER_SHARE * len(found))
    if many and len(set(foreign)) >= _FEWEST_DIFFERENT:
        return "the reply is in a language that this classifier was not trained on"
    return ""
