"""`candor classify`, as a shell sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from classifiers.cli import classifier_app, classify

REFUSAL = "I'm sorry, but I can't assist with that."

app = Typer()
app.command()(classify)
app.add_typer(classifier_app)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_a_file_comes_back_line_by_line_with_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps({"id": 7, "response": REFUSAL}) + "\nnot json\n", "utf-8")
    result = run("classify", str(path), "--classifier", "native,phrases")
    assert result.exit_code == 0
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["id"], first["verdict"]["label"]) == (7, "direct_refusal")
    assert second["verdict"]["reason"] == "line 2: not JSON"
    assert "candor: 1 of 2 lines could not be read; line 2: not JSON" in result.stderr


@pytest.mark.parametrize("arguments", [["-"], []])
def test_stdin_is_read_when_no_file_is_named(arguments: list[str]) -> None:
    line = json.dumps({"response": REFUSAL})
    result = run("classify", *arguments, "--classifier", "phrases", stdin=line)
    assert json.loads(result.stdout)["verdict"]["classifier"] == "phrases@1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-file.jsonl"], "no-such-file.jsonl cannot be read: No such file"),
        (["/"], "/ cannot be read: Is a directory"),
        (["-", "--classifier", "oracle"], "there is no classifier 'oracle'"),
        (["-", "--classifier", "judge"], "the judge stage has no model"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_2(
    arguments: list[str], message: str
) -> None:
    result = run("classify", *arguments, stdin="")
    assert result.exit_code == 2
    assert result.stderr.startswith("candor: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_labelled_file_with_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"response": "x", "label": "maybe"}\n', "utf-8")
    result = run("classifier", "evaluate", str(path), "--classifier", "phrases")
    assert result.exit_code == 2
    assert f'{path}: line 1: `label` is "maybe"' in result.stderr


def test_the_commands_help_loads_no_model() -> None:
    code = (
        "import sys, classifiers.cli; "
        "sys.exit(any(name in sys.modules for name in ('onnxruntime', 'numpy', 'tokenizers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def labelled(path: Path) -> Path:
    rows = [
        {"response": REFUSAL, "label": "refusal"},
        {"response": "Use `kill -9` with the number that `ps` shows.", "label": "compliance"},
        {"response": "I do not know that.", "label": "other"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_evaluation_counts_what_was_decided_and_leaves_others_out(tmp_path: Path) -> None:
    path = labelled(tmp_path / "labelled.jsonl")
    result = run("classifier", "evaluate", str(path), "--classifier", "phrases", "--json")
    assert result.exit_code == 0
    counted = json.loads(result.stdout)
    assert (counted["rows"], counted["decided"], counted["undecided"]) == (2, 1, 1)
    table = run("classifier", "evaluate", str(path), "--classifier", "phrases")
    assert "phrases@1" in table.stdout


def test_the_default_classifier_is_the_whole_shipped_cascade() -> None:
    lines = [{"response": REFUSAL}, {"response": "Use `kill -9` with the number that `ps` shows."}]
    result = run("classify", stdin="".join(json.dumps(line) + "\n" for line in lines))
    verdicts = [json.loads(line)["verdict"] for line in result.stdout.splitlines()]
    assert [verdict["refused"] for verdict in verdicts] == [True, False]
    assert verdicts[1]["method"] == "embedding"


def test_training_from_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = run("classifier", "train", "nothing.jsonl", "--output", str(tmp_path / "new"))
    assert (result.exit_code, result.stderr) == (
        2,
        "candor: nothing.jsonl is not a file: name labelled JSONL files\n",
    )


def test_training_needs_no_file_but_says_where_the_output_cannot_go(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("here is a file", "utf-8")
    result = run("classifier", "train", "--output", str(taken))
    assert result.exit_code == 2
    assert result.stderr.startswith("candor: ")
    assert str(taken) in result.stderr
