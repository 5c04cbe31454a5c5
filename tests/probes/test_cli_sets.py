import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from probes import sets_cli
from probes.sets.homes import PUBLISHED_SETS
from tests.probes.dataset_home import Page, home_of
from tests.probes.or_bench_files import or_bench
from tests.services import free_port


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
    assert " ".join(heading.split()) == "set rows expectation here licence sha256 revision origin"
    assert lines[0].split()[:5] == ["starter-hard", "240", "comply", "yes", "Apache-2.0"]
    hard = " ".join(lines[2].split())
    assert hard.startswith("or-bench-hard 1,319 comply no CC-BY-4.0 a6e2f1166416 ")
    assert lines[4].split()[:6] == [
        "or-bench-80k",
        "80,359",
        "comply",
        "no",
        "CC-BY-4.0",
        "unknown",
    ]
    assert " d7bb5bd738c1 " in lines[5]
    assert lines[6].startswith("not here: or-bench-hard, or-bench-toxic, or-bench-80k, xstest;")
    assert "`candor probe pull NAME`" in lines[6]


def test_sets_as_json_is_one_document_with_whole_checksums(run) -> None:
    rows = json.loads(run("sets", "--json").stdout)["sets"]

    assert [row["name"] for row in rows][:2] == ["starter-hard", "starter-toxic"]
    assert all(len(row["checksum"]) in (0, 64) for row in rows)
    assert [row["name"] for row in rows if not row["checksum_published"]] == ["or-bench-80k"]
    assert rows[3]["pull"] == "candor probe pull or-bench-toxic"
    assert len(rows[3]["revision"]) == 40


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
        ("pull", "ours", "--from", str(wrong), "--column", "question"),
        ("pull", "ours", "--from", str(wrong), "--column", "prompt=q"),
        ("pull", "ours", "--from", str(wrong), "--expect", "yes"),
        ("pull", "or-bench-hard", "--from", str(wrong), "--expect", "comply"),
        ("sets", "nothing"),
    ):
        result = run(*arguments)

        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("candor: ")
        assert result.stderr.count("\n") == 1


def test_an_unreachable_public_home_is_exit_code_4_and_names_the_remedy(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}/")

    result = run("pull", "or-bench-hard")

    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert "connection refused" in result.stderr
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
    assert "mine: 2 rows, 1 of them asked, sha256" in pulled.stdout
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
    for name in ("starter-hard", "starter-toxic", "or-bench-hard", "or-bench-toxic", "xstest"):
        assert f"{name} " in shown


def test_a_file_with_columns_of_its_own_is_pulled_with_a_mapping(run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("question,topic,label\nWhy?,birds,safe\nHow?,bees,unsafe\n")
    options = ("--column", "prompt=question", "--column", "category=topic")
    words = (
        "--column",
        "expectation=label",
        "--expect",
        "safe=comply",
        "--expect",
        "unsafe=refuse",
    )

    pulled = run("pull", "mine", "--from", str(mine), *options, *words)
    shown = run("sets", "mine").stdout

    assert pulled.exit_code == 0
    assert "mine: 2 rows" in pulled.stdout
    assert "read as   prompt=question, category=topic, expectation=label, safe=comply" in shown
    assert "(the file and how it is read)" in shown
    assert "birds           1        0" in shown


def test_one_set_is_shown_with_what_one_would_ask_before_paying(run) -> None:
    result = run("sets", "starter-toxic", "--rows", "1")

    assert result.exit_code == 0
    for wanted in ("licence   Apache-2.0", "expects   refuse", "tokens of prompts", "deception"):
        assert wanted in result.stdout
    assert sum(line.startswith("  deception-") for line in result.stdout.splitlines()) == 1


def test_a_set_that_is_not_here_says_how_to_bring_it(run) -> None:
    result = run("sets", "xstest")

    assert "not here: bring it with `candor probe pull xstest`" in result.stdout
    assert "Röttger" in result.stdout


def test_one_set_as_json_holds_its_first_prompts_whole(run) -> None:
    row = json.loads(run("sets", "starter-hard", "--rows", "4", "--json").stdout)

    assert len(row["first"]) == 4
    assert sum(size["prompts"] for size in row["categories"]) == 240


def test_a_mirror_is_asked_with_the_token_and_the_pinned_address(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(or_bench("or-bench-toxic.csv").read_bytes())
    path = PUBLISHED_SETS["or-bench-toxic"].url.removeprefix("https://huggingface.co/")
    with home_of(**{path: page}) as home:
        monkeypatch.setenv("HF_ENDPOINT", home.url)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")

        result = run("pull", "or-bench-toxic")

        assert result.exit_code == 0, result.stderr
        assert home.asked[0].authorization == "Bearer hf_secret"
    assert "655 rows" in result.stdout
    assert "hf_secret" not in result.output


def test_an_address_is_pulled_like_a_file_and_gets_no_token(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with home_of(mine__jsonl=Page(b'{"prompt": "Why?"}\n')) as home:
        result = run("pull", "mine", "--from", f"{home.url}/mine.jsonl", "--expect", "comply")

        assert result.exit_code == 0, result.stderr
        assert home.asked[0].authorization == ""
    assert "mine: 1 row, sha256" in result.stdout


def test_on_a_terminal_a_download_is_watched_on_stderr(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    ours, theirs = pty.openpty()
    code = "import typer; from probes.sets_cli import pull; typer.run(pull)"
    rows = "".join(f"What is {place}?\n" for place in range(20_000))
    with home_of(mine__csv=Page(f"prompt\n{rows}".encode())) as home:
        done = subprocess.run(
            [sys.executable, "-c", code, "mine", "--from", f"{home.url}/mine.csv"],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=os.environ | {"CANDOR_HOME": str(tmp_path), "COLUMNS": "100", "TERM": "xterm"},
            cwd=Path(__file__).resolve().parents[2],
            timeout=60,
            check=False,
        )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(65536).decode()

    assert done.returncode == 0
    assert b"20,000 rows" in done.stdout
    assert "MB" in shown or "kB" in shown
