"""A canary check as a JUnit file: one testcase a rate, so that CI shows which one broke."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from probes.canary import CanaryCheck, Decision

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2)."""


def write_junit(check: CanaryCheck, path: Path, *, inconclusive_as: Decision) -> None:
    """Write the check; an inconclusive rate is skipped, or what it is to be taken for."""
    counted = [
        inconclusive_as if rate.decision is Decision.INCONCLUSIVE else rate.decision
        for rate in check.rates
    ]
    suite = ET.Element(
        "testsuite",
        name="candor canary check",
        tests=str(len(counted)),
        failures=str(counted.count(Decision.FAIL)),
        skipped=str(counted.count(Decision.INCONCLUSIVE)),
        errors="0",
    )
    for rate, decision in zip(check.rates, counted, strict=True):
        case = ET.SubElement(suite, "testcase", classname="candor.canary", name=rate.rate.value)
        if decision is Decision.FAIL:
            ET.SubElement(case, "failure", message=printable(rate.reason))
        elif decision is Decision.INCONCLUSIVE:
            ET.SubElement(case, "skipped", message=printable(rate.reason))
        ET.SubElement(case, "system-out").text = printable(rate.reason)
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def printable(text: str) -> str:
    """The text with U+FFFD for every character that XML cannot hold."""
    return _UNPRINTABLE.sub("\ufffd", text)
