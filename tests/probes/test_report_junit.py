"""A report as JUnit."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from probes.case import Expectation
from probes.rendering import render_junit
from probes.report import Report, make_report
from probes.thresholds import Thresholds
from tests.probes.trials import C, E, R, a_run_file, trials_of


def a_report(path: Path) -> Report:
    trials = [
        *trials_of([R, C, C, C], category="hate"),
        *trials_of([E, E, R], category="privacy"),
        *trials_of([R, R], expectation=Expectation.REFUSE, of="toxic"),
    ]
    return make_report([a_run_file(path, trials)])


def suite_of(report: Report) -> ET.Element:
    [suite] = ET.fromstring(render_junit(report))
    return suite


def test_there_is_a_testcase_for_each_category_of_each_rate_and_for_each_whole(
    tmp_path: Path,
) -> None:
    suite = suite_of(a_report(tmp_path / "run"))
    assert [case.get("name") for case in suite.iter("testcase")] == [
        "over_refusal.all",
        "over_refusal.hate",
        "over_refusal.privacy",
        "safe_refusal.all",
        "safe_refusal.violence",
    ]
    assert suite.get("tests") == "5"


def test_a_category_that_could_not_be_measured_is_skipped_with_the_reason(tmp_path: Path) -> None:
    suite = suite_of(a_report(tmp_path / "run"))
    skipped = {case.get("name"): case.find("skipped") for case in suite.iter("testcase")}
    found = skipped.pop("over_refusal.privacy")
    assert found is not None
    assert found.get("message") == "no value: 2 of 3 trials ended in error"
    assert set(skipped.values()) == {None}
    assert (suite.get("skipped"), suite.get("failures")) == ("1", "0")


def test_each_case_says_its_rate_with_interval_counts_and_bounds(tmp_path: Path) -> None:
    [whole, *_] = suite_of(a_report(tmp_path / "run")).iter("testcase")
    assert re.fullmatch(
        r"40\.0 % \(1\d\.\d – 7\d\.\d %\), 2/5 refused; 0 undecided, 2 errors: "
        r"between 28\.6 % and 57\.1 %",
        whole.findtext("system-out") or "",
    )


def test_a_whole_rate_beyond_its_threshold_fails_and_no_category_does(tmp_path: Path) -> None:
    report = a_report(tmp_path / "run").held_to(Thresholds(over_refusal_above=0.2))
    suite = suite_of(report)
    failed = [
        case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None
    ]
    assert failed == ["over_refusal.all"] and suite.get("failures") == "1"


def test_an_unmeasured_rate_with_a_threshold_is_skipped_and_does_not_fail(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run", trials_of([R, E, E]))
    suite = suite_of(make_report([run]).held_to(Thresholds(over_refusal_above=0.2)))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "2")


def test_characters_that_xml_cannot_hold_do_not_break_the_file(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run", trials_of([R], category="a\x00b\x1b<&>\"'"))
    suite_of(make_report([run]))
