"""What a client's key allows, seen from its side of the wire."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from gateway.config import settings_from
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeObserver,
    chunked,
    gateway,
    json_reply,
    replying,
    stage,
)
from tests.waiting import wait_until

KEY = b"Authorization: Bearer sk-a"
ASKED = b"POST /v1/chat/completions"
BODY = b'{"model":"m","messages":[]}'
PRICED = {"input_usd_per_million": 10, "output_usd_per_million": 20}


def keyed(**limits):
    """A client with these limits."""
    return {"keys": [{"name": "a", "key": "sk-a", **limits}]}


def used(tokens_in: int, tokens_out: int) -> bytes:
    counts = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    return json.dumps({"choices": [], "usage": counts}).encode()


def refusal(reply) -> tuple[int, str]:
    return reply.head.status, json.loads(reply.body)["error"]["code"]


def test_a_client_that_asks_too_often_is_told_when_to_come_back():
    with stage(replying(json_reply()), **keyed(rpm=2)) as (running, upstream):
        assert [running.call(ASKED, BODY, KEY).head.status for _ in range(2)] == [200, 200]
        reply = running.call(ASKED, BODY, KEY)
        assert refusal(reply) == (429, "candor_rate_limited")
        assert 1 <= int(reply.head.get(b"retry-after")) <= 61
        assert reply.head.get(b"x-ratelimit-limit-requests") == b"2"
        assert reply.head.get(b"x-ratelimit-remaining-requests") == b"0"
        assert len(upstream.seen) == 2


def test_what_a_reply_cost_counts_against_the_tokens_of_a_minute():
    with stage(replying(json_reply(used(60, 50))), **keyed(tpm=100)) as (running, upstream):
        assert running.call(ASKED, BODY, KEY).head.status == 200
        assert refusal(running.call(ASKED, BODY, KEY)) == (429, "candor_tokens_limited")
        assert len(upstream.seen) == 1


def test_a_stream_that_says_nothing_of_its_cost_is_counted():
    event = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
    words = [event % (b"heat pump %d " % number) for number in range(40)]
    with stage(replying(STREAM_HEAD, chunked(*words, b"data: [DONE]\n\n")), **keyed(tpm=100)) as (
        running,
        _,
    ):
        assert running.call(ASKED, BODY, KEY).head.status == 200
        told = []

        def limited() -> bool:
            told.append(running.call(ASKED, BODY, KEY))
            return told[-1].head.status == 429

        wait_until(limited)
        assert refusal(told[-1]) == (429, "candor_tokens_limited")


def test_calls_at_once_are_limited_and_free_their_place_however_they_end():
    asked, answer = threading.Semaphore(0), threading.Event()

    def script(wire, _):
        asked.release()
        answer.wait(PATIENCE)
        wire.send(json_reply())

    observer = FakeObserver()
    with stage(script, observer, **keyed(max_concurrency=1)) as (running, _):
        first = running.wire()
        line = b"%s HTTP/1.1\r\nHost: g\r\n%s\r\nContent-Length: 2\r\n\r\n{}" % (ASKED, KEY)
        first.send(line)
        assert asked.acquire(timeout=PATIENCE)
        assert refusal(running.call(ASKED, BODY, KEY)) == (429, "candor_concurrency_limited")
        first.close()
        while observer.next_call().status == 429:
            pass
        answer.set()
        assert running.call(ASKED, BODY, KEY).head.status == 200


def test_a_budget_that_is_spent_is_the_end_of_it():
    deployment = {
        "name": "priced",
        "model": "*",
        "upstream": {"base_url": "http://127.0.0.1:9/v1", "price": PRICED},
    }
    with stage(replying(json_reply(used(100_000, 50_000)))) as (_, upstream):
        deployment["upstream"]["base_url"] = upstream.base_url
        settings = settings_from(
            {"deployments": [deployment], **keyed(usd_per_month=1.5)}, environ={}
        )
        with gateway(settings) as running:
            assert running.call(ASKED, BODY, KEY).head.status == 200
            reply = running.call(ASKED, BODY, KEY)
            assert refusal(reply) == (429, "candor_budget_exhausted")
            assert json.loads(reply.body)["error"]["type"] == "insufficient_quota"
            assert len(upstream.seen) == 1


@pytest.mark.parametrize("limits", [{"rpm": 1}, {"tpm": 1000}, {"max_concurrency": 1}])
def test_a_call_that_is_turned_away_for_another_reason_uses_nothing_up(limits):
    with stage(replying(json_reply()), **keyed(models=["m"], **limits)) as (running, _):
        for _ in range(3):
            assert running.call(ASKED, b'{"model":"other"}', KEY).head.status == 403
        assert running.call(ASKED, BODY, KEY).head.status == 200


def test_a_key_that_is_configured_by_its_hash_is_known():
    digest = "sha256:" + hashlib.sha256(b"sk-a").hexdigest()
    with stage(replying(json_reply()), keys=[{"name": "a", "key": digest}]) as (running, upstream):
        assert running.call(ASKED, BODY, KEY).head.status == 200
        hashed = b"Authorization: Bearer " + digest.encode()
        assert running.call(ASKED, BODY, hashed).head.status == 401
        assert upstream.seen[0].head.get(b"authorization") is None
