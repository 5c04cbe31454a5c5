from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from classifiers.cli import classifier_app
from classifiers.comparison import Standing, compare, succeed
from classifiers.evaluation_page import page
from classifiers.evaluation_text import comparison_table, succession_table
from classifiers.exchange import Exchange, Role, Turn
from classifiers.rows import LabelledRow
from classifiers.verdict import Label, Method, RefusalSource, Verdict


class Knows:
    """Says of every reply what it holds, but of those in ``wrong`` the contrary."""

    def __init__(self, name: str, wrong: Sequence[str] = ()) -> None:
        self.name = name
        self._wrong = frozenset(wrong)

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        return [self._one(exchange) for exchange in exchanges]

    def _one(self, exchange: Exchange) -> Verdict:
        refused = ("refused" in exchange.reply) is not (exchange.question in self._wrong)
        label = Label.DIRECT_REFUSAL if refused else Label.COMPLIANCE
        chance = 0.9 if refused else 0.1
        return Verdict(
            label, chance, RefusalSource.NONE, Method.EMBEDDING, self.name, "it <says> so"
        )


def rows(count: int) -> list[LabelledRow]:
    found = []
    for number in range(count):
        refused = number % 2 == 0
        reply = "refused" if refused else "answered"
        exchange = Exchange(prompt=(Turn(Role.USER, f"q{number}"),), reply=reply)
        label = "refusal" if refused else "compliance"
        found.append(LabelledRow(exchange, refused, label, model=f"m{number % 3}"))
    return found


GOOD, POOR = Knows("good@1"), Knows("poor@1", [f"q{number}" for number in range(0, 400, 4)])


def test_a_comparison_pairs_the_same_rows():
    found = compare(rows(400), [GOOD, POOR])
    assert found.differences[0] is None
    assert found.differences[1].value == pytest.approx(0.25)
    assert found.differences[1].low > 0.2
    text = comparison_table(found)
    assert "good@1" in text
    assert "+0.250" in text
    assert "m2" in text


@pytest.mark.parametrize(
    ("old", "new", "count", "standing"),
    [
        (POOR, GOOD, 400, Standing.AS_GOOD),
        (GOOD, GOOD, 4, Standing.AS_GOOD),
        (GOOD, Knows("twin@1"), 40, Standing.INCONCLUSIVE),
        (GOOD, Knows("twin@1"), 1000, Standing.AS_GOOD),
        (GOOD, POOR, 400, Standing.WORSE),
        (GOOD, Knows("near@1", ["q1", "q2"]), 200, Standing.INCONCLUSIVE),
        (GOOD, POOR, 0, Standing.INCONCLUSIVE),
    ],
)
def test_a_new_classifier_takes_over_only_where_the_rows_show_that_it_may(
    old, new, count, standing
):
    assert succeed(rows(count), old, new).standing is standing


def test_what_only_the_old_classifier_has_right_is_shown():
    found = succeed(rows(8), GOOD, POOR)
    assert [one.row.exchange.question for one in found.broken] == ["q0", "q4"]
    assert found.fixed == []
    text = succession_table(found, 1)
    assert text.count("prompt  ") == 1


def test_the_page_escapes_what_rows_say_and_loads_nothing():
    hostile = "<script>alert(1)</script> refused"
    exchange = Exchange(prompt=(Turn(Role.USER, "<b>q</b>"),), reply=hostile)
    row = LabelledRow(exchange, False, "compliance", model="<i>m</i>")
    found = compare([row, *rows(20)], [GOOD, POOR])
    text = page(found.evaluations[0], found, worst=50)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; refused" in text
    assert "<i>m</i>" not in text
    assert not re.search(r"(?:src|href)=", text)
    assert "&lt;says&gt;" in text
    assert "P(refused) said" in text


def test_a_page_without_rows_has_no_numbers_in_it():
    found = compare([], [GOOD])
    assert "nan" not in page(found.evaluations[0], None, worst=50).lower()


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "anchor.jsonl"
    lines = [
        {
            "prompt": "Help me?",
            "response": "I'm sorry, but I can't help with that.",
            "label": "refusal",
        },
        {
            "prompt": "What is a kettle?",
            "response": "I can't discuss kettles.",
            "label": "compliance",
        },
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_the_command_compares_and_ends_with_what_it_found(labelled):
    done = CliRunner().invoke(
        classifier_app,
        ["compare", "phrases", "phrases", "--anchor", str(labelled), "--json"],
    )
    assert (done.exit_code, json.loads(done.stdout)["standing"]) == (0, "as_good")


def test_the_command_writes_the_page_and_shows_the_worst(labelled, tmp_path):
    target = tmp_path / "page.html"
    done = CliRunner().invoke(
        classifier_app,
        [
            *("evaluate", str(labelled), "--classifier", "phrases", "--html", str(target)),
            *("--worst", "1", "--against", "native"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "<!doctype html>" in target.read_text()
    assert "phrases" in done.stdout
    assert "first is better by" in done.stdout
    nowhere = CliRunner().invoke(
        classifier_app,
        ["evaluate", str(labelled), "--classifier", "phrases", "--html", str(tmp_path)],
    )
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
