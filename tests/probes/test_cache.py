"""Replies kept from earlier runs: found by everything that was asked, and by nothing less."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifiers.wire import RawReply
from probes.cache import Asked, ReplyCache
from probes.header import RunHeader
from probes.launch import make_header
from probes.line import ENDPOINT
from probes.parameters import request_of
from probes.plan import make_plan
from probes.problem import RunProblem
from probes.target import Guard, Target
from tests.probes.asking import a_probe_set
from tests.services import ROOT

BODY = b'{"model": "m"}'
ASKED = Asked({"kind": "openai", "base_url": "http://x/v1"}, request_of("How?", "m", {}), 0)


def a_reply(text: str = "Here it is.") -> RawReply:
    return RawReply(ENDPOINT, BODY, 200, "application/json", "", text.encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "replies.sqlite"


def test_what_was_put_in_is_found_again_by_the_same_question(path: Path) -> None:
    with ReplyCache(path) as cache:
        assert cache.get(ASKED, BODY) is None
        cache.put(ASKED, a_reply())
        assert cache.get(ASKED, BODY) == a_reply()
    with ReplyCache(path) as cache:
        assert cache.get(ASKED, BODY) == a_reply()


@pytest.mark.parametrize(
    "changes",
    [
        {"repeat": 1},
        {"request": request_of("Why?", "m", {})},
        {"request": request_of("How?", "other", {})},
        {"request": request_of("How?", "m", {"temperature": 0.0})},
        {"request": request_of("How?", "m", {"system": "Be brief."})},
        {"target": {"kind": "openai", "base_url": "http://y/v1"}},
        {"target": {"kind": "litellm", "base_url": "http://x/v1"}},
    ],
)
def test_any_difference_in_what_is_asked_is_another_question(
    changes: dict[str, Any], path: Path
) -> None:
    with ReplyCache(path) as cache:
        cache.put(ASKED, a_reply())
        assert cache.get(replace(ASKED, **changes), BODY) is None


def header_of(target: Target) -> RunHeader:
    return make_header(make_plan([a_probe_set()]), target, "c")


def test_the_deployments_revision_and_the_guards_are_part_of_the_question() -> None:
    target = Target("http://x/v1", "m", deployment="prod", revision="1")
    others = (replace(target, revision="2"), replace(target, guard=Guard.AROUND))
    for other in others:
        assert header_of(other).asked_of != header_of(target).asked_of
    again = replace(target, api_key="sk-1")
    assert header_of(again).asked_of == header_of(target).asked_of


def test_a_prompt_that_is_no_sound_text_has_its_place_too(path: Path) -> None:
    odd = replace(ASKED, request=request_of("half \ud800 of a pair", "m", {}))
    with ReplyCache(path) as cache:
        cache.put(odd, a_reply())
        assert cache.get(odd, BODY) == a_reply()


def test_a_reply_over_a_megabyte_is_not_kept(path: Path) -> None:
    with ReplyCache(path) as cache:
        cache.put(ASKED, a_reply("x" * (1 << 20)))
        assert cache.get(ASKED, BODY) == a_reply("x" * (1 << 20))
        cache.put(ASKED, a_reply("y" * ((1 << 20) + 1)))
        assert cache.get(ASKED, BODY) == a_reply("x" * (1 << 20))


def test_the_cache_stays_under_its_bound_and_what_was_used_last_stays(path: Path) -> None:
    texts = {number: f"{number:05} " + "".join(map(chr, range(200, 700))) for number in range(600)}
    with ReplyCache(path, most_bytes=50_000) as cache:
        cache.put(replace(ASKED, repeat=10_000), a_reply("the oldest, used again and again"))
        for number, text in texts.items():
            cache.put(replace(ASKED, repeat=number), a_reply(text))
            assert cache.get(replace(ASKED, repeat=10_000), BODY) is not None
        kept = [number for number in texts if cache.get(replace(ASKED, repeat=number), BODY)]
    assert 0 < len(kept) < 600 and kept[-1] == 599
    assert kept == list(range(kept[0], 600))


def test_a_kill_within_writing_loses_no_more_than_the_reply_being_written(path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from dataclasses import replace\n"
        "from tests.probes.test_cache import ASKED, a_reply; from probes.cache import ReplyCache\n"
        "cache = ReplyCache(Path(sys.argv[1]))\n"
        "for number in range(50): cache.put(replace(ASKED, repeat=number), a_reply(str(number)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=False)
    assert ended.returncode == -9
    with ReplyCache(path) as cache:
        for number in range(50):
            assert cache.get(replace(ASKED, repeat=number), BODY) == a_reply(str(number))


def test_a_file_that_is_no_cache_is_named_with_the_remedy(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("no database " * 100)
    with pytest.raises(RunProblem, match=r"replies\.sqlite cannot be opened .*delete it"):
        ReplyCache(path)


def test_a_reply_that_was_damaged_on_the_disk_is_asked_again(path: Path) -> None:
    with ReplyCache(path) as cache:
        cache.put(ASKED, a_reply())
        cache._base.execute("UPDATE replies SET body = x'00'")
        assert cache.get(ASKED, BODY) is None
