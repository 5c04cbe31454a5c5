"""Which probe sets of a configuration can be asked from here: known ones, and those still to pull.

Apart from the other checks, because it depends on the machine: on what was pulled into its home.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from gateway.config_tree import Settings
from probes.home import HomeProblem, candor_home, expanded

_SUFFIXES = (".csv", ".jsonl", ".tsv", ".json")


def unknown_sets(settings: Settings, home: Path | None = None) -> list[str]:
    """One line for each set that is neither shipped, published, pulled here nor a file."""
    return [line for line, unknown in _lines(settings, home) if unknown]


def absent_sets(settings: Settings, home: Path | None = None) -> list[str]:
    """One line for each set that is published and was not pulled yet: its runs fail until then."""
    return [line for line, unknown in _lines(settings, home) if not unknown]


def _lines(settings: Settings, home: Path | None) -> Iterator[tuple[str, bool]]:
    """What there is to say of each set that cannot be asked, and whether nobody knows it."""
    if not settings.probes:
        return
    # Few configurations have probes; the catalogue's imports are theirs alone.
    from probes.sets.catalog import named_sets
    from probes.sets.pulled import pulled_names
    from probes.sets.starter import STARTER_SETS

    try:
        home = home or candor_home()
    except HomeProblem:  # whoever serves says so
        return
    known, here = list(named_sets(home)), {*STARTER_SETS, *pulled_names(home)}
    for position, probe in enumerate(settings.probes):
        for place, name in enumerate(probe.sets):
            where = f"probes[{position}].sets[{place}]"
            if name in here or expanded(Path(name)).is_file():
                continue
            if name in known:
                yield f"{where}: {name} is not here yet; run `candor probe pull {name}`", False
            elif name.lower().endswith(_SUFFIXES):
                yield f"{where}: there is no file {name}; its runs fail until there is one", False
            else:
                close = get_close_matches(name, known, n=1)
                remedy = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
                yield f"{where}: there is no set {name!r}; {remedy}", True
