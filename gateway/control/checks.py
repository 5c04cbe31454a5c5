"""What a posted run must satisfy before any of it becomes a row, a label or a reply."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from probes.runfile import Run

LONGEST_NAME = 100
"""Characters of a run's id, its deployment, a set or a category; they become labels."""
LONGEST_CLASSIFIER = 300
"""Characters of the classifier's name, which lists the stages of a cascade."""
MOST_SETS = 16
MOST_CATEGORIES = 64
"""Categories of one set. OR-Bench has 10; each makes five series a deployment, for ever."""
MOST_AHEAD_SECONDS = 86_400.0
"""How far a time may lie in the future: clocks differ, and time zones are mistaken. Beyond, a run
would stay the newest of its deployment for ever."""


class RunRefused(Exception):
    """The posted file is no finished run; the message is one readable line."""


def check(run: Run, now: float) -> None:
    """Raise RunRefused, with the field and its value, unless the run can be kept as it is."""
    for field, name, longest in _names(run):
        _check_name(field, name, longest)
    _check_cells(run)
    for field, value, least, most in _numbers(run, now + MOST_AHEAD_SECONDS):
        _check_number(field, value, least=least, most=most)
    _check_target(run)


def _names(run: Run) -> Iterator[tuple[str, object, int]]:
    header = run.header
    yield "run_id", header.run_id, LONGEST_NAME
    yield "classifier", header.classifier, LONGEST_CLASSIFIER
    for key in ("deployment", "model"):
        if header.target.get(key) is not None:
            yield f"target.{key}", header.target[key], LONGEST_NAME
    if not (header.target.get("deployment") or header.target.get("model")):
        yield "target.name", header.target_name, LONGEST_NAME
    for trial in run.trials:
        if not isinstance(trial.error, str):
            raise RunRefused(f"error of the run file is {_shown(trial.error)}; it must be text")
        yield "set", trial.case.set, LONGEST_NAME
        yield "category", trial.case.category, LONGEST_NAME


def _check_name(field: str, name: object, longest: int) -> None:
    # Lone surrogates, which UTF-8 cannot carry, are not printable either.
    if not isinstance(name, str) or not 0 < len(name) <= longest or not name.isprintable():
        raise RunRefused(
            f"{field} of the run file is {_shown(name)}; it must be 1 to {longest} printable "
            "characters"
        )


def _check_cells(run: Run) -> None:
    categories: dict[str, set[str]] = {}
    for trial in run.trials:
        categories.setdefault(trial.case.set, set()).add(trial.case.category)
    if len(categories) > MOST_SETS:
        raise RunRefused(f"the run file has {len(categories)} sets; a run may have {MOST_SETS}")
    for name, found in categories.items():
        if len(found) > MOST_CATEGORIES:
            raise RunRefused(
                f"set {_shown(name)} of the run file has {len(found)} categories; a set may have "
                f"{MOST_CATEGORIES}"
            )


def _numbers(run: Run, latest: float) -> Iterator[tuple[str, object, float, float]]:
    yield "created", run.header.created, 1.0, latest
    for trial in run.trials:
        yield "asked_at", trial.asked_at, 0.0, latest
        yield "latency_seconds", trial.latency_seconds, 0.0, latest
        yield "asked_at + latency_seconds", trial.asked_at + trial.latency_seconds, 0.0, latest


def _check_number(field: str, value: object, *, least: float, most: float) -> None:
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not math.isfinite(_float(value)) or not least <= _float(value) <= most:
        raise RunRefused(
            f"{field} of the run file is {_shown(value)}; it must be a number from {least:g} to "
            f"{most:.0f}"
        )


def _float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _check_target(run: Run) -> None:
    try:
        json.dumps(run.header.target, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as problem:
        raise RunRefused(
            f"target of the run file is {_shown(run.header.target)}; it must be JSON whose numbers "
            "are finite and whose text UTF-8 can carry"
        ) from problem


def _shown(value: object) -> str:
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:40]}…"
