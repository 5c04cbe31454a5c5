"""The judge behind the scorer: configured by a deployment's name, its key nobody else's to read."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import pytest

from gateway.assembly import _fixed_changes
from gateway.config import ConfigProblem, hindrances, notes, settings_from
from gateway.mirror.judging import LEASE_SECONDS, SECONDS, JudgeOrder, judge_order, open_judge
from gateway.mirror.scorer import BATCH, scorer_command
from gateway.mirror.spool import LONGEST_LEASE_SECONDS, Spool
from gateway.store import Store
from probes.judge_model import AT_ONCE
from tests.gateway.calls import REFUSAL, capture, chat_reply
from tests.probes.test_judge_model import judging, reply
from tests.services import ROOT
from tests.waiting import wait_until

JUDGED = {"cascade": ["native", "phrases", "judge"], "judge": "wise"}
WISE = {
    "name": "wise",
    "model": "wise-1",
    "upstream": {"base_url": "https://judge.example/v1/", "api_key": "sk-judge"},
}


def settings(judge: dict = WISE, **classifier: object):
    tree = {"deployments": [judge], "classifier": {**JUDGED, **classifier}}
    return settings_from(tree, environ={})


def test_the_order_names_the_deployments_own_upstream():
    priced = {"input_usd_per_million": 2.0, "output_usd_per_million": 8.0}
    named = {**WISE, "upstream": {**WISE["upstream"], "model": "wise-1-large", "price": priced}}
    order = judge_order(settings(named, judge_usd_per_day=5.0))
    assert order == JudgeOrder(
        "https://judge.example/v1", "wise-1-large", "sk-judge", None, (2.0, 8.0), 1000, 5.0
    )
    assert JudgeOrder.read(order.line()) == order
    assert "sk-judge" not in repr(order)
    assert open_judge(order).name == "judge@1(wise-1-large@https://judge.example/v1)"


def test_without_the_stage_there_is_no_order_and_a_note():
    idle = settings(cascade=["native", "phrases"])
    assert judge_order(idle) is None
    assert "classifier.judge: nobody asks it; add judge to classifier.cascade" in notes(idle)


@pytest.mark.parametrize("line", [b"", b"{}\n", b"[]\n", b"null\n", b'{"price": null, "x": 1}\n'])
def test_an_order_that_is_not_whole_is_one_line(line: bytes):
    with pytest.raises(ValueError):
        JudgeOrder.read(line)


@pytest.mark.parametrize(
    ("upstream", "model", "said"),
    [
        ({"provider": "anthropic", "model": "claude"}, "m", "is reached through LiteLLM"),
        ({"base_url": "https://h/v1"}, "gpt-*", "give it upstream.model"),
        ({"base_url": "https://h/v1"}, "*", "give it upstream.model"),
        ({"base_url": "https://h/v1", "model": "openai/*"}, "m", "name one in upstream.model"),
        ({"base_url": "https://h/openai", "model": "m"}, "m", "Azure's own paths"),
    ],
)
def test_a_judge_that_cannot_be_asked_stands_in_the_way_of_serving(upstream, model, said):
    found = hindrances(settings({"name": "wise", "model": model, "upstream": upstream}))
    assert any(line.startswith("classifier.judge: 'wise'") and said in line for line in found)
    assert not [line for line in hindrances(settings()) if "judge" in line]


def test_a_cascade_with_a_judge_must_name_one():
    with pytest.raises(ConfigProblem, match="the cascade has a judge but none is named"):
        settings_from({"deployments": [WISE], "classifier": {"cascade": ["judge"]}}, environ={})


def test_the_scorer_asks_the_judge_what_no_other_stage_decides(tmp_path: Path):
    Store("sqlite:///candor.db", tmp_path).close()
    spool = Spool(tmp_path / "spool.db")
    asked = [chat_reply(REFUSAL), chat_reply("Nice weather today.")]
    spool.append([capture(f"r{n}", reply=each) for n, each in enumerate(asked)], 1.0)
    spool.close()
    command = scorer_command(
        tmp_path / "spool.db",
        f"sqlite:///{tmp_path / 'candor.db'}",
        stages=JUDGED["cascade"],
        redact=[],
        retention_days=None,
        judged=True,
    )
    said = reply('{"explanation": "It changes the subject.", "class": "indirect_refusal"}')
    store = Store("sqlite:///candor.db", tmp_path)
    with judging(lambda _: (200, said)) as seen:
        at = {"base_url": seen.base_url, "api_key": "sk-judge"}
        order = judge_order(settings({**WISE, "upstream": at}))
        child = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
        try:
            child.stdin.write(order.line())
            child.stdin.flush()
            wait_until(lambda: len(store.latest_exchanges()) == 2)
            arguments = Path(f"/proc/{child.pid}/cmdline")
            if arguments.exists():
                assert b"sk-judge" not in arguments.read_bytes()
        finally:
            child.stdin.close()
            assert child.wait(30) == 0
    verdicts = {each.reply: each.verdict for each in store.latest_exchanges()}
    assert verdicts[REFUSAL].method == "phrases"
    assert verdicts["Nice weather today."].method == "judge"
    assert verdicts["Nice weather today."].label == "indirect_refusal"
    assert seen.keys == ["Bearer sk-judge"]
    counted = {(each.stage, each.count) for each in store.stage_tallies()}
    assert counted == {("phrases", 1), ("judge", 1)}
    store.close()


def test_a_reload_says_that_the_scorer_keeps_the_judge_it_was_told():
    rotated = {**WISE, "upstream": {**WISE["upstream"], "api_key": "sk-new"}}
    changes = list(_fixed_changes(settings(), settings(rotated)))
    assert [line.split(":")[0] for line in changes] == ["classifier.judge"]
    assert list(_fixed_changes(settings(), settings())) == []


def test_a_batch_is_its_scorers_for_as_long_as_a_silent_judge_may_hold_it_up():
    rounds = math.ceil(BATCH / AT_ONCE)
    assert 2 * rounds * SECONDS < LEASE_SECONDS < LONGEST_LEASE_SECONDS
