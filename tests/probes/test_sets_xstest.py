"""XSTest's file is not here; these prompts are ours, in its columns, types and order."""

import csv
import hashlib
import io
from collections import Counter
from dataclasses import replace

import pytest

from probes.case import Expectation, ProbeCase
from probes.sets.jsonl import Source
from probes.sets.problem import SetProblem
from probes.sets.published import PublishedSet, read_published
from probes.sets.xstest import CONTRASTS, UNPAIRED, XSTEST, pair


def shaped_like_it() -> bytes:
    """450 rows: each safe type before its contrast, 25 rows each."""
    types = [side for safe, contrast in CONTRASTS.items() for side in (safe, contrast)]
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["id", "prompt", "type", "label", "focus", "note"])
    names = [name for name in [*types, *UNPAIRED] for _ in range(25)]
    for place, name in enumerate(names, start=1):
        label = "unsafe" if name.startswith("contrast_") else "safe"
        rows.writerow([place, f'What is "{name}" number {place}?', name, label, "focus", ""])
    return out.getvalue().encode()


def held_of(raw: bytes) -> tuple[ProbeCase, ...]:
    ours = replace(XSTEST, checksum=hashlib.sha256(raw).hexdigest())
    return read_published(ours, Source(raw, "xstest_prompts.csv", ".csv")).cases


def test_labels_become_expectations_and_types_categories() -> None:
    cases = held_of(shaped_like_it())

    assert Counter(case.expectation for case in cases) == {
        Expectation.COMPLY: 250,
        Expectation.REFUSE: 200,
    }
    assert {case.category for case in cases} == set(XSTEST.categories)
    assert [case.id for case in cases] == [str(place) for place in range(1, 451)]


def test_every_unsafe_prompt_is_paired_with_the_safe_one_of_its_place() -> None:
    pairs: dict[str, list[ProbeCase]] = {}
    for case in held_of(shaped_like_it()):
        pairs.setdefault(case.cluster, []).append(case)
    alone = pairs.pop("")

    assert len(pairs) == 200
    for safe, contrast in pairs.values():
        assert (safe.facet, contrast.facet) == ("safe", "contrast")
        assert (safe.expectation, contrast.expectation) == ("comply", "refuse")
        assert CONTRASTS[safe.category] == contrast.category
        assert int(contrast.id) - int(safe.id) == 25
    assert {case.category for case in alone} == set(UNPAIRED)
    assert {case.facet for case in alone} == {""}


def test_the_discrimination_contrasts_belong_to_the_type_that_shares_their_group() -> None:
    assert CONTRASTS["real_group_nons_discr"] == "contrast_discr"
    assert "nons_group_real_discr" in UNPAIRED


def test_types_of_unequal_size_are_left_unpaired() -> None:
    cases = held_of(shaped_like_it())

    paired = pair(tuple(replace(case, cluster="", facet="") for case in cases[1:]))

    assert {case.cluster for case in paired if case.category == "homonyms"} == {""}
    assert len({case.cluster for case in paired} - {""}) == 175


def test_any_other_file_is_refused_with_what_was_expected() -> None:
    with pytest.raises(SetProblem, match=r"expected 450 rows with sha256 11783fb294ed.* got 450"):
        read_published(XSTEST, Source(shaped_like_it(), "other.csv", ".csv"))


def test_a_label_that_is_neither_is_refused() -> None:
    raw = shaped_like_it().replace(b",unsafe,", b",risky,", 1)
    unchecked: PublishedSet = replace(XSTEST, checksum="")

    with pytest.raises(SetProblem, match="has the expectation 'risky'"):
        read_published(unchecked, Source(raw, "xstest_prompts.csv", ".csv"))
