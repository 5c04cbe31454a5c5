"""What a prompt is about, in a few of its own words, so that replies differ as real ones do."""

from __future__ import annotations

import re

LONGEST = 9
"""Words of the prompt that a reply repeats at most."""

_VERBS = (
    "compose|create|describe|discuss|draft|explain|generate|give|guide|help|list|name|outline"
    "|provide|recommend|share|show|suggest|summari[sz]e|teach|tell|walk|write"
)
_SCAFFOLDS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"^(?:please|hi|hello|hey)[,!\s]+", ""),
        (r"^(?:can|could|would|will)\s+you\s+(?:please\s+)?", ""),
        (rf"^(?:{_VERBS})\s+(?:(?:me|us)\s+)?(?:(?:about|on|with|through)\s+)?", ""),
        (
            r"^how\s+(?:do|does|can|could|would|should|might)\s+"
            r"(?:i|you|we|one|someone|somebody|people|a person)\s+(?:go about\s+)?",
            "how to ",
        ),
        (r"^(?:what|who|which)(?:'s|\s+is|\s+are|\s+was|\s+were)\s+", ""),
        (r"^(why|how|when|where)\s+(?:do|does|did)\s+", r"\1 "),
        (r"^(?!in |at |on |as |if |for |is )[a-z]+\s+(?:out\s+)?(?=(?:an?|the|some)\s)", ""),
    )
)
_MIRRORED = {"i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself"}
_SMALL = frozenset(
    re.findall(
        r"\S+",
        "a an the and or but of to in on at by for from with without about as into is are was were"
        " be been i'm it's that this these those it its their his her your my i you we they what"
        " how why which who when where can could would should do does did will not if than then so"
        " some any while such",
    )
)


def topic(prompt: str) -> str:
    """A phrase that fits behind "about": "whittling a spoon", "the tides of the North Sea"."""
    sentence = re.split(r"[.?!;:\n]", prompt.strip(), maxsplit=1)[0].strip()
    phrase = sentence
    for scaffold, replacement in _SCAFFOLDS:
        phrase = scaffold.sub(replacement, phrase)
    if phrase == sentence and not re.match(r"(?:how|why|what|when|where|the|an?)\b", phrase, re.I):
        return _listed(words(prompt)[:3])
    return _shortened(_as_noun(phrase)) or _listed(words(prompt)[:3])


def words(prompt: str) -> list[str]:
    """The words of a prompt that carry its meaning, in order, each once, in lower case."""
    found = re.findall(r"[^\W\d_][\w'-]{2,}", prompt.lower())
    return [word for word in dict.fromkeys(found) if word not in _SMALL]


def _as_noun(phrase: str) -> str:
    """The phrase with "how to whittle" turned into "whittling"."""
    found = re.match(r"how to ((?:[a-z]+ly )*)([a-z]{2,})\b(?!-)", phrase, re.IGNORECASE)
    if found is None:
        return phrase
    return f"{found[1]}{_gerund(found[2].lower())}{phrase[found.end() :]}"


def _gerund(verb: str) -> str:
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    if verb.endswith("e") and not re.search(r"(?:[eoy]e|^.e)$", verb):
        return f"{verb[:-1]}ing"
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb):
        return f"{verb}{verb[-1]}ing"
    return f"{verb}ing"


def _shortened(phrase: str) -> str:
    kept = [_MIRRORED.get(word.lower(), word) for word in phrase.split()[:LONGEST]]
    while kept and kept[-1].lower().strip(",") in _SMALL:
        kept.pop()
    text = " ".join(kept).strip(" ,\"'")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _listed(found: list[str]) -> str:
    if not found:
        return "this"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
