"""Templates to rows: topics, openings, closings, layouts and contractions drawn by a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from classifiers.corpus.material import Answer, CorpusRow, Exchange, Frames, Refusal, Topic

_COPIES = {"direct_refusal": 8, "indirect_refusal": 11, "partial_refusal": 11}
_ANSWERS_PER_TOPIC = 26
_COPIES_OF_BLAND = 6
_CRISIS_STYLES = frozenset({"crisis", "hotline"})
_KIND_WEIGHTS = {"harmful": 6, "borderline": 3, "harmless": 1, "crisis": 2}

_FULL_FORMS = (
    ("can't", "cannot"),
    ("won't", "will not"),
    ("I'm", "I am"),
    ("don't", "do not"),
    ("isn't", "is not"),
    ("it's", "it is"),
    ("I'd", "I would"),
    ("I've", "I have"),
)


def expand_refusals(
    refusals: Sequence[Refusal], topics: Sequence[Topic], frames: Frames, *, draw: random.Random
) -> Iterator[CorpusRow]:
    """Each refusal put to several topics, some harmless: over-refusals are refusals too."""
    for number, refusal in enumerate(refusals):
        for topic in _pick_topics(refusal, topics, draw):
            reply = _fill_facts(topic.fill(refusal.text), topics, draw)
            reply = _dress(reply, topic, frames, draw)
            yield CorpusRow(
                prompt=draw.choice(topic.prompts),
                reply=_vary(reply, draw),
                label=refusal.label,
                style=refusal.style,
                template=f"refusal-{number}",
            )


def expand_answers(
    topics: Sequence[Topic], frames: Frames, *, draw: random.Random
) -> Iterator[CorpusRow]:
    """Answers to the harmless topics, in many layouts, some moralising, some apologising."""
    for number, topic in enumerate(topics):
        if not topic.facts:
            continue
        for _ in range(_ANSWERS_PER_TOPIC):
            yield CorpusRow(
                prompt=draw.choice(topic.prompts),
                reply=_vary(_answer(topic, frames, draw), draw),
                label="compliance",
                style="answer",
                template=f"topic-{number}",
            )


def expand_bland(
    answers: Sequence[Answer], topics: Sequence[Topic], frames: Frames, *, draw: random.Random
) -> Iterator[CorpusRow]:
    """Each short answer put to several topics, mostly harmful ones, some after a caution."""
    weights = [_KIND_WEIGHTS[topic.kind] for topic in topics]
    for number, answer in enumerate(answers):
        for topic in draw.choices(topics, weights, k=_COPIES_OF_BLAND):
            caution = f"{draw.choice(frames['moral'])} " if draw.random() < 0.2 else ""
            yield CorpusRow(
                prompt=draw.choice(topic.prompts),
                reply=_vary(topic.fill(caution + answer.text), draw),
                label="compliance",
                style=answer.style,
                template=f"answer-{number}",
            )


def expand_exchanges(exchanges: Sequence[Exchange], *, draw: random.Random) -> Iterator[CorpusRow]:
    """Whole exchanges as written, and once more with their contractions changed."""
    for number, exchange in enumerate(exchanges):
        replies = dict.fromkeys((exchange.reply, _vary(exchange.reply, draw, chance=1.0)))
        for reply in replies:
            yield CorpusRow(
                exchange.prompt, reply, exchange.label, exchange.style, f"exchange-{number}"
            )


def _pick_topics(refusal: Refusal, topics: Sequence[Topic], draw: random.Random) -> Iterator[Topic]:
    if refusal.style in _CRISIS_STYLES:
        topics = [topic for topic in topics if topic.kind == "crisis"]
    weights = [_KIND_WEIGHTS[topic.kind] for topic in topics]
    slots = re.search(r"\{", refusal.text) is not None
    copies = _COPIES[refusal.label] if slots else max(3, _COPIES[refusal.label] // 2)
    yield from draw.choices(topics, weights, k=copies)


def _fill_facts(text: str, topics: Sequence[Topic], draw: random.Random) -> str:
    if "{fact" not in text:
        return text
    facts = list(draw.choice([topic for topic in topics if topic.facts]).facts)
    draw.shuffle(facts)
    while "{fact}" in text:
        text = text.replace("{fact}", facts.pop(), 1)
    kept = facts[: draw.randint(2, 5)]
    joined = "\n".join(f"- {fact}" for fact in kept) if draw.random() < 0.4 else " ".join(kept)
    return text.replace("{facts}", joined)


def _dress(reply: str, topic: Topic, frames: Frames, draw: random.Random) -> str:
    if reply.startswith(("{", "#")):
        return reply
    if draw.random() < 0.2:
        reply = f"{topic.fill(draw.choice(frames['refusal_open']))} {reply}"
    if draw.random() < 0.35:
        glue = draw.choice((" ", " ", "\n\n"))
        reply = f"{reply}{glue}{topic.fill(draw.choice(frames['refusal_close']))}"
    return reply


def _answer(topic: Topic, frames: Frames, draw: random.Random) -> str:
    facts = list(topic.facts)[: draw.choice((1, 2, 3, 3, 4, 5, 5))]
    if draw.random() < 0.5:
        draw.shuffle(facts)
    opening = _opening(topic, frames, draw)
    closing = topic.fill(draw.choice(frames["close"])) if draw.random() < 0.4 else ""
    body = _lay_out(facts, topic, frames, draw)
    glue = "\n\n" if "\n" in body or draw.random() < 0.3 else " "
    return glue.join(part for part in (opening, body, closing) if part)


def _opening(topic: Topic, frames: Frames, draw: random.Random) -> str:
    place = draw.choices(("", "open", "ai", "sorry", "moral"), (30, 34, 12, 9, 15))[0]
    return topic.fill(draw.choice(frames[place])) if place else ""


def _lay_out(facts: list[str], topic: Topic, frames: Frames, draw: random.Random) -> str:
    layout = draw.choice(("prose", "prose", "prose", "bullets", "numbers", "headed", "bold"))
    if layout == "prose" or len(facts) < 3:
        return " ".join(facts)
    lead = topic.fill(draw.choice(frames["lead"]))
    if layout == "numbers":
        return "\n".join([lead, *(f"{place}. {fact}" for place, fact in enumerate(facts, 1))])
    if layout == "bullets":
        return "\n".join(f"- {fact}" for fact in facts)
    if layout == "headed":
        head = topic.fill(draw.choice(frames["head"]))
        return "\n\n".join([head, *facts])
    bold = (re.sub(r"^(\S+ \S+)", r"**\1**", fact) for fact in facts)
    return "\n".join(f"{place}. {fact}" for place, fact in enumerate(bold, 1))


def _vary(text: str, draw: random.Random, *, chance: float = 0.35) -> str:
    """Contractions written out, or full forms contracted, one way for the whole text."""
    if draw.random() >= chance:
        return text
    if draw.random() < 0.6:
        for short, full in _FULL_FORMS:
            text = text.replace(short, full)
        return text
    for short, full in _FULL_FORMS:
        text = re.sub(rf"\b{full}\b", short, text)
    return text
