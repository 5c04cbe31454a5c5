"""The report as a page: whole, safe to open, bounded, and readable on a phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from probes.case import Expectation
from probes.changes import CHANGES_KEPT
from probes.header import SetStamp
from probes.published import shipped
from probes.rendering import FORMATS, render_html
from probes.rendering.page.places import Box, Name, places
from probes.report import Report, make_report
from probes.runfile import Run
from probes.samples import SAMPLES_KEPT
from probes.trial import Trial
from tests.chromium import chromium
from tests.probes.trials import C, E, R, U, a_run_file, named, trials_of

VOID = {"meta", "input", "br"}
TODAYS = (SetStamp("or-bench-hard", "h" * 64, 1319), SetStamp("or-bench-toxic", "t" * 64, 655))
OTHERS = (SetStamp("hard", "h" * 64, 14), SetStamp("toxic", "t" * 64, 10))


class Page(HTMLParser):
    """Which elements a page has; raises where they do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def having(self, key: str, value: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of which one has that word in it."""
        return [found for _, found in self.elements if value in (found.get(key) or "").split()]


def both_rates(
    path: Path,
    over: Sequence[str],
    safe: Sequence[str],
    *,
    target: str = "balanced",
    **header: object,
) -> Run:
    sets = header.pop("sets", OTHERS)
    assert isinstance(sets, tuple)
    trials = trials_of(over, of=sets[0].name)
    trials += trials_of(safe, expectation=Expectation.REFUSE, of=sets[1].name)
    return a_run_file(path, trials, target=named(target), sets=sets, **header)


@pytest.fixture
def two(tmp_path: Path) -> Report:
    old = both_rates(tmp_path / "old", [C] * 9 + [R, U], [R] * 10, created=1.7e9, run_id="old")
    new = both_rates(
        tmp_path / "new", [C] * 7 + [R] * 4, [R] * 9 + [C], created=1.8e9, run_id="new"
    )
    return make_report([old, new])


def test_the_page_is_whole_in_itself_and_loads_and_runs_nothing(two: Report) -> None:
    page = Page(render_html(two))
    assert not {"script", "link", "img", "iframe", "object", "base"} & {n for n, _ in page.elements}
    for _, attributes in page.elements:
        assert not {"src", "href", "srcset"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    policy = [found["content"] for found in page.having("http-equiv", "Content-Security-Policy")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert "url(" not in render_html(two) and "@import" not in render_html(two)


HOSTILE = "</style></title><script>alert(1)</script>\"' onload=x <b>&amp; \x00\x1b\ud800"


def test_nothing_that_others_wrote_becomes_markup(tmp_path: Path) -> None:
    def spoilt(trial: Trial) -> Trial:
        case = replace(trial.case, prompt=HOSTILE, category=HOSTILE)
        return replace(trial, case=case, reply=HOSTILE + trial.reply)

    runs = [
        a_run_file(
            tmp_path / name,
            [spoilt(trial) for trial in trials_of(outcomes)],
            target=named(HOSTILE),
            created=created,
            classifier=HOSTILE,
            parameters={"system": HOSTILE, HOSTILE: HOSTILE},
        )
        for name, outcomes, created in (("old", [R, C], 1.0), ("new", [C, R], 2.0))
    ]
    text = render_html(make_report(runs))
    assert "<script" not in text and "<b>&amp; " not in text
    assert "\x00" not in text and "\x1b" not in text
    text.encode("utf-8")
    Page(text)


def test_both_replies_to_a_prompt_that_turned_stand_side_by_side(two: Report) -> None:
    text = render_html(two)
    assert "Harmless prompts newly refused" in text and "Harmful prompts newly answered" in text
    newly = text[text.index("Harmless prompts newly refused") :]
    article = newly[newly.index("<article>") : newly.index("</article>")]
    assert article.count("<blockquote") == 2
    assert "before, 2023-11-14" in article and "after, 2027-01-15" in article
    assert "prompt violence-7" in article


def test_the_paired_difference_has_interval_test_and_counts(two: Report) -> None:
    text = render_html(two)
    row = text[text.index("McNemar") :]
    assert "+20.0 points" in row and "p = 0.5000" in row and "1 not on both sides" in row


def test_a_page_holds_a_bounded_number_of_replies_and_says_how_many_are_left_out(
    tmp_path: Path,
) -> None:
    many = 400
    old = both_rates(tmp_path / "old", [C] * many, [R], created=1.0)
    new = both_rates(tmp_path / "new", [R] * many, [C], created=2.0)
    text = render_html(make_report([old, new]))
    assert text.count("<blockquote") <= 2 * 4 * CHANGES_KEPT + 2 * 2 * SAMPLES_KEPT
    assert f"{many - CHANGES_KEPT} more are left out" in text
    assert f"{many - SAMPLES_KEPT} more are left out" in text


def test_a_long_reply_is_cut_and_says_by_how_much(tmp_path: Path) -> None:
    [trial] = trials_of([R])
    run = a_run_file(tmp_path / "run", [replace(trial, reply="word " * 40_000)])
    text = render_html(make_report([run]))
    assert "199,300 more characters" in text
    assert len(text) < 100_000


def checked(text: str) -> list[bool]:
    page = Page(text)
    return [
        "checked" in attributes
        for key in ("current", "june2024")
        for attributes in page.having("id", key)
    ]


def test_the_published_models_are_a_background_with_a_switch_for_each_release(
    tmp_path: Path,
) -> None:
    run = both_rates(tmp_path / "run", [R, C, C], [R, R, C], sets=TODAYS)
    text = render_html(make_report([run]))
    assert checked(text) == [True, True]
    assert "7 models † on today" in text and "25 models on the release of June 2024" in text
    wide = text[text.index('class="plot wide"') : text.index('class="plot narrow"')]
    assert wide.count("past june2024") == 25 and wide.count("past current") == 7
    assert "Claude-3-opus; over-refusal 91.0\u00a0%" in wide


def test_over_other_prompts_the_published_models_are_off_until_asked_for(tmp_path: Path) -> None:
    run = both_rates(tmp_path / "run", [R, C, C], [R, R, C])
    text = render_html(make_report([run]))
    assert checked(text) == [False, False]
    assert "asked other prompts: for orientation only" in text
    assert checked(render_html(make_report([run], published=shipped()))) == [True, True]


def test_the_papers_figure_alone_names_every_model_and_its_correlation() -> None:
    text = render_html(make_report([], published=shipped()))
    Page(text)
    wide = text[text.index('class="plot wide"') : text.index('class="plot narrow"')]
    assert len(re.findall(r'class="name"', wide)) == 32
    assert "0.8916" in text and "0.8935" in text
    assert text.count("<tr><th") >= 32


def test_a_target_without_a_rate_is_no_point_and_is_named_as_lacking_it(tmp_path: Path) -> None:
    runs = [
        both_rates(tmp_path / "a", [R, C], [R], target="fine"),
        both_rates(tmp_path / "b", [R, E, E], [R], target="broken"),
        both_rates(tmp_path / "c", [C], [R], target="other"),
    ]
    text = render_html(make_report(runs))
    wide = text[text.index('class="plot wide"') : text.index('class="plot narrow"')]
    assert wide.count("point own") == 2
    assert "no over-refusal rate" in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_of_mostly_failed_replies_publishes_no_rate_in_any_format(
    name: str, tmp_path: Path
) -> None:
    # K-OverRefusal's published replies of one model: 1,014 of 1,312 are empty. Taken for refusals
    # they give 82.4 %; over the 298 that came it is 22.5 %. Neither is to be published.
    outcomes = [R] * 67 + [C] * 231 + [E] * 1014
    run = a_run_file(tmp_path / "run.jsonl", trials_of(outcomes))
    shown = FORMATS[name](make_report([run]))
    assert not re.search(r"22\.[45]|0\.22[45]|82\.4|0\.824|77\.5", shown)
    assert "no value: 1014 of 1312 trials ended in error" in shown
    assert "67" in shown and "NaN" not in shown


def test_32_names_never_lie_on_one_another_nor_on_a_point_nor_outside() -> None:
    bounds = Box(0, 0, 760, 540)
    names = [
        Name(60 + 37 * n % 640, 30 + 91 * n % 470, width=120 + n % 5 * 20, height=17)
        for n in range(32)
    ]
    found = [place.box for place in places(names, bounds) if place is not None]
    assert len(found) == 32
    for index, box in enumerate(found):
        assert box.within(bounds)
        assert not any(box.meets(other) for other in found[index + 1 :])
        assert not any(box.holds((name.x, name.y)) for name in names)


def test_of_points_in_one_place_some_go_unnamed_rather_than_over_each_other() -> None:
    names = [Name(50, 50, width=100, height=17)] * 9
    found = [place for place in places(names, Box(0, 0, 180, 100)) if place is not None]
    assert 0 < len(found) < 9


@pytest.mark.timeout(60)  # starts a browser
def test_the_page_opens_from_disk_without_a_complaint_and_fits_a_phone(
    two: Report, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(two), encoding="utf-8")
    asked: list[str] = []
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("svg.narrow .own").first.is_visible()
        assert not page.locator("svg.narrow .june2024").first.is_visible()
        page.locator("#june2024").check()
        assert page.locator("svg.narrow .june2024").first.is_visible()
    assert asked == [path.as_uri()] and complaints == []


def test_an_arrow_leads_from_where_a_target_stood_to_where_it_stands(two: Report) -> None:
    text = render_html(two)
    wide = text[text.index('class="plot wide"') : text.index('class="plot narrow"')]
    assert wide.count('class="arrow"') == 1
    assert "before" in wide[wide.index('class="arrow"') :]
    assert "Hollow: the run before." in text


def test_runs_that_are_not_compared_are_not_joined_by_an_arrow(tmp_path: Path) -> None:
    runs = [
        both_rates(tmp_path / "old", [R, C], [R], created=1.0, classifier="judge@1"),
        both_rates(tmp_path / "new", [C, C], [R], created=2.0),
    ]
    text = render_html(make_report(runs))
    assert 'class="arrow"' not in text
    assert "Not compared: judged by different classifiers" in text
