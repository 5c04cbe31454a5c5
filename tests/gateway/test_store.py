"""The store: what is kept once, what is counted with it, and what is deleted."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from structlog.testing import capture_logs

from classifiers.verdict import Label, RefusalSource
from gateway.store import (
    ClassifierRecord,
    ExchangeOutcome,
    RunCount,
    RunRateRecord,
    RunRecord,
    ScoringTime,
    Store,
    StoreProblem,
    VerdictTally,
)
from gateway.store.engine import begun, opened, resolved
from gateway.store.schema import HEAD, MIGRATIONS, migrate, upgrade
from gateway.store.tables import metadata
from tests.gateway.calls import record
from tests.services import ROOT


@pytest.fixture
def store(tmp_path: Path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


def rate(set_name: str = "starter-hard", *, hits: int = 1, decided: int = 10) -> RunRateRecord:
    value = hits / decided if decided else None
    bounds = (0.01, 0.4) if decided else (None, None)
    kept = RunRateRecord(set_name, "over_refusal", "all", hits, decided, 0, 0, value, *bounds)
    return replace(kept, errors=0 if decided else 10)


def run(run_id: str, *, started: float = 1000.0, rates=None, deployment: str = "prod") -> RunRecord:
    return RunRecord(
        run_id=run_id,
        deployment=deployment,
        target={"model": "m"},
        classifier="cascade",
        started_at=started,
        finished_at=started + 10,
        posted_at=started + 20,
        trials=10,
        decided=10,
        rates=(rate(),) if rates is None else rates,
    )


def test_an_exchange_comes_back_as_it_was_kept(store):
    kept = record(
        "c1",
        label=Label.PARTIAL_REFUSAL,
        status=200,
        first_byte_seconds=0.1,
        model="m-1",
        ending="complete",
        prompt=(("system", "Be kind."), ("user", "Wie geht's? 你好")),
        reasoning="thinking",
        signals=({"kind": "k", "source": "native_refusal", "detail": "d"},),
        input_tokens=3,
        output_tokens=5,
    )
    store.record([kept])
    assert store.latest_exchanges() == [kept]


def test_a_capture_is_kept_and_counted_once_however_often_it_is_recorded(store):
    once = record("c1", label=Label.DIRECT_REFUSAL)
    assert store.record([once, once, record("c2")]) == 2
    assert store.record([once]) == 0
    assert len(store.latest_exchanges()) == 2
    assert {(t.label, t.count) for t in store.verdict_tallies()} == {
        (Label.DIRECT_REFUSAL, 1),
        (Label.COMPLIANCE, 1),
    }
    [captures] = store.capture_tallies()
    assert (captures.outcome, captures.count) == ("scored", 2)


def test_an_error_is_kept_without_a_verdict_and_a_failure_is_counted_apart(store):
    failed = replace(record("c2", label=None), outcome=ExchangeOutcome.FAILED)
    store.record([record("c1", label=None), failed])
    assert store.verdict_tallies() == []
    assert {(t.outcome, t.count) for t in store.capture_tallies()} == {("scored", 1), ("failed", 1)}
    assert [r.verdict for r in store.latest_exchanges()] == [None, None]


def test_undecided_verdicts_are_counted_as_undecided(store):
    store.record([record("c1", label=Label.UNDECIDED)])
    [tally] = store.verdict_tallies()
    assert (tally.label, tally.source, tally.count) == (Label.UNDECIDED, RefusalSource.NONE, 1)


def test_a_transaction_that_breaks_in_the_middle_leaves_nothing(store):
    broken = replace(record("c2"), deployment=None)  # NOT NULL
    with pytest.raises(StoreProblem):
        store.record([record("c1"), broken])
    assert store.latest_exchanges() == []
    assert store.verdict_tallies() == []


def test_text_that_utf8_has_no_bytes_for_is_kept_without_it(store):
    store.record([record("c1", reply="half a pair \ud83d", prompt=(("user", "\ud800"),))])
    assert store.latest_exchanges()[0].reply == "half a pair ?"


def test_exchanges_come_latest_first_by_deployment_and_label(store):
    store.record([record("c1"), record("c2", label=Label.DIRECT_REFUSAL)])
    store.record([record("c3", deployment="canary"), record("c4", label=None)])

    def ids(**wanted):
        return [r.capture_id for r in store.latest_exchanges(**wanted)]

    assert ids() == ["c4", "c3", "c2", "c1"]
    assert ids(deployment="prod") == ["c4", "c2", "c1"]
    assert ids(labels=["direct_refusal", "partial_refusal"]) == ["c2"]
    assert ids(limit=2) == ["c4", "c3"]


def test_retention_deletes_texts_and_leaves_tallies(store, tmp_path):
    secret = "a prompt that must be forgotten"
    old = [record(f"o{n}", reply=secret, scored_at=10.0) for n in range(2300)]
    store.record([*old, record("new", scored_at=20.0)])
    assert store.forget_exchanges_before(15.0) == 2300
    assert [r.capture_id for r in store.latest_exchanges()] == ["new"]
    assert sum(t.count for t in store.verdict_tallies()) == 2301
    store.close()
    assert secret.encode() not in (tmp_path / "candor.db").read_bytes()


def test_scoring_time_is_added_with_what_was_new_and_only_then(store):
    store.note_classifier("c@1", 1.0, buckets=3)
    took = ScoringTime("c@1", 0.5, (1, 0, 0))
    store.record([record("c1")], took)
    store.record([record("c1")], took)
    store.note_classifier("c@1", 2.0, buckets=3)
    [kept] = store.classifiers()
    assert (kept.loaded_at, kept.seconds, kept.buckets) == (2.0, 0.5, (1, 0, 0))


def test_a_run_is_kept_once_with_its_rates_and_its_verdicts(store):
    tally = VerdictTally("prod", "probe", "privacy", Label.COMPLIANCE, RefusalSource.NONE, 9)
    assert store.add_run(run("r1"), [tally]) is True
    assert store.add_run(run("r1"), [tally]) is False
    assert store.runs() == [run("r1")]
    assert store.verdict_tallies() == [tally]


def test_the_latest_runs_are_those_that_began_last_for_each_deployment_and_set(store):
    both = (rate("starter-hard"), rate("starter-toxic"))
    store.add_run(run("new", started=3000.0))
    store.add_run(run("late-post", started=2000.0, rates=both))
    store.add_run(run("other", deployment="canary"))
    found = {r.run_id: [each.set_name for each in r.rates] for r in store.latest_runs()}
    assert found == {
        "new": ["starter-hard"],
        "late-post": ["starter-toxic"],
        "other": ["starter-hard"],
    }


def test_runs_are_counted_by_whether_they_gave_a_rate(store):
    store.add_run(run("r1"))
    store.add_run(run("r2", started=2000.0))
    store.add_run(run("r3", started=3000.0, rates=(rate(hits=0, decided=0),)))
    assert sorted(store.run_counts(), key=lambda count: count.measured) == [
        RunCount("prod", "starter-hard", False, 1, 3010.0),
        RunCount("prod", "starter-hard", True, 2, 2010.0),
    ]


def test_a_store_reopened_holds_what_it_held(tmp_path):
    first = Store("sqlite:///candor.db", tmp_path)
    first.record([record("c1")])
    first.close()
    again = Store(first.url, tmp_path / "elsewhere")
    assert len(again.latest_exchanges()) == 1
    again.close()


def test_the_file_is_for_its_owner_alone(store, tmp_path):
    store.record([record("c1")])
    assert {stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:hunter2@h/db", "not in this version; use sqlite:///candor.db"),
        ("postgresql+asyncpg://u:hunter2@h/db", "not in this version"),
        ("nonsense://x", "not in this version"),
        ("no url at all", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////proc/none/candor.db", "cannot be written"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_one_line_without_its_password(url, said, tmp_path):
    with pytest.raises(StoreProblem, match=said) as raised:
        Store(url, tmp_path)
    assert "hunter2" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    (tmp_path / "candor.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreProblem, match=r"candor\.db failed: file is not a database"):
        Store("sqlite:///candor.db", tmp_path)


def test_a_store_of_a_newer_candor_is_refused_and_left_alone(tmp_path):
    Store("sqlite:///candor.db", tmp_path).close()
    with sqlite3.connect(tmp_path / "candor.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreProblem, match="another version of Candor"):
        Store("sqlite:///candor.db", tmp_path)


@pytest.mark.parametrize("make", [migrate, upgrade], ids=["made whole", "migrated"])
def test_a_new_store_has_exactly_the_declared_tables_however_it_is_made(tmp_path, make):
    engine = opened(resolved("sqlite:///candor.db", tmp_path))
    make(engine)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        ((schema,),) = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'alembic_version'"
        )
        assert "version_num VARCHAR(32) NOT NULL" in schema
    engine.dispose()


def test_a_store_of_the_first_schema_keeps_what_it_has_and_counts_on(tmp_path):
    engine = opened(resolved("sqlite:///candor.db", tmp_path))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with begun(engine, write=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO classifiers VALUES ('c@1', 1.0, 2.5, '[1, 0]')")
    engine.dispose()
    store = Store("sqlite:///candor.db", tmp_path)
    assert store.classifiers() == [ClassifierRecord("c@1", 1.0, 2.5, (1, 0))]
    store.record([record("c1")], ScoringTime("c@1", 0.5, (0, 1), truncated=1))
    assert store.classifiers() == [ClassifierRecord("c@1", 1.0, 3.0, (1, 1), 1)]
    store.close()


def test_verdicts_are_counted_by_the_stage_that_decided(store):
    undecided = record("c3", label=Label.UNDECIDED)
    store.record([record("c1"), record("c2"), undecided, record("c4", label=None)])
    decided = record("c1").verdict.method.value
    assert {(t.stage, t.count) for t in store.stage_tallies()} == {(decided, 2), ("none", 1)}


def test_the_known_head_is_the_newest_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_processes_that_open_a_new_store_at_once_all_find_it_ready(tmp_path):
    program = (
        "import sys; from pathlib import Path; from gateway.store import Store;"
        "Store('sqlite:///candor.db', Path(sys.argv[1])).capture_tallies()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    children = [
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [child.communicate(timeout=60)[1] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], said


def test_making_a_store_does_not_load_the_migration_tool_either(tmp_path):
    program = (
        "import sys; from pathlib import Path; from gateway.store import Store;"
        "Store('sqlite:///candor.db', Path(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_opening_a_ready_store_does_not_load_the_migration_tool(tmp_path):
    Store("sqlite:///candor.db", tmp_path).close()
    program = (
        "import sys; from pathlib import Path; from gateway.store import Store;"
        "Store('sqlite:///candor.db', Path(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == 0


def vanish(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def only_the_database(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("lose", [vanish, only_the_database])
def test_a_store_deleted_under_its_readers_is_made_anew_and_said_once(store, tmp_path, lose):
    other = Store("sqlite:///candor.db", tmp_path)
    store.record([record("c1")])
    assert len(other.latest_exchanges()) == 1
    lose(tmp_path / "candor.db")
    with capture_logs() as lines:
        assert store.latest_exchanges() == []
        assert store.verdict_tallies() == []
        other.record([record("c2")])
    assert [each.capture_id for each in store.latest_exchanges()] == ["c2"]
    assert stat.S_IMODE((tmp_path / "candor.db").stat().st_mode) == 0o600
    assert [line["event"] for line in lines] == ["store_replaced"] * 2
    other.close()


def test_a_store_put_in_the_place_of_another_is_read_without_what_the_other_left(store, tmp_path):
    store.record([record("old", reply="z" * 9000)])
    aside = Store("sqlite:///aside.db", tmp_path)
    aside.record([record("new")])
    aside.close()
    (tmp_path / "aside.db").rename(tmp_path / "candor.db")
    assert [each.capture_id for each in store.latest_exchanges()] == ["new"]
    store.record([record("later")])
    check = sqlite3.connect(tmp_path / "candor.db")
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("SELECT count(*) FROM exchanges").fetchone() == (2,)
    check.close()


def test_many_threads_may_find_the_store_gone_at_once(store, tmp_path):
    store.record([record("c0")])
    vanish(tmp_path / "candor.db")
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda n: store.record([record(f"n{n}")]), range(40)))
    assert new == [1] * 40
    assert len(store.latest_exchanges()) == 40
    assert store.openings == 2


def test_a_store_whose_folder_vanished_is_a_problem_until_it_is_back(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    store = Store("sqlite:///candor.db", home)
    shutil.rmtree(home)
    for _ in range(2):
        with pytest.raises(StoreProblem, match="cannot be written"):
            store.latest_exchanges()
    home.mkdir()
    assert store.latest_exchanges() == []
    store.close()
