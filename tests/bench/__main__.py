"""The benchmark's command line.

    make bench                                     # everything, about ten minutes
    make bench BENCH_ARGS='--quick'                # a look, about a minute
    make bench BENCH_ARGS='--only small,latency'
    make bench BENCH_ARGS='--only classifier'      # verdicts instead of the gateway
    make bench BENCH_ARGS='--only probes'          # runs, rescoring and reports
    make bench BENCH_ARGS='--litellm PYTHON'       # with LiteLLM's proxy from that environment

Method and table: docs/benchmarks.md. Exit code 0 when every measured figure reaches its goal, else
1, which --no-judge turns off.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import probes_part, report, scoring_report
from tests.bench.load import LoadProblem
from tests.bench.machine import raise_file_limit, split_cores
from tests.bench.probes_part import probes
from tests.bench.rounds import Place, readings, version_of
from tests.bench.scenarios import SCENARIOS, Effort
from tests.bench.scoring import Scoring, scoring
from tests.bench.standing import at_rest, endurance, imports
from tests.bench.targets import NotMeasured

CLASSIFIER, PROBES = "classifier", "probes"
APART = {CLASSIFIER, PROBES}
"""What is measured without the gateway."""
PARTS = (*(scenario.name for scenario in SCENARIOS), "rest", "imports", "endurance", *sorted(APART))
QUICK = Effort(
    rounds=2, slow_rounds=1, seconds=1.0, starts=2, many=200, many_seconds=5.0, replies=24
)
ELEVATION = 15
AUTOGROUP = Path("/proc/self/autogroup")
NEEDED = ("nginx", "wrk")


def main() -> None:
    """Measures and prints."""
    asked = _asked()
    gateway = bool(set(asked.only) - APART)
    for program in NEEDED if gateway else ():
        if shutil.which(program) is None:
            sys.exit(f"{program} is not on this machine; apt-get install {program} brings it")
    if asked.elevated:
        _elevate()
    cores = split_cores()
    os.sched_setaffinity(0, cores.rest)
    raise_file_limit()
    place = Place(cores, asked.litellm)
    try:
        found = _measured(place, asked) if gateway else None
        judged = scoring(cores.every, asked.effort) if CLASSIFIER in asked.only else None
        probed = probes(cores.every, asked.effort) if PROBES in asked.only else None
    except (LoadProblem, NotMeasured) as problem:
        sys.exit(f"no figures: {problem}")
    _show(place, asked, Found(found, judged, probed))
    goals = report.goals(found) if found else []
    goals += scoring_report.goals(judged) if judged else []
    goals += probes_part.goals(probed) if probed else []
    if not asked.no_judge and any(goal.reached is False for goal in goals):
        sys.exit(1)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What each part found; None where it was not asked for."""

    gateway: report.Measured | None
    judged: Scoring | None
    probed: probes_part.Probes | None


def _show(place: Place, asked: argparse.Namespace, found: Found) -> None:
    """Prints, and puts the tables of what was measured into the page, each part at its place."""
    titles = {scenario.name: scenario.title for scenario in SCENARIOS}
    parts, tree = {}, {}
    ground = _surroundings(place, asked.effort, programs=False)
    if found.gateway:
        parts[report.BEGIN, report.END] = report.markdown(found.gateway, titles)
        tree = report.as_json(found.gateway)
    if found.judged:
        parts[scoring_report.MARKS] = scoring_report.markdown(found.judged, ground)
        tree[CLASSIFIER] = scoring_report.as_json(found.judged)
    if found.probed:
        parts[probes_part.MARKS] = probes_part.markdown(found.probed, ground)
        tree[PROBES] = probes_part.as_json(found.probed)
    print(json.dumps(tree, indent=1) if asked.json else "\n".join(parts.values()))
    if asked.write:
        page = asked.write.read_text()
        for marks, tables in parts.items():
            page = report.put_into(page, tables, marks)
        asked.write.write_text(page)


def _elevate() -> None:
    """Everything of the benchmark before everything else on the machine; needs root.

    Linux weighs sessions before processes (sched(7), the autogroup), so this begins again in a
    session of its own and raises that.
    """
    if os.getsid(0) != os.getpid():
        again = [sys.executable, "-m", "tests.bench", *sys.argv[1:]]
        sys.exit(subprocess.call(again, start_new_session=True))
    try:
        os.nice(-ELEVATION)
        if AUTOGROUP.exists():
            AUTOGROUP.write_text(f"{-ELEVATION}")
    except PermissionError:
        sys.exit("--elevated needs the right to raise a priority: run it as root")


def _measured(place: Place, asked: argparse.Namespace) -> report.Measured:
    effort: Effort = asked.effort
    names = [name for name in asked.targets if name != "litellm" or place.litellm]
    found = report.Measured(_surroundings(place, effort))
    if "litellm" not in names:
        found.not_measured.append("LiteLLM's proxy (--litellm PYTHON of its environment)")
    for scenario in SCENARIOS:
        if scenario.name in asked.only:
            found.rounds[scenario.name] = readings(scenario, names, place, effort)
    if "rest" in asked.only:
        found.standing = at_rest(names, place, effort)
    if "imports" in asked.only:
        found.imports_litellm = imports("litellm", place)
    if "endurance" in asked.only:
        found.endurance = endurance(place, effort)
    return found


def _surroundings(place: Place, effort: Effort, *, programs: bool = True) -> dict[str, str]:
    load = os.getloadavg()[0]
    litellm = place.litellm
    asking = "import importlib.metadata as m; print(m.version('litellm'))"
    said = {
        "measured": time.strftime("%Y-%m-%d"),
        "cores": _cores(place, programs),
        "load before": f"{load:.1f}",
        "priority": "raised" if os.nice(0) < 0 else "",
        "rounds": str(effort.rounds),
        "Python": platform.python_version(),
        "nginx": version_of(["nginx", "-v"]).rpartition("/")[2] if programs else "",
        "LiteLLM": version_of([str(litellm), "-c", asking]) if litellm and programs else "",
    }
    return {key: value for key, value in said.items() if value}


def _cores(place: Place, programs: bool) -> str:
    if not programs:
        return str(len(place.cores.every))
    return f"{os.cpu_count()} ({'target apart' if place.cores.apart else 'SHARED'})"


def _asked() -> argparse.Namespace:
    """The command line; ``effort`` is put together of its options."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure, paired, in one run.")
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    parser.add_argument("--rounds", type=int, help="rounds of every scenario")
    parser.add_argument("--slow-rounds", type=int, help="rounds that LiteLLM takes part in")
    parser.add_argument("--seconds", type=float, help="length of a slot")
    parser.add_argument("--many", type=int, help="concurrent streams of the endurance run")
    parser.add_argument("--many-seconds", type=float, help="how long these last")
    parser.add_argument("--starts", type=int, help="starts of each target")
    parser.add_argument("--replies", type=int, help="replies in a round of the classifier's part")
    parser.add_argument("--seed", type=int, help="of the order within rounds")
    parser.add_argument("--only", type=_list(PARTS), default=PARTS, help=",".join(PARTS))
    every = ("direct", "nginx", "candor", "litellm")
    parser.add_argument("--targets", type=_list(every), default=every, help=",".join(every))
    parser.add_argument("--litellm", type=Path, metavar="PYTHON", help="of LiteLLM's environment")
    parser.add_argument("--elevated", action="store_true", help="at a raised priority; needs root")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument("--markdown", action="store_true", help="the tables, as without --json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page")
    parser.add_argument("--no-judge", action="store_true", help="exit 0 whatever was measured")
    asked = parser.parse_args()
    base = QUICK if asked.quick else Effort()
    changes = {
        name: value
        for name in Effort.__dataclass_fields__
        if (value := getattr(asked, name, None)) is not None
    }
    asked.effort = dataclasses.replace(base, **changes)
    return asked


def _list(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Reads a list of known names, separated by commas."""

    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := set(found) - set(known):
            raise argparse.ArgumentTypeError(f"{unknown.pop()} is none of {', '.join(known)}")
        return found

    return names


if __name__ == "__main__":
    main()
