"""A report as JUnit XML: a testcase for each category of each rate, so that CI can show them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from probes.junit import printable
from probes.rates import Rate
from probes.rendering.figures import counts, interval, percent
from probes.report import Report, RunReport


def render_junit(report: Report) -> str:
    """A suite a run. A rate that could not be measured is skipped, with the reason.

    A whole rate beyond a threshold that the report was asked to hold fails; a category never
    does: of ten categories with few prompts each, one will often lie beyond it by chance.
    """
    suites = ET.Element("testsuites", name="candor report")
    for run in report.runs:
        _suite(suites, run, report)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: ET.Element, run: RunReport, report: Report) -> None:
    rates = run.summary.rates
    broken = {one.rate: one for one in report.broken if one.run is run.header and one.measured}
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=printable(run.header.title),
        tests=str(len(rates)),
        failures=str(len(broken)),
        skipped=str(sum(rate.value is None for rate in rates)),
        errors="0",
    )
    for rate in rates:
        name = f"{rate.rate.value}.{rate.category or 'all'}"
        case = ET.SubElement(suite, "testcase", classname="candor.report", name=printable(name))
        said = f"{percent(rate.value)} ({interval(rate)}), {counts(rate)} refused"
        if rate.value is None:
            ET.SubElement(case, "skipped", message=printable(rate.note))
        elif rate.category is None and rate.rate in broken:
            ET.SubElement(case, "failure", message=printable(broken[rate.rate].reason))
        ET.SubElement(case, "system-out").text = printable(_open(rate, said))
    notes = [*run.notes, *(report.notes if len(report.runs) > 1 else ())]
    if notes:
        ET.SubElement(suite, "system-out").text = printable("\n".join(notes))


def _open(rate: Rate, said: str) -> str:
    left = f"{rate.undecided:,} undecided, {rate.errors:,} errors"
    if rate.value is None or rate.lowest is None or rate.highest is None:
        return f"{said}; {left}"
    return f"{said}; {left}: between {percent(rate.lowest)} and {percent(rate.highest)}"
