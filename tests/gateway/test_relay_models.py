"""A call whose model nobody could read goes nowhere where the model decides."""

from __future__ import annotations

import contextlib
import gzip
import json

import pytest

from gateway.config import settings_from
from tests.gateway.stage import FakeUpstream, gateway, json_reply, replying

CHAT = b"POST /v1/chat/completions"
KEYS = [{"name": "a", "key": "key-a", "models": ["gpt-*"]}, {"name": "b", "key": "key-b"}]
UNREADABLE = [
    (b'\xef\xbb\xbf{"model":"gpt-4o"}', b"X-A: 1"),
    ('{"model":"gpt-4o"}'.encode("utf-16"), b"X-A: 1"),
    (gzip.compress(b'{"model":"gpt-4o"}', mtime=0), b"Content-Encoding: gzip"),
    (b'{"model":"gpt-4o"}', b"Content-Encoding: br"),
    (b'["gpt-4o"]', b"X-A: 1"),
    (b"model=gpt-4o", b"X-A: 1"),
    (b'{"model":"gpt-4o",}', b"X-A: 1"),
    (b'{"model":4}', b"X-A: 1"),
    (b"{}", b"X-A: 1"),
    (b"", b"X-A: 1"),
]
NAMES = ["bom", "utf-16", "gzip", "said compressed", "array", "form", "comma", "number", "no", "0"]


@contextlib.contextmanager
def one_deployment(serves: str, *, keys=(), **upstream):
    with FakeUpstream(replying(json_reply())) as server:
        there = {"base_url": server.base_url, **upstream}
        tree = {"deployments": [{"name": "d", "model": serves, "upstream": there}], "keys": keys}
        with gateway(settings_from(tree, environ={})) as running:
            yield running, server


def code(reply) -> str:
    return json.loads(reply.body)["error"]["code"]


@pytest.mark.parametrize(("body", "header"), UNREADABLE, ids=NAMES)
def test_a_deployment_of_one_model_gets_no_call_that_does_not_name_it(body, header):
    with one_deployment("gpt-4o", api_key="sk-ours") as (running, upstream):
        reply = running.call(CHAT, body, header)
        assert (reply.head.status, code(reply)) == (400, "candor_model_missing")
        assert upstream.seen == []


@pytest.mark.parametrize(("body", "header"), UNREADABLE, ids=NAMES)
def test_a_model_that_must_be_rewritten_must_be_read(body, header):
    with one_deployment("*", model="gpt-4o-mini") as (running, upstream):
        reply = running.call(CHAT, body, header)
        assert (reply.head.status, code(reply)) == (400, "candor_model_missing")
        assert upstream.seen == []


@pytest.mark.parametrize(("body", "header"), UNREADABLE, ids=NAMES)
def test_a_client_with_limits_must_name_its_model(body, header):
    with one_deployment("*", keys=KEYS) as (running, upstream):
        reply = running.call(CHAT, body, header, b"api-key: key-a")
        assert (reply.head.status, code(reply)) == (400, "candor_model_missing")
        assert upstream.seen == []


@pytest.mark.parametrize(("body", "header"), UNREADABLE, ids=NAMES)
def test_a_deployment_for_everything_gets_even_what_cannot_be_read(body, header):
    with one_deployment("*", keys=KEYS) as (running, upstream):
        assert running.call(CHAT, body, header, b"api-key: key-b").head.status == 200
        assert upstream.seen[0].body == body


def test_two_models_in_one_body_are_refused_where_the_model_decides():
    body = b'{"model":"o1","model":"gpt-4o"}'
    with one_deployment("gpt-4o") as (running, upstream):
        reply = running.call(CHAT, body)
        assert (reply.head.status, code(reply)) == (400, "candor_model_ambiguous")
        assert running.call(CHAT, b'{"model":"gpt-4o","model":"gpt-4o"}').head.status == 200
        assert len(upstream.seen) == 1


def test_every_model_in_a_body_is_rewritten_and_other_keys_are_not():
    body = b'{"model":"o1","Model":"o1","mod\\u0065l":7,"x":{"model":"o1"},"model": "gpt-4o"}'
    with one_deployment("gpt-4o", model="m") as (running, upstream):
        assert running.call(CHAT, body).head.status == 200
        assert upstream.seen[0].body == (
            b'{"model":"m","Model":"o1","mod\\u0065l":"m","x":{"model":"o1"},"model": "m"}'
        )


@pytest.mark.parametrize("method", [b"PUT", b"PATCH", b"POST"])
@pytest.mark.parametrize("path", [b"chat/completions", b"CHAT/completions", b"chat%2Fcompletions/"])
def test_no_spelling_of_a_model_call_goes_past_the_model(method, path):
    with one_deployment("gpt-4o", api_key="sk-ours") as (running, upstream):
        reply = running.call(method + b" /v1/" + path, b'{"model":"o1"}')
        assert (reply.head.status, code(reply)) == (404, "candor_model_not_found")
        assert upstream.seen == []


def test_a_body_that_nests_too_deep_is_refused():
    with one_deployment("*") as (running, upstream):
        reply = running.call(CHAT, b'{"model":"m","x":' + b"[" * 600 + b"]" * 600 + b"}")
        assert (reply.head.status, code(reply)) == (400, "candor_body_too_deep")
        assert upstream.seen == []
