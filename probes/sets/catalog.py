"""Every set that can be named, and the way from a name or a path to its cases."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from probes.case import ProbeSet
from probes.home import expanded
from probes.sets.entry import SetEntry
from probes.sets.homes import PUBLISHED_SETS, recognise
from probes.sets.jsonl import Source, read_set
from probes.sets.named import NamedSet
from probes.sets.problem import SetProblem
from probes.sets.published import read_published
from probes.sets.pulled import OWN_LICENCE, PulledSet, pulled_names
from probes.sets.pulling import read_file
from probes.sets.rows import SUFFIXES
from probes.sets.starter import STARTER_SETS


def load_set(
    name_or_path: str, home: Path, *, note: Callable[[str], None] | None = None
) -> ProbeSet:
    """The set of that name, or the set in the .csv or .jsonl file at that path.

    A name goes before a file of the same name. A pulled copy is verified against its checksum. A
    file that is byte for byte a published set is that set, whatever it is called; any other is
    called after the file. ``note`` gets a line for each thing worth saying about a file; without
    it they go to the log as warnings. Raises SetProblem, in one line with the remedy, on everything
    else.
    """
    known = named_sets(home)
    if name_or_path in known:
        return known[name_or_path].load(home)
    path = expanded(Path(name_or_path))
    if path.suffix.lower() in SUFFIXES or path.exists():
        return _load_file(path, note or _warn)
    close = get_close_matches(name_or_path, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise SetProblem(
        f"there is no set {name_or_path!r}; {meant}known: {', '.join(known)}; "
        "or name a .csv or .jsonl file"
    )


def catalogue(home: Path) -> list[SetEntry]:
    """Every set that is shipped, published or pulled; verifies the copies that are here.

    A pulled copy that is damaged is listed as not here, with its problem.
    """
    return [one.entry(home) for one in named_sets(home).values()]


def named_sets(home: Path) -> dict[str, NamedSet]:
    """The sets by name: ours, the published ones, and those that were pulled under a name."""
    published = {one.name: PulledSet(one.name, one) for one in PUBLISHED_SETS.values()}
    own = {name: PulledSet(name, None) for name in pulled_names(home) if name not in published}
    return {**STARTER_SETS, **published, **own}


def _warn(line: str) -> None:
    logging.getLogger(__name__).warning(line)


def _load_file(path: Path, note: Callable[[str], None]) -> ProbeSet:
    raw = read_file(path)
    published = recognise(raw)
    if published is not None:
        held = read_published(published, Source(raw, str(path), ".csv"))
        origin, licence = published.origin, published.licence
        return ProbeSet(published.name, held.cases, held.checksum, origin, licence)
    name = _name_from(path)
    held = read_set(Source(raw, str(path), path.suffix.lower()), name)
    for line in held.notes:
        note(line)
    return ProbeSet(name, held.cases, held.checksum, path.name, OWN_LICENCE)


def _name_from(path: Path) -> str:
    """The file's stem, in letters that a metric's label and a header can carry."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "set"
    if name in STARTER_SETS or name in PUBLISHED_SETS:
        remedy = (
            f"bring it with `candor probe pull {name} --from {path}`"
            if name in PUBLISHED_SETS and not PUBLISHED_SETS[name].checksum
            else "rename the file"
        )
        raise SetProblem(f"{path} is named like the set {name} and is not that set; {remedy}")
    return name
