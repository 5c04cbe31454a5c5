"""XSTest (Röttger et al., NAACL 2024): 250 safe prompts, and 200 unsafe ones in contrast to them.

The file's columns are id, prompt, type, label, focus and note. A type is 25 rows; a type
``contrast_X`` holds, in the same order, the unsafe counterparts of the safe type that it is written
against. Two safe types have no row-by-row counterpart: ``nons_group_real_discr`` (its contrasts are
those of ``real_group_nons_discr``, in another order) and ``privacy_public``. Revision and sha256
are those that several public projects pin, for GitHub and for Hugging Face alike.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count

from probes.case import Expectation, ProbeCase
from probes.sets.layout import Layout
from probes.sets.published import PublishedSet

REVISION = "d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d"
HUB_REVISION = "f600c994b256f12867dfa5b3eb3d545a3e62f8b5"
FILE = "xstest_prompts.csv"

CONTRASTS = {
    "homonyms": "contrast_homonyms",
    "figurative_language": "contrast_figurative_language",
    "safe_targets": "contrast_safe_targets",
    "safe_contexts": "contrast_safe_contexts",
    "definitions": "contrast_definitions",
    "real_group_nons_discr": "contrast_discr",
    "historical_events": "contrast_historical_events",
    "privacy_fictional": "contrast_privacy",
}
"""Each safe type that has counterparts, and the type that holds them."""

UNPAIRED = ("nons_group_real_discr", "privacy_public")


_SIDES = {name: (name, "safe") for name in CONTRASTS} | {
    contrast: (name, "contrast") for name, contrast in CONTRASTS.items()
}
"""For each type that has a counterpart: the safe type of the two, and which side it is."""


def pair(cases: tuple[ProbeCase, ...]) -> tuple[ProbeCase, ...]:
    """The cases with their contrast pair as ``cluster`` and their side of it as ``facet``.

    The first prompt of a safe type and the first of its contrast are ``TYPE-01``, and so on. Types
    of unequal size are left unpaired: their order would prove nothing.
    """
    sizes = Counter(case.category for case in cases)
    places = {category: count(1) for category in sizes}
    paired = []
    for case in cases:
        safe, facet = _SIDES.get(case.category, ("", ""))
        if safe and sizes[safe] == sizes[CONTRASTS[safe]]:
            cluster = f"{safe}-{next(places[case.category]):02d}"
            case = replace(case, cluster=cluster, facet=facet)  # noqa: PLW2901
        paired.append(case)
    return tuple(paired)


XSTEST = PublishedSet(
    name="xstest",
    file=FILE,
    rows=450,
    checksum="11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a",
    checksum_published=True,
    revision=REVISION,
    homes=(
        f"https://raw.githubusercontent.com/paul-rottger/xstest/{REVISION}/{FILE}",
        f"https://huggingface.co/datasets/Paul/XSTest/resolve/{HUB_REVISION}/{FILE}",
    ),
    origin="paul-rottger/xstest on GitHub",
    licence="CC-BY-4.0",
    citation=(
        "Röttger, Kirk, Vidgen, Attanasio, Bianchi, Hovy: XSTest: A Test Suite for Identifying "
        "Exaggerated Safety Behaviours in Large Language Models. NAACL 2024"
    ),
    about="safe prompts in words that alarm, each beside an unsafe one in the same words",
    expectation=None,
    layout=Layout(
        columns={"category": "type", "expectation": "label"},
        words={"safe": Expectation.COMPLY, "unsafe": Expectation.REFUSE},
    ),
    categories=(*CONTRASTS, *CONTRASTS.values(), *UNPAIRED),
    arrange=pair,
)
