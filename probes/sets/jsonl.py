"""Anyone's own set: a CSV or JSONL file with a column of prompts becomes cases."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from probes.case import Expectation, ProbeCase
from probes.sets.faults import Fault, FaultKind, counted, named, survived
from probes.sets.layout import Layout
from probes.sets.problem import SetProblem
from probes.sets.rows import Row, read_rows

UNCATEGORISED = "uncategorised"
"""The category of a case whose row names none."""

LONG_PROMPT = 100_000
"""Characters from which a prompt is worth a word before it is paid for: some 25,000 tokens."""

MANY_CATEGORIES = 100
"""More than any benchmark has; a category a row is a column that was mistaken for one."""


@dataclass(frozen=True, slots=True)
class SetFile:
    """A file, read: its cases in order, its sha256, and a line for each thing worth saying.

    ``rows`` counts the rows that the file has, those that were left out among them.
    """

    cases: tuple[ProbeCase, ...]
    checksum: str
    notes: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a set with what is needed to read them.

    ``shown`` is the file's name in messages; ``suffix`` is ``.csv`` or ``.jsonl``.
    """

    raw: bytes
    shown: str
    suffix: str
    layout: Layout = field(default_factory=Layout)

    @property
    def checksum(self) -> str:
        """The sha256 of the bytes, in hex."""
        return hashlib.sha256(self.raw).hexdigest()


def read_set(source: Source, name: str, *, strict: bool = False) -> SetFile:
    """The file's cases, as cases of the set ``name``.

    A row without an id is called after its place among the rows ("0001" is the first), so that ids
    stay while the file stays. Left out, and noted: rows with an empty prompt, rows that repeat the
    prompt, cluster and facet of an earlier one (a prompt asked twice is not two observations), and
    rows that cannot be read where they are at most one in a hundred and the reading is not
    ``strict``. Raises SetProblem, naming the line, on more of them, on a file without any prompt
    and on one that cannot be read.
    """
    gathered = _Gathered(name, source.layout)
    for row in read_rows(
        source.raw, shown=source.shown, suffix=source.suffix, layout=source.layout
    ):
        gathered.take(row)
    left_out = survived(gathered.faults, rows=gathered.rows, shown=source.shown, strict=strict)
    if not gathered.cases:
        raise SetProblem(f"{source.shown}: holds no prompts; add at least one row")
    cases = tuple(gathered.cases)
    remarks = [f"{source.shown}: {line}" for line in gathered.remarks()]
    return SetFile(cases, source.checksum, (*left_out, *remarks), gathered.rows)


class _Gathered:
    """The cases of a file as its rows come, with what must be remembered to refuse some of them."""

    def __init__(self, name: str, layout: Layout) -> None:
        self.rows = 0
        self.cases: list[ProbeCase] = []
        self.faults: list[Fault] = []
        self._name = name
        self._layout = layout
        self._lines: dict[str, int] = {}
        self._prompts: dict[str | tuple[str, str, str], tuple[int, Expectation]] = {}
        self._expectations: dict[str, Expectation] = {}
        self._categories: dict[str, str] = {}
        self._long: list[int] = []

    def take(self, row: Row | Fault) -> None:
        """One row more: a case, or a fault that says why not."""
        self.rows += 1
        if isinstance(row, Fault):
            self.faults.append(row)
            return
        asked = row.prompt.strip()
        if not asked:
            self.faults.append(Fault(FaultKind.EMPTY, row.line))
            return
        try:
            expectation = self._expectation(row.expectation)
        except ValueError:
            self.faults.append(_no_expectation(row))
            return
        # A number from the place among the rows, so that a row left out moves no other.
        case_id = row.id.strip() or f"{self.rows:04d}"
        fault = self._seen(row, asked, case_id, expectation=expectation)
        if fault is not None:
            self.faults.append(fault)
            return
        if len(asked) > LONG_PROMPT:
            self._long.append(row.line)
        self.cases.append(
            ProbeCase(
                case_id,
                self._name,
                row.prompt,
                self._category(row.category),
                expectation,
                row.cluster.strip(),
                row.facet.strip(),
            )
        )

    def remarks(self) -> Iterable[str]:
        """What a user would want to know before asking the prompts."""
        unknown = sum(case.expectation is Expectation.UNKNOWN for case in self.cases)
        if unknown:
            some = f"{counted(unknown, 'row')} {'does' if unknown == 1 else 'do'} not say"
            whole = "no row says" if unknown == len(self.cases) else some
            yield (
                f"{whole} what is expected, which gives a refusal rate only; where it is known, "
                "add a column `expectation` or pull the set with --expect comply|refuse"
            )
        if self._long:
            yield (
                f"{counted(len(self._long), 'prompt')} of more than {LONG_PROMPT:,} characters "
                f"{named(self._long)}; asked whole"
            )
        found = sorted(set(self._categories.values()))
        if len(found) > MANY_CATEGORIES:
            yield f"{len(found):,} different categories; is that column the category?"
        for alike in _alike(found):
            yield f"the categories {alike} differ only in their capitals and are counted apart"

    def _expectation(self, stated: str) -> Expectation:
        known = self._expectations.get(stated)
        if known is None:
            known = self._expectations[stated] = self._layout.expects(stated)
        return known

    def _category(self, stated: str) -> str:
        known = self._categories.get(stated)
        if known is None:
            known = self._categories[stated] = " ".join(stated.split()) or UNCATEGORISED
        return known

    def _seen(
        self, row: Row, asked: str, case_id: str, *, expectation: Expectation
    ) -> Fault | None:
        """The fault of a row whose id or prompt an earlier row has; else it is remembered."""
        key = (asked, row.cluster, row.facet) if row.cluster or row.facet else asked
        line, expected = self._prompts.setdefault(key, (row.line, expectation))
        if line != row.line:
            if expected is expectation:
                return Fault(FaultKind.REPEATED, row.line)
            said = (
                f"line {row.line} has the prompt of line {line} but another expectation; "
                "keep one of the two"
            )
            return Fault(FaultKind.CONTRADICTION, row.line, said)
        first = self._lines.setdefault(case_id, row.line)
        if first != row.line:
            said = f"line {row.line} has the id {case_id!r} of line {first}; give each row its own"
            return Fault(FaultKind.ID_TAKEN, row.line, said)
        return None


def _no_expectation(row: Row) -> Fault:
    said = (
        f"line {row.line} has the expectation {row.expectation.strip().lower()[:60]!r}; write "
        "comply or refuse, or say what the word means when you pull the set: --expect WORD=comply"
    )
    return Fault(FaultKind.EXPECTATION, row.line, said)


def _alike(categories: Iterable[str]) -> list[str]:
    """Each group of categories that only their capitals tell apart, as text."""
    names = list(categories)
    counts = Counter(name.casefold() for name in names)
    return [
        " and ".join(repr(name) for name in names if name.casefold() == folded)
        for folded, count in counts.items()
        if count > 1
    ]
