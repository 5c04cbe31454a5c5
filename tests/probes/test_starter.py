import csv
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from probes.case import OR_BENCH_CATEGORIES, Expectation, ProbeCase
from probes.sets import load_set
from tests.probes.or_bench_files import or_bench

NEAR = 0.7
"""Two prompts whose words overlap by this share (Jaccard) count as the same question."""

EMPTY_STEMS = frozenset(
    re.findall(
        r"\w+",
        """and any are can did for get has her him his how its may not off out she the was who why
        you does from give have help make shoul that their them they this what when where which
        will with witho would write your until""",
    )
)
"""Stems that two sentences share without being about the same thing."""

MINORS = re.compile(
    r"\b(child|children|kids?|minors?|underage|teen\w*|girls?|boys?|sons?|daughters?|pupils?|"
    r"students?|schools?|toddlers?|bab(y|ies)|infants?|niece|nephew|juvenile|\w+-year-old)\b",
    re.IGNORECASE,
)


def cases_of(name: str) -> tuple[ProbeCase, ...]:
    return load_set(name, Path("unused")).cases


def every_case() -> tuple[ProbeCase, ...]:
    return cases_of("starter-hard") + cases_of("starter-toxic")


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def stems(text: str) -> frozenset[str]:
    return frozenset(word[:5] for word in words(text) if len(word) >= 3) - EMPTY_STEMS


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def pairs() -> dict[str, list[ProbeCase]]:
    found: dict[str, list[ProbeCase]] = defaultdict(list)
    for case in every_case():
        if case.cluster:
            found[case.cluster].append(case)
    return found


@pytest.mark.parametrize(
    ("name", "least", "expectation"),
    [("starter-hard", 20, Expectation.COMPLY), ("starter-toxic", 8, Expectation.REFUSE)],
)
def test_every_category_of_or_bench_has_its_prompts(
    name: str, least: int, expectation: Expectation
) -> None:
    sizes = Counter(case.category for case in cases_of(name))

    assert set(sizes) == set(OR_BENCH_CATEGORIES)
    assert min(sizes.values()) >= least
    assert {case.expectation for case in cases_of(name)} == {expectation}


def test_ids_name_the_category_and_the_kind_and_are_unique() -> None:
    for case in every_case():
        kind = "s" if case.expectation is Expectation.COMPLY else "h"
        assert re.fullmatch(rf"{case.category}-{kind}\d\d", case.id)
    assert len({case.id for case in every_case()}) == len(every_case())


def test_no_prompt_is_near_to_another_of_the_sets() -> None:
    for one, other in combinations([(case.id, words(case.prompt)) for case in every_case()], 2):
        assert overlap(one[1], other[1]) < NEAR, (one[0], other[0])


@pytest.mark.parametrize("file", ["or-bench-hard-1k.csv", "or-bench-toxic.csv"])
def test_no_prompt_is_taken_from_or_bench_or_near_to_one_of_its(file: str) -> None:
    with or_bench(file).open(encoding="utf-8", newline="") as opened:
        published = [words(row["prompt"]) for row in csv.DictReader(opened)]

    for case in every_case():
        mine = words(case.prompt)
        assert max(overlap(mine, other) for other in published) < NEAR, case.id


def test_every_category_has_at_least_eight_contrast_pairs() -> None:
    sizes = Counter(members[0].category for members in pairs().values())

    assert set(sizes) == set(OR_BENCH_CATEGORIES)
    assert min(sizes.values()) >= 8


def test_a_contrast_pair_is_one_safe_and_one_harmful_prompt_of_a_category() -> None:
    for name, members in pairs().items():
        assert [case.expectation.value for case in members] == ["comply", "refuse"], name
        assert len({case.category for case in members}) == 1, name


def test_the_prompts_of_a_contrast_pair_share_their_wording() -> None:
    for name, members in pairs().items():
        safe, harmful = (stems(case.prompt) for case in members)
        one, other = (words(case.prompt) for case in members)
        assert len(safe & harmful) >= 2 or overlap(one, other) >= 0.25, (name, safe & harmful)


def test_a_harmful_prompt_is_one_short_sentence_and_gives_no_instructions() -> None:
    for case in cases_of("starter-toxic"):
        assert len(re.findall(r"[.?!](?:\s|$)", case.prompt)) == 1, case.id
        assert re.search(r"[.?]$", case.prompt), case.id
        assert len(case.prompt.split()) <= 30, case.id
        assert not re.search(r"\d|\n|;", case.prompt), case.id


def test_no_prompt_of_the_category_sexual_mentions_a_minor() -> None:
    for case in every_case():
        if case.category == "sexual":
            assert not MINORS.search(case.prompt), case.id


def test_the_safe_prompts_differ_in_form() -> None:
    openings = Counter(" ".join(case.prompt.split()[:2]) for case in cases_of("starter-hard"))
    lengths = sorted(len(case.prompt.split()) for case in cases_of("starter-hard"))

    assert max(openings.values()) <= 0.2 * len(lengths)
    assert lengths[0] <= 7
    assert lengths[-1] >= 20


def test_prompts_are_plain_single_lines_without_stray_space() -> None:
    for case in every_case():
        assert case.prompt == case.prompt.strip()
        assert case.prompt.isprintable()
        assert "  " not in case.prompt


def test_the_starter_sets_carry_a_checksum_and_the_projects_licence() -> None:
    held = load_set("starter-hard", Path("unused"))

    assert re.fullmatch(r"[0-9a-f]{64}", held.checksum)
    assert held.licence == "Apache-2.0"


def test_the_page_about_the_sets_states_their_true_sizes() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "starter-set.md"
    text = page.read_text(encoding="utf-8")
    sizes = Counter((case.category, case.expectation) for case in every_case())
    paired = Counter(members[0].category for members in pairs().values())

    for category in OR_BENCH_CATEGORIES:
        safe, harmful = (
            sizes[category, expectation] for expectation in (Expectation.COMPLY, Expectation.REFUSE)
        )
        assert f"| {category} | {safe} | {harmful} | {paired[category]} |" in text
    assert f"| all | {sum(n for (_, e), n in sizes.items() if e is Expectation.COMPLY)} |" in text
