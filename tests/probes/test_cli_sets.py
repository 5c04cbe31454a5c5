import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from probes import sets_cli
from tests.probes.or_bench_files import or_bench


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    app.command("sets")(sets_cli.sets)
    app.command("pull")(sets_cli.pull)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


def test_sets_lists_every_set_with_rows_licence_and_whether_it_is_here(run) -> None:
    result = run("sets")

    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert " ".join(heading.split()) == "set rows expectation here licence sha256 origin"
    assert lines[0].split()[:5] == ["starter-hard", "240", "comply", "yes", "Apache-2.0"]
    hard = " ".join(lines[2].split())
    assert hard.startswith("or-bench-hard 1,319 comply no CC-BY-4.0 a6e2f1166416 ")
    assert "3be45901faae*" in lines[3]
    assert lines[4].startswith("* computed from a copy")


def test_sets_as_json_is_one_document_with_whole_checksums(run) -> None:
    rows = json.loads(run("sets", "--json").stdout)["sets"]

    assert [row["name"] for row in rows][:2] == ["starter-hard", "starter-toxic"]
    assert all(len(row["checksum"]) == 64 for row in rows)
    assert rows[3]["checksum_published"] is False


def test_pull_from_a_local_file_says_what_came(run) -> None:
    result = run("pull", "or-bench-toxic", "--from", str(or_bench("or-bench-toxic.csv")))

    assert result.exit_code == 0
    assert "or-bench-toxic: 655 rows, sha256 3be45901faae, licence CC-BY-4.0" in result.stdout
    assert " yes " in run("sets").stdout.splitlines()[4]


def test_pull_as_json_is_the_entry(run) -> None:
    source = str(or_bench("or-bench-hard-1k.csv"))

    entry = json.loads(run("pull", "or-bench-hard", "--from", source, "--json").stdout)

    assert (entry["name"], entry["rows"], entry["here"]) == ("or-bench-hard", 1319, True)


def test_bad_input_is_exit_code_2_and_one_line(run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("question\nWhy?\n")
    for arguments in (
        ("pull", "or-bench-hard", "--from", str(tmp_path / "absent.csv")),
        ("pull", "or-bench-hard", "--from", str(wrong)),
        ("pull", "ours", "--from", str(wrong)),
        ("pull", "ours"),
        ("pull", "starter-hard"),
        ("pull", "../up", "--from", str(wrong)),
    ):
        result = run(*arguments)

        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("candor: ")
        assert result.stderr.count("\n") == 1


def test_an_unreachable_public_home_is_exit_code_4_and_names_the_remedy(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # nothing listens there: no network

    result = run("pull", "or-bench-hard")

    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert "--from PATH" in result.stderr


def test_a_home_that_is_a_file_is_exit_code_2_and_one_line(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path / "file"))

    result = run("sets")

    assert result.exit_code == 2
    assert "set CANDOR_HOME" in result.stderr
    assert result.stderr.count("\n") == 1


def test_rows_left_out_and_damage_are_said_on_stderr(run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("prompt\na\na\n")
    pulled = run("pull", "mine", "--from", str(mine))
    (file,) = (tmp_path / "home" / "sets" / "mine").glob("*.csv")
    file.unlink()
    listed = run("sets")

    assert "left out 1 row" in pulled.stderr
    assert "mine" in listed.stdout
    assert "damaged" in listed.stdout
    assert "run `candor probe pull mine` again" in listed.stderr


def test_on_a_terminal_the_sets_are_a_table_of_the_same_rows(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    ours, theirs = pty.openpty()
    code = "import typer; from probes.sets_cli import sets; typer.run(sets)"
    environment = os.environ | {
        "CANDOR_HOME": str(tmp_path),
        "COLUMNS": "80",
        "TERM": "xterm",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=theirs,
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        timeout=60,
        check=False,
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(65536).decode()

    assert done.returncode == 0
    for name in ("starter-hard", "starter-toxic", "or-bench-hard", "or-bench-toxic"):
        assert name in shown
