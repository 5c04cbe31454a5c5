from __future__ import annotations

import json
from pathlib import Path

import pytest

from classifiers.corpus.coconot import LABELS, digest_of, labelled_rows, main

SET = Path(__file__).parents[3] / "shared" / "data" / "labelled" / "coconot_pref.jsonl"


def test_a_reply_without_a_label_is_left_out():
    line = json.dumps({"prompt": "How are you?", "response": "Written for this test."})
    assert list(labelled_rows([line])) == []


def test_no_reply_has_two_labels():
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    digests = [digest for own in labels.values() for digest in own]
    assert len(digests) == len(set(digests))
    assert set(labels) <= {"compliance", "direct_refusal", "indirect_refusal", "partial_refusal"}


@pytest.mark.skipif(not SET.is_file(), reason="needs CoCoNot's preference split")
def test_every_label_finds_its_reply_and_both_layouts_give_the_same_rows():
    lines = SET.read_text(encoding="utf-8").splitlines()
    found = list(labelled_rows(lines))
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    wanted = {digest for own in labels.values() for digest in own}
    assert {digest_of(row["response"]) for row in found} == wanted
    row = json.loads(lines[0])
    paired = {
        "prompt": row["prompt"],
        "chosen": [{"role": "assistant", "content": row["response"]}],
        "rejected": "Nothing that is known.",
    }
    assert list(labelled_rows([json.dumps(paired)])) == found[:1]


def test_a_file_that_is_something_else_ends_on_one_line(tmp_path, capsys):
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "no prompt"}\nnot JSON\n', encoding="utf-8")
    assert main([str(other)]) == 2
    assert "is not CoCoNot's preference split" in capsys.readouterr().err
    other.write_text('{"prompt": "p", "response": "r"}\n', encoding="utf-8")
    assert main([str(other)]) == 2
    assert "has a label here" in capsys.readouterr().err
