"""Calls through several deployments: who serves them, under which model and with whose key."""

from __future__ import annotations

import contextlib
import json

import pytest

from gateway.config import settings_from
from tests.gateway.stage import FakeUpstream, gateway, json_reply, replying


@contextlib.contextmanager
def two_deployments(**branches):
    """``gpt`` rewrites the model and has a key of its own; ``claude`` does neither."""
    with (
        FakeUpstream(replying(json_reply())) as first,
        FakeUpstream(replying(json_reply())) as second,
    ):
        settings = settings_from(
            {
                "deployments": [
                    {
                        "name": "gpt",
                        "model": "gpt-4o",
                        "upstream": {
                            "base_url": f"http://{first.host}/deep/v1/",
                            "model": 'gpt-4o-"2024"',
                            "api_key": "sk-of-the-upstream",
                        },
                    },
                    {
                        "name": "claude",
                        "model": "claude",
                        "upstream": {"base_url": second.base_url},
                    },
                ],
                **branches,
            },
            environ={},
        )
        with gateway(settings) as running:
            yield running, first, second


def code(reply) -> str:
    return json.loads(reply.body)["error"]["code"]


def test_the_model_is_rewritten_in_place_and_no_other_byte_changes():
    with two_deployments() as (running, first, _):
        reply = running.call(
            b"POST /v1/chat/completions", b'{"x":1e-7, "model" : "gpt-4o","model_2":"gpt-4o"} '
        )
        sent = first.seen[0]
        assert reply.head.get(b"x-candor-deployment") == b"gpt"
        assert sent.body == (b'{"x":1e-7, "model" : "gpt-4o-\\"2024\\"","model_2":"gpt-4o"} ')
        assert sent.head.line == b"POST /deep/v1/chat/completions HTTP/1.1"
        assert sent.head.get(b"content-length") == b"%d" % len(sent.body)


@pytest.mark.parametrize(
    "header", [b"Authorization: Bearer own", b"api-key: own", b"x-api-key: own"]
)
def test_a_clients_own_key_never_reaches_an_upstream_that_has_one(header):
    with two_deployments() as (running, first, _):
        running.call(b"POST /v1/chat/completions", b'{"model":"gpt-4o"}', header)
        head = first.seen[0].head
        assert b"own" not in b"".join(name + value for name, value in head.headers)
        assert head.get(header.split(b":")[0].lower()).endswith(b"sk-of-the-upstream")


def test_a_clients_own_key_passes_where_the_upstream_has_none():
    with two_deployments() as (running, _, second):
        running.call(b"POST /v1/messages", b'{"model":"claude"}', b"x-api-key: own")
        assert second.seen[0].head.get(b"x-api-key") == b"own"


def test_a_key_of_the_gateway_reaches_no_upstream():
    keys = [{"name": "a", "key": "key-of-a", "models": ["claude"]}]
    with two_deployments(keys=keys) as (running, first, second):
        line, body, key = b"POST /v1/messages", b'{"model":"claude"}', b"x-api-key: key-of-a"
        assert running.call(line, body, key).head.status == 200
        assert second.seen[0].head.get(b"x-api-key") is None
        refused = running.call(line, body, b"x-api-key: key-of-b")
        assert (refused.head.status, code(refused)) == (401, "candor_invalid_key")
        barred = running.call(line, b'{"model":"gpt-4o"}', key)
        assert (barred.head.status, code(barred)) == (403, "candor_model_not_allowed")
        unread = running.call(b"GET /v1/files", None, key)
        assert (unread.head.status, code(unread)) == (403, "candor_model_not_allowed")
        assert (len(first.seen), len(second.seen)) == (0, 1)


def test_an_unknown_model_is_an_error_that_names_the_known_ones():
    with two_deployments() as (running, *_):
        reply = running.call(b"POST /v1/responses", b'{"model":"gpt-5"}')
        assert (reply.head.status, code(reply)) == (404, "candor_model_not_found")
        assert b"There are: gpt-4o, claude." in reply.body
        assert reply.head.get(b"x-candor-deployment") is None


def test_a_pinned_call_reaches_its_deployment():
    with two_deployments() as (running, _, second):
        reply = running.call(
            b"POST /v1/chat/completions", b'{"model":"gpt-4o"}', b"X-Candor-Deployment: claude"
        )
        assert reply.head.get(b"x-candor-deployment") == b"claude"
        assert second.seen[0].body == b'{"model":"gpt-4o"}'
        assert second.seen[0].head.get(b"x-candor-deployment") is None


def test_the_configured_models_are_listed_where_there_are_several_deployments():
    with two_deployments() as (running, first, second):
        listed = json.loads(running.call(b"GET /v1/models", None).body)
        one = json.loads(running.call(b"GET /v1/models/claude", None).body)
        none = running.call(b"GET /v1/models/gpt-5", None)
        assert [entry["id"] for entry in listed["data"]] == ["gpt-4o", "claude"]
        assert listed["object"] == "list"
        assert one == listed["data"][1]
        assert (none.head.status, code(none)) == (404, "candor_model_not_found")
        assert first.seen == second.seen == []


def test_a_pinned_listing_is_the_upstreams_own():
    with two_deployments() as (running, _, second):
        running.call(b"GET /v1/models", None, b"x-candor-deployment: claude")
        assert second.seen[0].head.line == b"GET /v1/models HTTP/1.1"
