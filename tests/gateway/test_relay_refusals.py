"""A refusal is counted before another deployment hides it, and only then passed over."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest

from gateway.config import settings_from
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeObserver,
    FakeUpstream,
    chunked,
    gateway,
    json_reply,
    replying,
)

ASKED = b"POST /v1/chat/completions"
BODY = b'{"model":"m","messages":[{"role":"user","content":"How?"}]}'
ANSWER = b'{"choices":[{"message":{"role":"assistant","content":"So."},"finish_reason":"stop"}]}'


def delta(**fields: object) -> bytes:
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, **fields}]}).encode()


FILTERED = json_reply(
    json.dumps(
        {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}
    ).encode()
)
REFUSED = json_reply(
    json.dumps({"choices": [{"message": {"refusal": "No."}, "finish_reason": "stop"}]}).encode()
)
REJECTED = json_reply(
    json.dumps({"error": {"code": "content_filter", "message": "filtered"}}).encode(),
    status=b"400 Bad Request",
)
STREAMED = STREAM_HEAD + chunked(
    delta(delta={"role": "assistant", "content": ""}),
    delta(delta={}, finish_reason="content_filter"),
    b"data: [DONE]\n\n",
)
REFUSALS = {"filter": FILTERED, "refusal": REFUSED, "error": REJECTED, "stream": STREAMED}


class FakeWatcher(FakeObserver):
    """Remembers what was hidden, and how much had been asked of the second upstream by then."""

    second: FakeUpstream

    def __init__(self) -> None:
        super().__init__()
        self.hidden_calls = []
        self.moves = []

    def hidden(self, call, served_by):
        self.hidden_calls.append((call, served_by, len(self.second.seen)))

    def fell_back(self, deployment, served_by):
        self.moves.append((deployment, served_by))


@contextlib.contextmanager
def two(first, observer):
    """A deployment whose upstream follows a script, and one for what it refuses."""
    with FakeUpstream(first) as one, FakeUpstream(replying(json_reply(ANSWER))) as other:
        tree = {
            "deployments": [
                {"name": "a", "model": "m", "upstream": {"base_url": one.base_url}},
                {"name": "b", "model": "n", "upstream": {"base_url": other.base_url}},
            ],
            "routes": {"m": {"content_policy_fallbacks": ["b"]}},
        }
        observer.second = other
        with gateway(settings_from(tree, environ={}), observer) as running:
            yield running


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_counted_with_its_bytes_before_another_deployment_is_asked(refusal):
    observer = FakeWatcher()
    with two(replying(refusal), observer) as running:
        reply = running.call(ASKED, BODY)
        assert (reply.body, reply.head.get(b"x-candor-deployment")) == (ANSWER, b"b")
        ((hidden, served_by, asked),) = observer.hidden_calls
        assert (hidden.deployment, served_by, asked) == ("a", "b", 0)
        assert hidden.request == BODY
        assert hidden.reply
        assert observer.moves == [("a", "b")]
        told = observer.next_call()
        assert (told.deployment, told.status, told.reply) == ("b", 200, ANSWER)


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(ANSWER),
        json_reply(b'{"error":{"message":"x"}}', status=b"400 Bad Request"),
        STREAM_HEAD + chunked(delta(delta={"content": "So."}), b"data: [DONE]\n\n"),
        STREAM_HEAD
        + chunked(delta(delta={"content": "So"}), delta(delta={}, finish_reason="content_filter")),
    ],
    ids=["answer", "bad request", "stream", "refusal after the first words"],
)
def test_what_is_no_refusal_or_no_longer_to_be_hidden_is_the_clients(reply):
    observer = FakeWatcher()
    with two(replying(reply), observer) as running:
        seen = running.call(ASKED, BODY)
        assert seen.head.get(b"x-candor-deployment") == b"a"
        assert seen.body in reply or b"So" in seen.body
        assert observer.hidden_calls == []


def test_a_stream_is_held_back_only_until_its_first_words():
    shown = threading.Event()

    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(delta(delta={"role": "assistant"}), end=b""))
        wire.send(chunked(delta(delta={"content": "So."}), end=b""))
        assert shown.wait(PATIENCE)
        wire.send(b"0\r\n\r\n")

    with two(script, FakeWatcher()) as running:
        wire = running.wire()
        wire.send(
            b"%s HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (ASKED, len(BODY)), BODY
        )
        wire.head()
        assert wire.chunk() == delta(delta={"role": "assistant"})
        assert wire.chunk() == delta(delta={"content": "So."})
        shown.set()
        assert wire.chunk() == b""
        wire.close()


def test_a_held_reply_that_breaks_off_is_broken_off_for_the_client_too():
    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(delta(delta={"role": "assistant"}), end=b""))
        wire.close()

    with two(script, FakeWatcher()) as running:
        wire = running.wire()
        wire.send(
            b"%s HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (ASKED, len(BODY)), BODY
        )
        assert wire.head().status == 200
        assert not wire.rest().endswith(b"0\r\n\r\n")
        wire.close()


def test_a_client_that_leaves_while_its_reply_is_held_ends_the_upstream_call():
    begun, left = threading.Event(), threading.Event()

    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(delta(delta={"role": "assistant"}), end=b""))
        begun.set()
        wire.rest()
        left.set()

    with two(script, FakeWatcher()) as running:
        wire = running.wire()
        wire.send(
            b"%s HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (ASKED, len(BODY)), BODY
        )
        assert begun.wait(PATIENCE)
        wire.close()
        assert left.wait(PATIENCE)
