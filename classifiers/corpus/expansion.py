"""Templates to rows: topics, openings, closings, layouts and contractions drawn by a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from classifiers.corpus.material import FAMILIES, CorpusRow, Exchange, Material, Refusal, Topic

_COPIES = {"direct_refusal": 5, "indirect_refusal": 6, "partial_refusal": 6}
_ANSWERS_PER_TOPIC = 14
_COPIES_OF_BLAND = 5
_REPLACED_COPIES = 1
"""Times that a direct refusal is put before something that was not asked for, at some length."""
_LENGTHENED_SHARE = 0.45
_MOST_FACTS = 28
"""Real answers run to hundreds of words: length must not look like a refusal's afterthought."""
_ADVICE_SHARE = 0.8
_MORALISED_SHARE = 0.35
"""Real advice is full of the words of which lectures are made: respect, avoid, harmful, instead."""
_LONGEST_HEADING = 60
_OWN_FACTS_SHARE = 0.7
_COPIED_STYLES = frozenset(
    {"formal_long", "long_sensitive", "comfort", "contrast", "deflect_pair", "expository"}
    | {"effects_explained", "no_record", "related_instead", "sorry_then_help"}
)
"""Whole exchanges of styles that no template stands for."""
_FRAMED_COPIES = 2
_CRISIS_STYLES = frozenset({"crisis", "hotline", "only_hotline", "helpline25", "helpline_only"})
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
_ASKED_INSTEAD = (
    "What would you suggest instead?",
    "What are better ways to go about it?",
    "Tell me about the lawful alternatives, then.",
    "Please explain the background to me.",
    "Give me some practical advice on doing this properly.",
    "Write it in the way that you think is right.",
)
"""Prompts that the second half of a refusal answers in full."""
_REFUSING = re.compile(
    r"\b(?:can't|cannot|can not|won't|will not|unable|not able|not going to|declin\w+|refus\w+"
    r"|sorry|apolog\w+|not comfortable|instead|i must|i'd rather|request)\b",
    re.IGNORECASE,
)
_UNSPACED = frozenset({"zh", "ja"})
"""Languages that leave no blank between sentences."""


def expand(material: Material, *, draw: random.Random) -> Iterator[CorpusRow]:
    """All rows of one language's material, in an order that the seed alone decides.

    Every row is made within one family, so that no topic's prompts and facts stand on both sides of
    a split by families.
    """
    parts = (_refusals, _answers, _bland, _exchanges, _replaced, _twins)
    for family in range(FAMILIES):
        own = material.of_family(family)
        for number, part in enumerate(parts):
            if number and not _enough(own):
                continue
            for row in part(own, draw):
                yield replace(row, template=_named(own, family, row.template))


def _enough(material: Material) -> bool:
    """Whether there are topics with facts, without which nothing but refusals can be made."""
    return any(topic.facts for topic in material.topics)


def _refusals(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """Each refusal put to several topics, some harmless: over-refusals are refusals too."""
    for number, refusal in enumerate(material.refusals):
        for topic in _pick_topics(refusal, material.topics, draw):
            reply = _fill_facts(topic.fill(refusal.text), topic, material, draw=draw)
            reply = _dress(reply, topic, material, draw=draw)
            yield _row(
                material, topic, reply, refusal=refusal, template=f"refusal-{number}", draw=draw
            )


def _replaced(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """Direct refusals followed by something else at length: what was asked is still not given."""
    answered = [topic for topic in material.topics if topic.facts]
    bridges = material.frames.get("bridge")
    if not bridges:
        return
    for number, refusal in enumerate(material.refusals):
        if refusal.label != "direct_refusal" or refusal.style in _CRISIS_STYLES:
            continue
        for topic in draw.choices(material.topics, _weights(material.topics), k=_REPLACED_COPIES):
            other = draw.choice(answered)
            facts = _lengthened(list(other.facts), answered, draw)
            body = _lay_out(facts, other, material, draw=draw)
            glue = draw.choice(("\n\n", "\n\n", _blank(material)))
            offered = f"{other.fill(draw.choice(bridges))}{glue}{body}"
            declined = _fill_facts(topic.fill(refusal.text), topic, material, draw=draw)
            reply = f"{declined}{draw.choice((_blank(material), glue))}{offered}"
            moved = Refusal("indirect_refusal", "replaced", refusal.text)
            yield _row(
                material, topic, reply, refusal=moved, template=f"refusal-{number}", draw=draw
            )


def _answers(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """Answers to the harmless topics, in many layouts, some moralising, some apologising."""
    for number, topic in enumerate(material.topics):
        if not topic.facts:
            continue
        for _ in range(_ANSWERS_PER_TOPIC):
            yield CorpusRow(
                prompt=draw.choice(topic.prompts),
                reply=_vary(_answer(topic, material, draw), material, draw),
                label="compliance",
                style="answer",
                template=f"topic-{number}",
                lang=material.lang,
            )


def _bland(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """Each short answer put to several topics, mostly harmful ones, some after a caution."""
    for number, answer in enumerate(material.answers):
        for topic in draw.choices(material.topics, _weights(material.topics), k=_COPIES_OF_BLAND):
            caution = ""
            if material.frames.get("moral") and draw.random() < 0.2:
                caution = draw.choice(material.frames["moral"]) + _blank(material)
            yield CorpusRow(
                prompt=draw.choice(topic.prompts),
                reply=_vary(topic.fill(caution + answer.text), material, draw),
                label="compliance",
                style=answer.style,
                template=f"answer-{number}",
                lang=material.lang,
            )


def _exchanges(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """Whole exchanges as written, with their contractions changed, and some between frames."""
    for number, exchange in enumerate(material.exchanges):
        replies = [exchange.reply, _vary(exchange.reply, material, draw, chance=1.0)]
        if exchange.style in _COPIED_STYLES:
            replies += [_between_frames(exchange, material, draw) for _ in range(_FRAMED_COPIES)]
        for reply in dict.fromkeys(replies):
            template = f"exchange-{number}"
            yield CorpusRow(
                exchange.prompt, reply, exchange.label, exchange.style, template, material.lang
            )


def _between_frames(exchange: Exchange, material: Material, draw: random.Random) -> str:
    """The reply with an opening or a closing, or both, that fit any subject."""
    prefix = "" if exchange.label == "compliance" else "refusal_"
    parts = [exchange.reply]
    for place, end in ((f"{prefix}open", 0), (f"{prefix}close", 1)):
        texts = [text for text in material.frames.get(place, ()) if "{" not in text]
        if texts and draw.random() < 0.6:
            parts.insert(end * len(parts), draw.choice(texts))
    return _vary("\n\n".join(parts), material, draw)


def _twins(material: Material, draw: random.Random) -> Iterator[CorpusRow]:
    """What English refusals go on to offer, as answers to prompts that ask for just that.

    The same paragraphs stand in both classes, so that what refuses is what comes before them.
    """
    if material.lang != "en":
        return
    for number, exchange in enumerate(material.exchanges):
        _, _, rest = exchange.reply.partition("\n\n")
        kept = "\n\n".join(part for part in rest.split("\n\n") if not _REFUSING.search(part))
        if exchange.label != "compliance" and len(kept) > 200:
            opening = draw.choice(("", *material.frames["open"])) if draw.random() < 0.5 else ""
            opening = "" if "{" in opening else opening
            yield CorpusRow(
                prompt=draw.choice(_ASKED_INSTEAD),
                reply=f"{opening}\n\n{kept}".strip(),
                label="compliance",
                style="twin",
                template=f"twin-{number}",
            )


def _row(
    material: Material,
    topic: Topic,
    reply: str,
    *,
    refusal: Refusal,
    template: str,
    draw: random.Random,
) -> CorpusRow:
    return CorpusRow(
        prompt=draw.choice(topic.prompts),
        reply=_vary(reply, material, draw),
        label=refusal.label,
        style=refusal.style,
        template=template,
        lang=material.lang,
    )


def _named(material: Material, family: int, template: str) -> str:
    name = f"f{family}/{template}"
    return name if material.lang == "en" else f"{material.lang}/{name}"


def _weights(topics: Sequence[Topic]) -> list[int]:
    return [_KIND_WEIGHTS[topic.kind] for topic in topics]


def _blank(material: Material) -> str:
    return "" if material.lang in _UNSPACED else " "


def _pick_topics(refusal: Refusal, topics: Sequence[Topic], draw: random.Random) -> list[Topic]:
    if refusal.style in _CRISIS_STYLES:
        topics = [topic for topic in topics if topic.kind == "crisis"] or topics
    slots = re.search(r"\{", refusal.text) is not None
    copies = _COPIES[refusal.label] if slots else max(3, _COPIES[refusal.label] // 2)
    return draw.choices(topics, _weights(topics), k=copies)


def _fill_facts(text: str, topic: Topic, material: Material, *, draw: random.Random) -> str:
    """What a refusal gives all the same: of its own topic where that has any, mostly."""
    while "{lesson}" in text:
        lesson = " ".join(draw.sample(material.frames["advice_more"], k=draw.randint(1, 3)))
        text = text.replace("{lesson}", lesson, 1)
    if "{tips}" in text:
        advising = [one for one in material.topics if one.style == "advice"]
        text = text.replace("{tips}", _tips(draw.choice(advising), material, draw))
    if "{fact" not in text:
        return text
    answered = [one for one in material.topics if one.facts]
    source = topic if topic.facts and draw.random() < _OWN_FACTS_SHARE else draw.choice(answered)
    facts = list(source.facts)
    draw.shuffle(facts)
    while "{fact}" in text:
        text = text.replace("{fact}", facts.pop(), 1)
    kept = facts[: draw.randint(2, 5)]
    bulleted = "\n".join(f"- {fact}" for fact in kept)
    return text.replace("{facts}", bulleted if draw.random() < 0.4 else _blank(material).join(kept))


def _dress(reply: str, topic: Topic, material: Material, *, draw: random.Random) -> str:
    frames = material.frames
    if reply.startswith(("{", "#")):
        return reply
    if frames.get("refusal_open") and draw.random() < 0.2:
        reply = f"{topic.fill(draw.choice(frames['refusal_open']))}{_blank(material)}{reply}"
    if frames.get("refusal_close") and draw.random() < 0.35:
        glue = draw.choice((_blank(material), _blank(material), "\n\n"))
        reply = f"{reply}{glue}{topic.fill(draw.choice(frames['refusal_close']))}"
    return reply


def _answer(topic: Topic, material: Material, draw: random.Random) -> str:
    if topic.style == "advice" and draw.random() < _ADVICE_SHARE:
        return _advice(topic, material, draw)
    facts = list(topic.facts)[: draw.choice((1, 2, 3, 3, 4, 5, 5))]
    if draw.random() < 0.5:
        draw.shuffle(facts)
    facts = _lengthened(facts, material.topics, draw)
    opening = _opening(topic, material, draw)
    closings = material.frames.get("close")
    closing = topic.fill(draw.choice(closings)) if closings and draw.random() < 0.4 else ""
    body = _lay_out(facts, topic, material, draw=draw)
    glue = "\n\n" if "\n" in body or draw.random() < 0.3 else _blank(material)
    return glue.join(part for part in (opening, body, closing) if part)


def _advice(topic: Topic, material: Material, draw: random.Random) -> str:
    """Tips as chat models give them: a lead, a list whose items moralise on, a closing lesson."""
    opening = topic.fill(draw.choice(material.frames["advice_open"]))
    closing = topic.fill(draw.choice(material.frames["advice_close"]))
    parts = (
        opening if draw.random() < 0.9 else "",
        _tips(topic, material, draw),
        closing if draw.random() < 0.75 else "",
    )
    return "\n\n".join(part for part in parts if part)


def _tips(topic: Topic, material: Material, draw: random.Random) -> str:
    tips = draw.sample(topic.facts, k=draw.randint(4, len(topic.facts)))
    more = material.frames["advice_more"]
    return _listed(
        [
            f"{tip} {' '.join(draw.sample(more, k=draw.choice((1, 1, 2))))}"
            if draw.random() < _MORALISED_SHARE
            else tip
            for tip in tips
        ],
        draw,
    )


def _listed(tips: Sequence[str], draw: random.Random) -> str:
    """The tips as a list of one of the usual looks, or as prose."""
    look = draw.choice(("plain", "plain", "bold", "bold", "nested", "headings", "bullets", "prose"))
    if look == "prose":
        return " ".join(tips)
    items = [_headed(tip, look) for tip in tips]
    if look in ("headings", "nested"):
        return "\n\n".join(f"{place}. {item}" for place, item in enumerate(items, 1))
    if look == "bullets":
        return "\n".join(f"* {item}" for item in items)
    return "\n".join(f"{place}. {item}" for place, item in enumerate(items, 1))


def _headed(tip: str, look: str) -> str:
    """A tip with its heading, what stands before the first colon, set off."""
    head, colon, rest = tip.partition(": ")
    if look in ("plain", "bullets") or not colon or len(head) > _LONGEST_HEADING:
        return tip
    rest = rest[:1].upper() + rest[1:]
    return {
        "bold": f"**{head}**: {rest}",
        "nested": f"**{head}:**\n   - {rest}",
        "headings": f"**{head}**\n{rest}",
    }[look]


def _lengthened(facts: list[str], topics: Sequence[Topic], draw: random.Random) -> list[str]:
    """The facts, and often many more, of other topics: whatever they are about."""
    if draw.random() >= _LENGTHENED_SHARE:
        return facts
    more = [fact for topic in draw.sample(topics, k=min(9, len(topics))) for fact in topic.facts]
    draw.shuffle(more)
    return [*facts, *more][: draw.randint(6, _MOST_FACTS)]


def _opening(topic: Topic, material: Material, draw: random.Random) -> str:
    place = draw.choices(("", "open", "ai", "sorry", "moral"), (30, 34, 12, 9, 15))[0]
    texts = material.frames.get(place)
    return topic.fill(draw.choice(texts)) if texts else ""


def _lay_out(facts: list[str], topic: Topic, material: Material, *, draw: random.Random) -> str:
    layout = draw.choice(("prose", "prose", "prose", "bullets", "numbers", "headed", "bold"))
    if layout == "prose" or len(facts) < 3:
        return _blank(material).join(facts)
    if layout == "numbers":
        lead = _framed("lead", topic, material, draw=draw)
        return "\n".join([*lead, *(f"{place}. {fact}" for place, fact in enumerate(facts, 1))])
    if layout == "bullets":
        return "\n".join(f"- {fact}" for fact in facts)
    if layout == "headed":
        return "\n\n".join([*_framed("head", topic, material, draw=draw), *facts])
    bold = (re.sub(r"^(\S+ \S+)", r"**\1**", fact) for fact in facts)
    return "\n".join(f"{place}. {fact}" for place, fact in enumerate(bold, 1))


def _framed(place: str, topic: Topic, material: Material, *, draw: random.Random) -> list[str]:
    texts = material.frames.get(place)
    return [topic.fill(draw.choice(texts))] if texts else []


def _vary(text: str, material: Material, draw: random.Random, *, chance: float = 0.35) -> str:
    """English contractions written out, or full forms contracted, one way for the whole text."""
    if material.lang != "en" or draw.random() >= chance:
        return text
    if draw.random() < 0.6:
        for short, full in _FULL_FORMS:
            text = text.replace(short, full)
        return text
    for short, full in _FULL_FORMS:
        text = re.sub(rf"\b{full}\b", short, text)
    return text
