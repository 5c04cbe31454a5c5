"""The store: every read and write of it, synchronous, for use from threads."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from classifiers.verdict import Method, Verdict
from gateway.store import rows
from gateway.store.engine import StoreProblem, begun, opened, resolved
from gateway.store.footprint import Footprint
from gateway.store.records import (
    ALL,
    CaptureTally,
    ClassifierRecord,
    ExchangeOutcome,
    ExchangeRecord,
    RunCount,
    RunRecord,
    ScoringTime,
    StageTally,
    VerdictTally,
)
from gateway.store.schema import migrate
from gateway.store.tables import (
    capture_tallies,
    classifiers,
    exchanges,
    probe_costs,
    run_rates,
    runs,
    stage_tallies,
    verdict_tallies,
)

VerdictCell = tuple[str, str, str, str, str]
"""(deployment, traffic, category, label, source)."""


class Store:
    """What is kept, in one SQLite file.

    Opening brings the schema up to date; a relative path in the URL lies under ``home``. Any
    thread may call any method; each is one transaction. Every method raises StoreProblem when the
    database fails, and then nothing of that call was written.

    Where the file was replaced or deleted meanwhile, the next call goes on with what is there now,
    or with an empty store.
    """

    def __init__(self, url: str, home: Path) -> None:
        resolved_url = resolved(url, home)
        self.url = resolved_url.render_as_string(hide_password=False)
        """Absolute: the same store wherever it is opened."""
        self.path = Path(str(resolved_url.database))
        """The file."""
        self.openings = 1
        """1, and 1 more whenever the file was opened again: it may be another, and empty."""
        self._lock = threading.Lock()
        self._log = structlog.get_logger()
        self._engine = opened(resolved_url)
        self._migrate()

    def close(self) -> None:
        """Close every connection; the store can still be used and will open new ones."""
        with self._lock:
            self._forget()

    @contextlib.contextmanager
    def begun(self, *, write: bool) -> Iterator[Connection]:
        """A transaction on the file that is there now, committed at the end of the block."""
        self.settle()
        with begun(self._engine, write=write) as connection:
            yield connection

    def settle(self) -> None:
        """Open the file that is at the path now, if it is another; every call begins with this."""
        with self._lock:
            left = self._footprint
            if not left.moved():
                return
            try:
                left.forsake()
            except OSError as problem:
                line = f"the store {self.path} cannot be written: {problem.strerror}"
                raise StoreProblem(line) from problem
            finally:
                self._forget()
            self._migrate()
            self.openings += 1
        if left.main is not None:
            self._log.warning("store_replaced", path=str(self.path))

    def _migrate(self) -> None:
        before = Footprint.before(self.path)
        migrate(self._engine)
        self._footprint = before.opened()

    def _forget(self) -> None:
        self._engine.dispose()
        self._footprint = Footprint(self.path)

    def record(self, records: Sequence[ExchangeRecord], time: ScoringTime | None = None) -> int:
        """Keep scored captures and count them, in one transaction; the number that was new.

        A capture id that is already kept changes nothing: that is what makes scoring exactly once.
        """
        with self.begun(write=True) as connection:
            new = [record for record in records if _inserted(connection, record)]
            _add_verdicts(connection, _cells(new))
            _add_stages(connection, new)
            _add_captures(connection, new)
            if new and time is not None:
                _add_time(connection, time)
        return len(new)

    def scored_among(self, capture_ids: Iterable[str]) -> set[str]:
        """Which of these captures are already kept."""
        found: set[str] = set()
        wanted = list(capture_ids)
        with self.begun(write=False) as connection:
            for start in range(0, len(wanted), 500):
                part = exchanges.c.capture_id.in_(wanted[start : start + 500])
                found.update(connection.scalars(select(exchanges.c.capture_id).where(part)))
        return found

    def forget_exchanges_before(self, moment: float) -> int:
        """Delete exchanges scored before a Unix time, in small bites; how many. Tallies stay."""
        gone = 0
        while True:
            with self.begun(write=True) as connection:
                old = select(exchanges.c.id).where(exchanges.c.scored_at < moment).limit(1000)
                bite = connection.execute(delete(exchanges).where(exchanges.c.id.in_(old)))
            gone += bite.rowcount
            if bite.rowcount < 1000:
                return gone

    def latest_exchanges(
        self,
        *,
        deployment: str | None = None,
        labels: Sequence[str] | None = None,
        limit: int = 50,
    ) -> list[ExchangeRecord]:
        """The newest first, of one deployment or of all, with one of these labels or with any."""
        query = select(exchanges).order_by(exchanges.c.id.desc()).limit(limit)
        if deployment is not None:
            query = query.where(exchanges.c.deployment == deployment)
        if labels is not None:
            query = query.where(exchanges.c.label.in_(labels))
        with self.begun(write=False) as connection:
            return [rows.exchange_of(row) for row in connection.execute(query)]

    def verdict_tallies(self) -> list[VerdictTally]:
        """Every cell that ever counted a verdict."""
        with self.begun(write=False) as connection:
            return [
                rows.verdict_tally_of(row) for row in connection.execute(select(verdict_tallies))
            ]

    def capture_tallies(self) -> list[CaptureTally]:
        """Captures scored and failed, by deployment."""
        with self.begun(write=False) as connection:
            found = connection.execute(select(capture_tallies))
            return [CaptureTally(row.deployment, row.outcome, row.total) for row in found]

    def stage_tallies(self) -> list[StageTally]:
        """Verdicts on captures, by deployment and by the stage that decided."""
        with self.begun(write=False) as connection:
            found = connection.execute(select(stage_tallies))
            return [StageTally(row.deployment, row.stage, row.total) for row in found]

    def note_classifier(self, name: str, loaded_at: float, *, buckets: int) -> None:
        """Say that a scorer has loaded this classifier; its histogram starts at 0 or goes on."""
        start = rows.classifier_row(ClassifierRecord(name, loaded_at, 0.0, (0,) * buckets))
        statement = upsert(classifiers).values(start)
        with self.begun(write=True) as connection:
            connection.execute(
                statement.on_conflict_do_update(set_={"loaded_at": statement.excluded.loaded_at})
            )

    def classifiers(self) -> list[ClassifierRecord]:
        """Every classifier that a scorer loaded, the latest first."""
        query = select(classifiers).order_by(classifiers.c.loaded_at.desc())
        with self.begun(write=False) as connection:
            return [rows.classifier_of(row) for row in connection.execute(query)]

    def add_run(
        self,
        run: RunRecord,
        tallies: Sequence[VerdictTally] = (),
        costs: Mapping[str, float] | None = None,
    ) -> bool:
        """Keep a run with its rates and count its verdicts; False, and nothing, if it is here.

        ``costs`` are what asking cost in USD, by set, as far as that is known.
        """
        with self.begun(write=True) as connection:
            here = select(runs.c.id).where(runs.c.run_id == run.run_id)
            if connection.execute(here).first() is not None:
                return False
            connection.execute(insert(runs).values(rows.run_row(run)))
            if run.rates:
                connection.execute(insert(run_rates), rows.rate_rows(run))
            _add_verdicts(connection, Counter({_cell(t): t.count for t in tallies}))
            add_costs(connection, run.deployment, costs or {})
        return True

    def probe_costs(self) -> dict[tuple[str, str], float]:
        """What probe runs cost in USD as far as that is known, by deployment and set."""
        with self.begun(write=False) as connection:
            found = connection.execute(select(probe_costs))
            return {(row.deployment, row.set_name): row.usd for row in found}

    def runs(self, *, deployment: str | None = None, limit: int = 100) -> list[RunRecord]:
        """Runs with their rates, the latest begun first."""
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit)
        if deployment is not None:
            query = query.where(runs.c.deployment == deployment)
        with self.begun(write=False) as connection:
            return _with_rates(connection, query)

    def latest_runs(self) -> list[RunRecord]:
        """The newest run of each deployment, model and set, with the rates of those sets alone.

        One deployment may serve many models, and what they did must not be mixed. Newest by its
        start, like the frontier of ``candor report``: a run that is posted late does not become
        the latest by that.
        """
        asked = (
            select(run_rates.c.run_id, run_rates.c.set_name)
            .where(run_rates.c.category == ALL)
            .distinct()
            .subquery()
        )
        place = func.row_number().over(
            partition_by=(runs.c.deployment, runs.c.model, asked.c.set_name),
            order_by=(runs.c.started_at.desc(), runs.c.run_id.desc()),
        )
        ranked = select(runs.c.run_id, asked.c.set_name, place.label("place")).join(
            asked, asked.c.run_id == runs.c.run_id
        )
        newest = ranked.subquery()
        with self.begun(write=False) as connection:
            first = select(newest.c.run_id, newest.c.set_name).where(newest.c.place == 1)
            cells = {(row.run_id, row.set_name) for row in connection.execute(first)}
            query = select(runs).where(runs.c.run_id.in_({run_id for run_id, _ in cells}))
            query = query.order_by(runs.c.started_at.desc(), runs.c.run_id.desc())
            return [
                replace(
                    run,
                    rates=tuple(r for r in run.rates if (run.run_id, r.set_name) in cells),
                )
                for run in _with_rates(connection, query)
            ]

    def run_counts(self) -> list[RunCount]:
        """How many runs each deployment and set has, by whether they gave a rate."""
        measured = (func.count(run_rates.c.value) > 0).label("measured")
        each = (
            select(runs.c.run_id, runs.c.deployment, runs.c.finished_at)
            .add_columns(run_rates.c.set_name, measured)
            .join(run_rates, run_rates.c.run_id == runs.c.run_id)
            .where(run_rates.c.category == ALL)
            .group_by(runs.c.run_id, run_rates.c.set_name)
            .subquery()
        )
        cell = (each.c.deployment, each.c.set_name, each.c.measured)
        query = select(*cell, func.count(), func.max(each.c.finished_at)).group_by(*cell)
        with self.begun(write=False) as connection:
            found = connection.execute(query).all()
            return [RunCount(row[0], row[1], bool(row[2]), row[3], row[4]) for row in found]


def _inserted(connection: Connection, record: ExchangeRecord) -> bool:
    statement = upsert(exchanges).values(rows.exchange_row(record)).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


def _cells(records: Iterable[ExchangeRecord]) -> Counter[VerdictCell]:
    return Counter(
        (r.deployment, r.traffic, r.category, r.verdict.label.value, r.verdict.source.value)
        for r in records
        if r.verdict is not None
    )


def _cell(tally: VerdictTally) -> VerdictCell:
    return (
        tally.deployment,
        tally.traffic,
        tally.category,
        tally.label.value,
        tally.source.value,
    )


def _add_verdicts(connection: Connection, cells: Counter[VerdictCell]) -> None:
    names = ("deployment", "traffic", "category", "label", "source")
    for cell, count in cells.items():
        statement = upsert(verdict_tallies).values(dict(zip(names, cell, strict=True), total=count))
        total = verdict_tallies.c.total + statement.excluded.total
        connection.execute(statement.on_conflict_do_update(set_={"total": total}))


def add_costs(connection: Connection, deployment: str, costs: Mapping[str, float]) -> None:
    """Count what probe runs of a deployment cost in USD, by set."""
    for name, usd in costs.items():
        statement = upsert(probe_costs).values(deployment=deployment, set_name=name, usd=usd)
        total = probe_costs.c.usd + statement.excluded.usd
        connection.execute(statement.on_conflict_do_update(set_={"usd": total}))


def _add_stages(connection: Connection, records: Iterable[ExchangeRecord]) -> None:
    decided = Counter((r.deployment, stage_of(r.verdict)) for r in records if r.verdict is not None)
    for (deployment, stage), count in decided.items():
        statement = upsert(stage_tallies).values(
            {"deployment": deployment, "stage": stage, "total": count}
        )
        total = stage_tallies.c.total + statement.excluded.total
        connection.execute(statement.on_conflict_do_update(set_={"total": total}))


def stage_of(verdict: Verdict) -> str:
    """The stage that decided; ``none`` where none did."""
    return (Method.NONE if verdict.refused is None else verdict.method).value


def _add_captures(connection: Connection, records: Iterable[ExchangeRecord]) -> None:
    ended = Counter(
        (r.deployment, "failed" if r.outcome is ExchangeOutcome.FAILED else "scored")
        for r in records
    )
    for (deployment, outcome), count in ended.items():
        statement = upsert(capture_tallies).values(
            {"deployment": deployment, "outcome": outcome, "total": count}
        )
        total = capture_tallies.c.total + statement.excluded.total
        connection.execute(statement.on_conflict_do_update(set_={"total": total}))


def _add_time(connection: Connection, time: ScoringTime) -> None:
    here = classifiers.c.name == time.classifier
    held = rows.classifier_of(connection.execute(select(classifiers).where(here)).one())
    before = held.buckets
    if len(before) != len(time.buckets):  # another version's bounds: its counts fit nowhere here
        before = (0,) * len(time.buckets)
    buckets = tuple(a + b for a, b in zip(before, time.buckets, strict=True))
    new = replace(
        held,
        seconds=held.seconds + time.seconds,
        buckets=buckets,
        truncated=held.truncated + time.truncated,
    )
    connection.execute(update(classifiers).where(here).values(rows.classifier_row(new)))


def _with_rates(connection: Connection, query: rows.Query) -> list[RunRecord]:
    found = connection.execute(query).all()
    ids = [row.run_id for row in found]
    rates = connection.execute(
        select(run_rates).where(run_rates.c.run_id.in_(ids)).order_by(run_rates.c.id)
    ).all()
    return [
        rows.run_of(row, [rate for rate in rates if rate.run_id == row.run_id]) for row in found
    ]
