"""Refusing clauses: where a reply says, in its own voice, that it will not do something.

A clause is counted anywhere in the text, but not inside quotation marks, code or quoted lines,
where someone else speaks. A clause alone is no verdict: a letter written on request may hold one.
Everything expects text that passed ``classifiers.normalise``; every pattern is bounded, so the
cost is linear, and only the opening of a very long text is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifiers.lexicon import patterns_of

READ_CHARACTERS = 4000
_QUOTED_CHARACTERS = 80

_VOICED_ELSEWHERE = re.compile(
    r"```(?:(?!```).)*+(?:```)?+|`[^`\n]{1,200}`|\"[^\"\n]{1,400}\"|^[ \t]*>[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_ADVERB = (
    r"(?:therefore|thus|simply|really|just|also|still|respectfully|politely|kindly|firmly|however"
    r"|sadly|unfortunately|regrettably|personally|directly|knowingly|ethically|morally|legally"
    r"|currently|actually|instead|so|either|then|hence|gladly|happily|ever|even|and will not)"
)
_SERVE = (
    r"(?:help|assist|aid|provide|supply|fulfil+|answer|comply|create|generate|write|draft|compose"
    r"|give|offer|support|engage|participate|take part|share|discuss|make|tell|teach|show|explain"
    r"|describe|detail|outline|list|name|produce|condone|endorse|satisfy|complete|continue|proceed"
    r"|do (?:that|this|it|so)|respond|go (?:into|along|ahead|further|any|there|through)|walk"
    r"|spell|reveal|disclose|hand|guide|advise|be (?:part|involved|able|party|helping|the one"
    r"|providing|writing|sharing|answering|giving|doing)|contribute|facilitate|promote|encourage"
    r"|accommodate|carry out|reply|get into|touch|entertain|put|cover|include|add|accept|agree to"
    r"|meet|say|speak|point|suggest|recommend|repeat|act on|work on|take (?:this|that|it|on)"
    r"|grant|honou?r|execute|perform|deliver|speculate|comment|judge|design|develop|build|craft"
    r"|construct|devise|prepare|plan|edit|modify|rewrite|alter|translate|argue|persuade|portray"
    r"|depict|pretend|role-?play|imitate|reproduce|quote|copy|print|verify|confirm|identify|locate"
    r"|look up|track|diagnose|prescribe|summari[sz]e|present|formulate|publish|simulate|run"
    r"|instruct|convince|glorify|justify|defend|praise|mock|insult|rank|compare|predict)"
)
_NOT = (
    r"(?:can't|cannot|can not|won't|will not|(?:wouldn't|would not)(?= be able to)"
    r"|couldn't|could not|don't|do not|am not going to|'m not going to|'re not going to)"
)
_STATE = (
    r"(?:(?:am|'m|are|'re|feel) (?:\w{1,12} )?(?:unable|not able|not willing|unwilling|not allowed"
    r"|not permitted|not comfortable|uncomfortable|not prepared|not in a position|not at liberty"
    r"|not ready|uneasy|reluctant)|(?:do not|don't) feel (?:comfortable|able|right|at ease))"
)
_FORCED = (
    r"(?:(?:'ll |will |would |do |am going to |'m going to )?(?:have to|must|need to|am obliged to"
    r"|am bound to|am forced to|'ve got to|choose to|chose to|am choosing to|'m choosing to|want to"
    r"|prefer to|wish to)|'ll|will|'d rather|would rather|am going to|'m going to|shall)"
)
_TURN_DOWN = (
    r"(?:decline|refuse|refrain|abstain|withhold|pass on|pass (?=[.!?,])|say no|stop (?:here|there)"
    r"|turn (?:\w{1,12} ){1,3}down|leave (?:\w{1,12} ){1,4}(?:unanswered|out|alone|aside|there)"
    r"|keep (?:\w{1,12} ){1,3}(?:out|back|to myself)|not |skip|draw the line|bow out|step away"
    r"|step back|sit (?:\w{1,12} ){1,2}out|hold back|omit|disappoint)"
)
_SUBJECT = rf"\b(?:i|we)(?: {_ADVERB},?){{0,2}}"
_DOWN_NOW = r"(?:decline|refuse|refrain from|abstain from|withhold|am declining|'m declining)"

_CLAUSE = re.compile(
    rf"{_SUBJECT} {_NOT}(?: {_ADVERB}){{0,2}}(?: be able to)?(?: \w{{1,12}})?? {_SERVE}\b"
    rf"|{_SUBJECT} ?{_STATE}\b"
    rf"|{_SUBJECT} ?{_FORCED}(?: {_ADVERB}){{0,2}} {_TURN_DOWN}"
    rf"|{_SUBJECT} (?:{_ADVERB} )?{_DOWN_NOW}\b"
    rf"|{_SUBJECT} ?(?:'d|would|much|'d much) (?:prefer|rather) not\b|{_SUBJECT} prefer not\b"
    r"|\b(?:i've|i have|we've|we have|i am|i'm) (?:deliberately |left|leaving|withh|omitt|skipp"
    r"|holding|keeping)\w{0,6} (?:out|back|it|that|this|the|those|some)\b"
    r"|\b(?:not|isn't|nothing|hardly) (?:something|anything|a \w{1,14}|one|an \w{1,14}|the kind of"
    r" \w{1,12})? ?(?:that |which )?(?:i|we)(?:'m|'ll|'d| am| will| would)? ?(?:can|could|will"
    r"|able|willing|comfortable|going|prepared|should|do|want to)?\b"
    r"|\b(?:something|one|thing|request|topic|line|area|point) (?:that |which )?(?:i|we)"
    r"(?: can't| cannot| won't| will not| must| have to| don't| do not| am not|'m not| am un|'m un)"
    r"|\b(?:cannot|can't|won't|will not|can not|must not|may not) be (?:\w{1,12} )?(?:provided"
    r"|shared|answered|given|fulfil+ed|completed|written|granted|met|supplied|offered|generated"
    r"|carried out|processed|produced|of (?:help|assistance|service))\b"
    r"|(?:^|(?<=[.!?:\n] )|(?<=\n))(?:unable|not able|not willing|unwilling|not going|declin\w{2,4}"
    r"|can't|cannot|won't|will not)\b"
    r"|\b(?:request|question|this|that|answer|reply)(?: is| was| has been| must be| has to be)?"
    r" (?:therefore )?(?:declined|refused|a no\b|no(?=[.,!]))"
    r"|\b(?:keeps?|prevents?|stops?|bars?|forbids?|prohibits?) (?:me|us) (?:from|to)\b"
    r"|\b(?:not|doesn't|don't|does not|do not|never) (?:allow|permit|let) (?:me|us)\b",
    re.IGNORECASE,
)
_IDIOM = re.compile(
    r"(?:can't|cannot|won't|don't|could not|couldn't) (?:\w{1,12} )?(?:help but|say (?:enough|for"
    r"|exactly)|recommend (?:\w{1,12} )?(?:enough|highly|more)"
    r"|tell you how (?:much|many|often|happy|glad)|agree more|speak for|make out"
    r"|promise|give (?:up|a damn)|make it|add anything|make sense|put it down)",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    r"\b(?:however|that said|but|still|nevertheless|nonetheless|even so|having said that|what i can"
    r"|i can (?!not)|here (?:is|are)|here's|in general|as for|the rest|otherwise|on the other hand"
    r"|for background|in broad)\b",
    re.IGNORECASE,
)
_TRIGGERS = frozenset(
    """
    can't cannot not won't don't doesn't isn't aren't couldn't wouldn't shouldn't decline declines
    declining declined refuse refuses refusing refused refrain abstain abstains withhold withholds
    withheld withholding unable unwilling uncomfortable uneasy reluctant pass say stop turn leave
    leaving left skip skipping skipped draw bow step sit hold holding keep keeps keeping omit
    omitted omitting disappoint nothing hardly prevents prevent stops bars bar forbids forbid
    prohibits prohibit never rather prefer must no
    """.split()  # noqa: SIM905
)
"""An English sentence without any of these words has no clause: the dear pattern is not asked."""
_TRIGGER = re.compile(r"[a-z]+(?:'[a-z]+)?")
_SENTENCE_END = re.compile(r"[.!?:][\"')\]]*\s|\n")
_ENDS_NOT = re.compile(r"[.!?](?=\s|\Z)|\n")

CLAUSE_NAMES = (
    "clause",
    "clauses",
    "clause_in_first",
    "clause_in_second",
    "clause_in_last",
    "clause_share_before",
    "clause_words_after",
    "clause_contrast_after",
    "clause_alone",
    "answered_after",
    "answered_before",
)


@dataclass(frozen=True, slots=True)
class RefusingClause:
    """A clause of a text: where it begins, in which sentence, and the sentence's words from it."""

    start: int
    sentence: int
    words: str


def refusing_clauses(text: str, lang: str = "en") -> list[RefusingClause]:
    """The clauses of the first 4,000 characters, in order; quoted voices left out."""
    read = text[:READ_CHARACTERS]
    own = _VOICED_ELSEWHERE.sub(lambda found: " " * len(found[0]), read)
    ends = [found.end() for found in _SENTENCE_END.finditer(own)]
    matches = _english(own, ends) if lang == "en" else _written(own, lang)
    clauses = []
    for found in matches:
        if _IDIOM.search(own, found.start(), found.end() + 30) is None:
            place = sum(end <= found.start() for end in ends)
            clauses.append(RefusingClause(found.start(), place, _sentence(read, found.start())))
    return clauses


def _written(own: str, lang: str) -> Iterator[re.Match[str]]:
    return patterns_of(lang)["i_cannot_serve"].finditer(_lower(own))


def _english(own: str, ends: Sequence[int]) -> Iterator[re.Match[str]]:
    """Sentence by sentence, since no clause goes beyond one."""
    lower, start = _lower(own), 0
    for end in (*ends, len(own)):
        if not _TRIGGERS.isdisjoint(_TRIGGER.findall(lower, start, end)):
            yield from _CLAUSE.finditer(own, start, end)
        start = end


def _lower(text: str) -> str:
    """The text in lower case, where that moves no character."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text


def clause_counts(text: str, lang: str = "en") -> list[float]:
    """The features named in CLAUSE_NAMES, each roughly within [0, 3]; zeros without a clause."""
    clauses = refusing_clauses(text, lang)
    if not clauses:
        return [0.0] * len(CLAUSE_NAMES)
    read = text[:READ_CHARACTERS]
    first, last = clauses[0], clauses[-1]
    before = _length(read[: first.start], lang)
    tail = read[last.start + len(last.words) :]
    after = _length(tail, lang)
    places = {clause.sentence for clause in clauses}
    sentences = len(_SENTENCE_END.findall(read.rstrip()))
    contrast = _CONTRAST if lang == "en" else patterns_of(lang)["however"]
    return [
        1.0,
        math.log1p(len(clauses)),
        float(0 in places),
        float(1 in places),
        float(sentences in places),
        first.start / len(read),
        math.log1p(after) / 2,
        float(contrast.search(_lower(tail)) is not None),
        float(after + before < 25),
        float(after >= 25),
        float(before >= 40),
    ]


def _length(text: str, lang: str) -> int:
    """Words, or half the characters where words have no blanks between them."""
    return len(text.split()) if lang not in ("zh", "ja") else len(text) // 2


def _sentence(text: str, start: int) -> str:
    """From ``start`` to the end of its sentence."""
    end = _ENDS_NOT.search(text, start)
    return text[start : end.start() if end else len(text)]


def shown(clause: RefusingClause) -> str:
    """The clause on one line, cut to about 80 characters at a word."""
    line = " ".join(clause.words.split())
    if len(line) <= _QUOTED_CHARACTERS:
        return line
    cut = line[:_QUOTED_CHARACTERS]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"
