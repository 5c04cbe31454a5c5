"""Real LiteLLM between our calls and servers that send real providers' bytes, over loopback.

One file, so that LiteLLM's four seconds of import are paid once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading

import orjson
import pytest

from classifiers.verdict import RefusalSource
from classifiers.wire.raw import RawReply
from classifiers.wire.reader import read_exchange
from gateway.config import settings_from
from gateway.simulated import FakeModel, FakeServer
from gateway.upstreams.base import (
    Timeouts,
    UpstreamBroken,
    UpstreamCall,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.upstreams.litellm import LiteLLMUpstream, messages_base, open_litellm, target_of
from gateway.upstreams.litellm_engine import LiteLLMEngine
from gateway.upstreams.litellm_request import Target
from tests.gateway import provider_wires as wires
from tests.gateway.stage import FakeUpstream, replying
from tests.services import ROOT, free_port
from tests.waiting import wait_until_async

pytestmark = [
    pytest.mark.xdist_group("litellm"),
    # Of LiteLLM's own types, on their first use.
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]

CHAT = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
SECRET = "sk-very-secret"


@pytest.fixture(scope="module")
def engine():
    engine = LiteLLMEngine()
    asyncio.run(engine.warm())
    yield engine
    asyncio.run(engine.aclose())


class FakeSink:
    """Keeps the parts, and does what a test asks at each."""

    def __init__(self, then=lambda parts: None):
        self.parts = []
        self._then = then

    def part(self, piece):
        self.parts.append(piece)
        self._then(self.parts)

    @property
    def body(self):
        return b"".join(self.parts)

    @property
    def said(self):
        """The JSON of each event."""
        lines = self.body.split(b"\n")
        found = [row.removeprefix(b"data: ") for row in lines if row.startswith(b"data: ")]
        return [orjson.loads(each) for each in found if each != b"[DONE]"]


def call_for(body, path="/chat/completions", *, headers=(), method=b"POST", **limits):
    timeouts = Timeouts(**{"connect": 5.0, "first_byte": 20.0, "idle": 20.0, **limits})
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    return UpstreamCall(method, path.encode(), b"", list(headers), sent, timeouts)


class Asked:
    """A reply, read to its end, and what the provider was sent."""

    def __init__(self, reply, sink, seen):
        self.reply = reply
        self.status = reply.status
        self.headers = {name.lower(): value for name, value in reply.headers}
        self.sink = sink
        self.seen = seen

    @property
    def json(self):
        return orjson.loads(self.sink.body)

    @property
    def choice(self):
        [choice] = self.json["choices"]
        return choice

    @property
    def sent(self):
        return orjson.loads(self.seen[-1].body)

    @property
    def delta(self):
        """Every delta of a stream of chat completions, merged as clients do."""
        merged = {"content": "", "refusal": "", "arguments": ""}
        for chunk in self.sink.said:
            for choice in chunk["choices"]:
                for name in ("content", "refusal"):
                    merged[name] += choice["delta"].get(name) or ""
                for tool in choice["delta"].get("tool_calls") or ():
                    merged["name"] = tool["function"].get("name") or merged.get("name")
                    merged["arguments"] += tool["function"].get("arguments") or ""
                merged["finish_reason"] = choice["finish_reason"] or merged.get("finish_reason")
        return merged


async def ask(engine, target, script, body=CHAT, path="/chat/completions", **named):
    """One call; ``script`` is what the provider sends, or does."""
    script = replying(script) if isinstance(script, bytes) else script
    with FakeUpstream(script) as provider:
        upstream = LiteLLMUpstream(target(provider), engine)
        reply = await upstream.open(call_for(body, path, **named))
        sink = FakeSink()
        try:
            await reply.pass_to(sink)
        finally:
            reply.close()
        return Asked(reply, sink, provider.seen)


def to_anthropic(provider, key=SECRET, **arguments):
    base = f"http://{provider.host}"
    return Target("anthropic", "claude-sonnet-4-5", key, base, arguments)


def to_gemini(provider):
    return Target("gemini", "gemini-2.5-flash", SECRET, f"http://{provider.host}")


def to_ollama(provider):
    return Target("ollama_chat", "llama3", None, f"http://{provider.host}")


def to_azure(provider):
    version = {"api_version": "2024-10-21"}
    return Target("azure", "my-gpt", SECRET, f"http://{provider.host}", version)


def to_openai(provider):
    return Target("openai", "gpt-4o", SECRET, f"http://{provider.host}/v1")


def to_bedrock(provider):
    arguments = {
        "aws_access_key_id": "AKIA",
        "aws_secret_access_key": "aws-secret",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": f"http://{provider.host}",
    }
    return Target("bedrock", "amazon.nova-lite-v1:0", None, None, arguments)


STREAM = {**CHAT, "stream": True}
TOOLS = {**CHAT, "tools": wires.TOOLS}

HELLO = {
    "anthropic": (to_anthropic, wires.json_bytes(wires.anthropic())),
    "gemini": (to_gemini, wires.json_bytes(wires.gemini([{"text": "Hello"}], "STOP"))),
    "ollama": (to_ollama, wires.json_bytes(wires.ollama("Hello", done=True))),
    "azure": (to_azure, wires.json_bytes(wires.openai({"content": "Hello", "refusal": None}))),
    "bedrock": (to_bedrock, wires.json_bytes(wires.bedrock("Hello", "end_turn"))),
}

HELLO_STREAMS = {
    "anthropic": (to_anthropic, wires.streamed(*wires.anthropic_events())),
    "gemini": (
        to_gemini,
        wires.streamed(
            wires.sse(wires.gemini([{"text": "Hel"}])),
            wires.sse(wires.gemini([{"text": "lo"}], "STOP")),
        ),
    ),
    "ollama": (
        to_ollama,
        wires.streamed(
            wires.line(wires.ollama("Hel")),
            wires.line(wires.ollama("lo")),
            wires.line(wires.ollama(done=True)),
        ),
    ),
    "azure": (
        to_azure,
        wires.streamed(
            wires.openai_chunk({"role": "assistant", "content": ""}),
            wires.openai_chunk({"content": "Hel"}),
            wires.openai_chunk({"content": "lo"}),
            wires.openai_chunk({}, "stop"),
            wires.OPENAI_DONE,
        ),
    ),
    "bedrock": (to_bedrock, wires.streamed(*wires.bedrock_frames("end_turn"))),
}

CALLS = {
    "anthropic": (to_anthropic, wires.json_bytes(wires.anthropic_tool())),
    "gemini": (to_gemini, wires.json_bytes(wires.gemini_tool())),
    "ollama": (
        to_ollama,
        wires.json_bytes(
            wires.ollama(
                done=True,
                tool_calls=[{"function": {"name": "get_weather", "arguments": wires.CALLED}}],
            )
        ),
    ),
}

CALL_STREAMS = {
    "anthropic": (to_anthropic, wires.streamed(*wires.anthropic_tool_events())),
    "gemini": (to_gemini, wires.streamed(wires.sse(wires.gemini_tool()))),
    "openai": (
        to_openai,
        wires.streamed(
            wires.openai_chunk(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": ""},
                        }
                    ],
                }
            ),
            wires.openai_chunk(
                {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":"Oslo"}'}}]}
            ),
            wires.openai_chunk({}, "tool_calls"),
            wires.OPENAI_DONE,
        ),
    ),
}


def each(table):
    return pytest.mark.parametrize(("target", "script"), table.values(), ids=table)


# What an OpenAI client reads.


@each(HELLO)
async def test_a_providers_reply_is_a_chat_completion(engine, target, script):
    asked = await ask(engine, target, script)
    assert (asked.status, asked.headers[b"content-type"]) == (200, b"application/json")
    assert int(asked.headers[b"content-length"]) == len(asked.sink.body)
    assert asked.json["object"] == "chat.completion"
    assert asked.choice["message"]["role"] == "assistant"
    assert (asked.choice["message"]["content"], asked.choice["finish_reason"]) == ("Hello", "stop")
    assert asked.choice["message"]["refusal"] is None
    assert asked.json["usage"]["prompt_tokens"] == 3
    assert asked.json["usage"]["completion_tokens"] == 2


@each(HELLO)
async def test_a_reply_has_no_field_of_litellms_that_says_nothing(engine, target, script):
    reply = (await ask(engine, target, script)).json
    assert set(reply) == {
        "id", "object", "created", "model", "system_fingerprint", "choices", "usage"
    }  # fmt: skip
    [choice] = reply["choices"]
    assert set(choice) - {"logprobs"} == {"index", "message", "finish_reason"}
    assert set(choice["message"]) == {"role", "content", "refusal"}


@each(HELLO_STREAMS)
async def test_a_providers_stream_is_one_of_chat_completion_chunks(engine, target, script):
    asked = await ask(engine, target, script, STREAM)
    assert asked.headers[b"content-type"].startswith(b"text/event-stream")
    assert (asked.delta["content"], asked.delta["finish_reason"]) == ("Hello", "stop")
    assert asked.sink.body.endswith(b"\n\ndata: [DONE]\n\n")
    assert {chunk["object"] for chunk in asked.sink.said} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in asked.sink.said}) == 1
    assert all("usage" not in chunk for chunk in asked.sink.said)


@each(HELLO_STREAMS)
async def test_a_stream_ends_with_its_usage_where_the_client_asks_for_it(engine, target, script):
    asked = await ask(engine, target, script, {**STREAM, "stream_options": {"include_usage": True}})
    last = asked.sink.said[-1]
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert "cost" not in last["usage"]


@each(CALLS)
async def test_a_tool_call_is_openais(engine, target, script):
    choice = (await ask(engine, target, script, TOOLS)).choice
    [called] = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert called["function"]["name"] == "get_weather"
    assert orjson.loads(called["function"]["arguments"]) == wires.CALLED
    assert called["id"]


@each(CALL_STREAMS)
async def test_a_streamed_tool_call_is_openais(engine, target, script):
    delta = (await ask(engine, target, script, {**TOOLS, "stream": True})).delta
    assert (delta["name"], delta["finish_reason"]) == ("get_weather", "tool_calls")
    assert orjson.loads(delta["arguments"]) == wires.CALLED


async def test_a_part_leaves_as_soon_as_the_provider_sent_it(engine):
    gate = threading.Event()
    events = wires.anthropic_events()

    def script(wire, _):
        wire.send(wires.streamed(*events[:4], end=b""))
        assert gate.wait(20)
        wire.send(wires.chunked(*events[4:]))

    with FakeUpstream(script) as provider:
        reply = await LiteLLMUpstream(to_anthropic(provider), engine).open(call_for(STREAM))
        sink = FakeSink(lambda parts: gate.set())
        await reply.pass_to(sink)
        reply.close()
    assert b'"Hel"' in sink.parts[0]


async def test_the_openai_provider_reaches_the_simulated_model(engine):
    with FakeServer(FakeModel([])) as server:
        upstream = LiteLLMUpstream(Target("openai", "balanced", "k", server.base_url), engine)
        body = {"messages": [{"role": "user", "content": "How do I boil an egg?"}], "model": "x"}
        whole, parts = FakeSink(), FakeSink()
        await (await upstream.open(call_for(body))).pass_to(whole)
        streamed = await upstream.open(call_for({**body, "stream": True}))
        await streamed.pass_to(parts)
        streamed.close()
    content = orjson.loads(whole.body)["choices"][0]["message"]["content"]
    assert content
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in parts.said) == content


# Refusals.


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_refusal_is_the_models_own_and_keeps_its_explanation(engine, stream):
    details = {"stop_details": wires.EXPLAINED}
    script = (
        wires.streamed(*wires.anthropic_events("refusal", **details))
        if stream
        else wires.json_bytes(wires.anthropic("refusal", **details))
    )
    asked = await ask(engine, to_anthropic, script, {**CHAT, "stream": stream})
    if stream:
        [choice] = asked.sink.said[-1]["choices"]
        assert asked.delta["refusal"] == wires.EXPLAINED["explanation"]
    else:
        choice = asked.choice
        assert choice["message"]["refusal"] == wires.EXPLAINED["explanation"]
    assert choice["finish_reason"] == "content_filter"
    told = {"native_finish_reason": "refusal", "stop_details": wires.EXPLAINED}
    assert choice["provider_specific_fields"] == told


async def test_a_refusal_without_an_explanation_is_still_one(engine):
    script = wires.json_bytes(wires.anthropic("refusal"))
    message = (await ask(engine, to_anthropic, script)).choice["message"]
    assert message["refusal"] == "The model refused (stop_reason refusal)."


@pytest.mark.parametrize("stream", [False, True])
async def test_openais_refusal_comes_through_in_its_own_field(engine, stream):
    script = (
        wires.streamed(
            wires.openai_chunk({"role": "assistant", "content": "", "refusal": None}),
            wires.openai_chunk({"refusal": "I can"}),
            wires.openai_chunk({"refusal": "not."}),
            wires.openai_chunk({}, "stop"),
            wires.OPENAI_DONE,
        )
        if stream
        else wires.json_bytes(wires.openai({"content": None, "refusal": "I cannot."}))
    )
    asked = await ask(engine, to_azure, script, {**CHAT, "stream": stream})
    found = asked.delta if stream else asked.choice["message"]
    assert found["refusal"] == "I cannot."


async def test_of_several_choices_the_one_that_refuses_says_so(engine):
    said = [{"content": "Hello", "refusal": None}, {"content": None, "refusal": "I cannot."}]
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", **message}}
        for index, message in enumerate(said)
    ]
    script = wires.json_bytes({**wires.openai({}), "choices": choices})
    found = (await ask(engine, to_openai, script, {**CHAT, "n": 2})).json["choices"]
    assert [each["message"]["refusal"] for each in found] == [None, "I cannot."]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_guardrail_of_bedrock_is_a_filter_by_its_own_name(engine, stream):
    script = (
        wires.streamed(*wires.bedrock_frames("guardrail_intervened"))
        if stream
        else wires.json_bytes(wires.bedrock("Blocked.", "guardrail_intervened"))
    )
    asked = await ask(engine, to_bedrock, script, {**CHAT, "stream": stream})
    choice = asked.sink.said[-1]["choices"][0] if stream else asked.choice
    assert choice["finish_reason"] == "content_filter"
    assert choice["provider_specific_fields"] == {"native_finish_reason": "guardrail_intervened"}
    assert "refusal" not in choice.get("delta", {})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "word"),
    [(wires.gemini(None, "SAFETY"), "SAFETY"), (wires.GEMINI_BLOCKED, "PROHIBITED_CONTENT")],
)
async def test_googles_filter_is_named(engine, reply, word, stream):
    script = wires.streamed(wires.sse(reply)) if stream else wires.json_bytes(reply)
    asked = await ask(engine, to_gemini, script, {**CHAT, "stream": stream})
    choice = asked.sink.said[-1]["choices"][0] if stream else asked.choice
    assert choice["finish_reason"] == "content_filter"
    assert choice["provider_specific_fields"] == {"native_finish_reason": word}


@pytest.mark.parametrize("stream", [False, True])
async def test_azures_filter_results_stand_where_azure_puts_them(engine, stream):
    results = {"content_filter_results": wires.FILTERED}
    script = (
        wires.streamed(
            wires.openai_chunk({"role": "assistant", "content": "Hel"}),
            wires.openai_chunk({}, "content_filter", **results),
            wires.OPENAI_DONE,
        )
        if stream
        else wires.json_bytes(wires.openai({"content": ""}, "content_filter", **results))
    )
    asked = await ask(engine, to_azure, script, {**CHAT, "stream": stream})
    choice = asked.sink.said[-1]["choices"][0] if stream else asked.choice
    assert choice["finish_reason"] == "content_filter"
    assert choice["content_filter_results"] == wires.FILTERED


REFUSALS = {
    "anthropic": (
        to_anthropic,
        wires.anthropic("refusal", stop_details=wires.EXPLAINED),
        wires.anthropic_events("refusal", stop_details=wires.EXPLAINED),
        RefusalSource.NATIVE_REFUSAL,
    ),
    "openai": (
        to_openai,
        wires.openai({"content": None, "refusal": "I cannot."}),
        [
            wires.openai_chunk({"role": "assistant", "content": ""}),
            wires.openai_chunk({"refusal": "I cannot."}),
            wires.openai_chunk({}, "stop"),
            wires.OPENAI_DONE,
        ],
        RefusalSource.NATIVE_REFUSAL,
    ),
    "gemini": (
        to_gemini,
        wires.gemini(None, "SAFETY"),
        [wires.sse(wires.gemini(None, "SAFETY"))],
        RefusalSource.PROVIDER_FILTER,
    ),
}

PATHS = {
    "/chat/completions": CHAT,
    "/responses": {"model": "asked", "input": "hi"},
    "/messages": {**CHAT, "max_tokens": 9},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("target", "reply", "events", "source"), REFUSALS.values(), ids=REFUSALS)
async def test_our_own_reader_finds_the_refusal_on_every_path(
    engine, target, reply, events, source, *, path, stream
):
    script = wires.streamed(*events) if stream else wires.json_bytes(reply)
    asked = await ask(engine, target, script, {**PATHS[path], "stream": stream}, path)
    kind = asked.headers[b"content-type"].decode()
    raw = RawReply(f"/v1{path}", b"{}", asked.status, kind, "", asked.sink.body)
    signals = read_exchange(raw).signals
    assert signals, asked.sink.body
    if path == "/messages":  # Anthropic's API has no other word for what a filter did.
        source = RefusalSource.NATIVE_REFUSAL
    assert source in {signal.source for signal in signals}


# The other operations.


@pytest.mark.parametrize("stream", [False, True])
async def test_completions_are_served_by_a_chat_provider(engine, stream):
    body = {"model": "asked", "prompt": "hi", "stream": stream}
    script = (
        wires.streamed(*wires.anthropic_events()) if stream else wires.json_bytes(wires.anthropic())
    )
    asked = await ask(engine, to_anthropic, script, body, "/completions")
    said = asked.sink.said if stream else [asked.json]
    assert {each["object"] for each in said} == {"text_completion"}
    assert "".join(each["choices"][0].get("text") or "" for each in said) == "Hello"
    assert said[-1]["choices"][0]["finish_reason"] == "stop"
    assert said[0]["id"].startswith("cmpl-")


async def test_embeddings_are_served(engine):
    reply = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
             "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip
    body = {"model": "asked", "input": "hi"}
    asked = await ask(engine, to_openai, wires.json_bytes(reply), body, "/embeddings")
    assert asked.json["data"][0]["embedding"] == [0.5]
    assert asked.seen[0].head.line == b"POST /v1/embeddings HTTP/1.1"
    assert asked.sent == {"model": "gpt-4o", "input": "hi"}


async def test_anthropics_clients_are_served_by_another_provider(engine):
    body = {**CHAT, "max_tokens": 9, "system": "Be kind."}
    script = wires.json_bytes(wires.gemini([{"text": "Hello"}], "STOP"))
    asked = await ask(engine, to_gemini, script, body, "/messages")
    message = asked.json
    assert (message["type"], message["role"]) == ("message", "assistant")
    assert message["content"] == [{"type": "text", "text": "Hello"}]
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("end_turn", 2)
    assert message["id"].startswith("msg_") or message["id"]
    assert asked.sent["system_instruction"] == {"parts": [{"text": "Be kind."}]}


async def test_anthropics_clients_get_anthropics_events(engine):
    body = {**CHAT, "max_tokens": 9, "stream": True, "tools": [
        {"name": "get_weather", "input_schema": wires.TOOLS[0]["function"]["parameters"]}
    ]}  # fmt: skip
    script = wires.streamed(wires.sse(wires.gemini_tool()))
    asked = await ask(engine, to_gemini, script, body, "/messages")
    kinds = [each["type"] for each in asked.sink.said]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    pieces = [each["delta"].get("partial_json", "") for each in asked.sink.said
              if each["type"] == "content_block_delta"]  # fmt: skip
    assert orjson.loads("".join(pieces)) == wires.CALLED
    assert asked.sink.said[0]["message"]["model"] == "gemini-2.5-flash"
    assert b"[DONE]" not in asked.sink.body


async def test_a_response_has_its_events_numbered_in_order(engine):
    body = {"model": "asked", "input": "hi", "stream": True}
    script = wires.streamed(*wires.anthropic_events())
    asked = await ask(engine, to_anthropic, script, body, "/responses")
    events = asked.sink.said
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    texts = [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    assert "".join(texts) == "Hello"
    assert events[-1]["response"]["model"] == "claude-sonnet-4-5"


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "background"])
async def test_a_response_that_rests_on_kept_state_is_turned_down(engine, field):
    body = {"model": "asked", "input": "hi", field: "x"}
    asked = await ask(engine, to_anthropic, b"", body, "/responses")
    assert (asked.status, asked.json["error"]["code"]) == (400, "candor_bad_request")
    assert field in asked.json["error"]["message"]
    assert asked.seen == []


@pytest.mark.parametrize(
    ("method", "path"),
    [(b"POST", "/audio/speech"), (b"GET", "/models"), (b"GET", "/chat/completions"),
     (b"POST", "/messages/count_tokens")],
)  # fmt: skip
async def test_a_path_that_providers_do_not_serve_is_a_404_that_names_those_they_do(
    engine, method, path
):
    asked = await ask(engine, to_anthropic, b"", CHAT, path, method=method)
    assert (asked.status, asked.json["error"]["code"]) == (404, "candor_endpoint_unsupported")
    assert "/v1/chat/completions" in asked.json["error"]["message"]
    assert path in asked.json["error"]["message"]


# What the provider is sent.


async def test_the_model_is_the_deployments_and_not_the_clients(engine):
    asked = await ask(engine, to_anthropic, HELLO["anthropic"][1])
    assert asked.sent["model"] == "claude-sonnet-4-5"
    assert asked.seen[0].head.get(b"x-api-key") == SECRET.encode()


@pytest.mark.parametrize("model", ["gpt-9", "openai/gpt-9"])
async def test_a_star_in_the_model_is_what_the_client_asks_for(engine, model):
    def target(provider):
        return Target("openai", "*", SECRET, f"http://{provider.host}/v1")

    script = wires.json_bytes(wires.openai({"content": "Hello"}))
    asked = await ask(engine, target, script, {**CHAT, "model": model})
    assert asked.sent["model"] == "gpt-9"


@pytest.mark.parametrize(
    ("header", "value"),
    [(b"Authorization", b"Bearer sk-client"), (b"x-api-key", b"sk-client"),
     (b"api-key", b"sk-client")],
)  # fmt: skip
async def test_the_clients_key_goes_to_a_provider_only_where_the_deployment_has_none(
    engine, header, value
):
    script = HELLO["anthropic"][1]
    headers = [(header, value)]
    own = await ask(engine, to_anthropic, script, headers=headers)
    none = await ask(engine, lambda p: to_anthropic(p, None), script, headers=headers)
    assert own.seen[0].head.get(b"x-api-key") == SECRET.encode()
    assert none.seen[0].head.get(b"x-api-key") == b"sk-client"


async def test_the_clients_key_never_takes_the_place_of_a_clouds_credentials(engine):
    headers = [(b"Authorization", b"Bearer sk-client")]
    asked = await ask(engine, to_bedrock, HELLO["bedrock"][1], headers=headers)
    assert asked.seen[0].head.get(b"authorization").startswith(b"AWS4-HMAC-SHA256 Credential=AKIA/")


async def test_what_the_operator_set_outweighs_what_the_client_sends(engine):
    def target(provider):
        return to_anthropic(provider, temperature=0.25)

    asked = await ask(engine, target, HELLO["anthropic"][1], {**CHAT, "temperature": 0.75})
    assert asked.sent["temperature"] == 0.25


async def test_a_field_that_nobody_knows_reaches_the_provider(engine):
    asked = await ask(engine, to_anthropic, HELLO["anthropic"][1], {**CHAT, "novel_thing": [1]})
    assert asked.sent["novel_thing"] == [1]


STEERING = [
    "api_base", "base_url", "api_key", "api_version", "custom_llm_provider", "mock_response",
    "mock_tool_calls", "fallbacks", "model_list", "num_retries", "extra_headers", "extra_body",
    "headers", "timeout", "aws_role_name", "vertex_credentials", "azure_ad_token", "callbacks",
    "success_callback", "cache", "guardrailConfig", "logger_fn", "_skip_mcp_handler",
    "litellm_metadata", "drop_params", "deployment_id", "user_config", "model_id",
    "shared_session", "client",
]  # fmt: skip


@pytest.mark.parametrize("field", STEERING)
async def test_a_client_cannot_steer_litellm(engine, field):
    asked = await ask(engine, to_anthropic, b"", {**CHAT, field: "x"})
    assert (asked.status, asked.json["error"]["code"]) == (400, "candor_parameter_refused")
    assert repr(field) in asked.json["error"]["message"]
    assert asked.seen == []


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"{", "JSON"), (b"[]", "JSON"), ({"model": "m"}, "messages"),
     ({"messages": None}, "messages")],
)  # fmt: skip
async def test_a_body_that_cannot_be_put_to_a_provider_is_a_400_that_says_why(engine, body, said):
    asked = await ask(engine, to_anthropic, b"", body)
    assert (asked.status, asked.json["error"]["type"]) == (400, "invalid_request_error")
    assert said in asked.json["error"]["message"]
    assert asked.seen == []


async def test_a_parameter_that_the_provider_lacks_is_told_or_dropped_as_configured(engine):
    body = {**CHAT, "logit_bias": {"1": 2}}
    script = HELLO["anthropic"][1]
    told = await ask(engine, to_anthropic, script, body)
    dropped = await ask(engine, lambda p: to_anthropic(p, drop_params=True), script, body)
    assert told.status == 400
    assert "logit_bias" in told.json["error"]["message"]
    assert "litellm_settings" not in told.json["error"]["message"]
    assert dropped.status == 200
    assert "logit_bias" not in dropped.sent


# Errors.

SLOW_DOWN = wires.anthropic_error("rate_limit_error", f"Slow down, {SECRET}.")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_providers_error_keeps_its_status_message_and_waiting_time(engine, stream):
    script = wires.json_bytes(
        SLOW_DOWN, b"retry-after: 7", b"request-id: req_1", status=b"429 Too Many Requests"
    )
    asked = await ask(engine, to_anthropic, script, {**CHAT, "stream": stream})
    assert asked.status == 429
    assert asked.reply.reason == b"Too Many Requests"
    assert (asked.headers[b"retry-after"], asked.headers[b"request-id"]) == (b"7", b"req_1")
    assert asked.json == {
        "error": {
            "message": "Slow down, ***.", "type": "rate_limit_error", "param": None, "code": None
        }
    }  # fmt: skip
    assert len(asked.seen) == 1


async def test_an_error_for_anthropics_clients_is_in_their_shape(engine):
    script = wires.json_bytes(SLOW_DOWN, status=b"429 Too Many Requests")
    asked = await ask(engine, to_anthropic, script, {**CHAT, "max_tokens": 9}, "/messages")
    assert asked.json["type"] == "error"
    assert asked.json["error"]["type"] == "rate_limit_error"


ERRORS = {
    "anthropic overloaded": (to_anthropic, 529, wires.anthropic_error("overloaded_error", "Busy"),
                             "Busy", None),
    "gemini": (to_gemini, 400, {"error": {"code": 400, "message": "No such key",
                                          "status": "INVALID_ARGUMENT"}},
               "No such key", "INVALID_ARGUMENT"),
    "bedrock": (to_bedrock, 403, {"message": "Not allowed"}, "Not allowed", None),
    "ollama": (to_ollama, 404, {"error": "no llama3"}, "no llama3", None),
    "azure": (to_azure, 400, {"error": {"message": "Filtered", "type": None, "param": "prompt",
                                        "code": "content_filter", "status": 400,
                                        "innererror": {"content_filter_result": wires.FILTERED}}},
              "Filtered", "content_filter"),
    "openai": (to_openai, 401, {"error": {"message": "Bad key", "type": "invalid_request_error",
                                          "param": None, "code": "invalid_api_key"}},
               "Bad key", "invalid_api_key"),
}  # fmt: skip


@pytest.mark.parametrize(("target", "status", "body", "message", "code"), ERRORS.values(),
                         ids=ERRORS)  # fmt: skip
async def test_an_error_of_every_make_is_openais(engine, target, status, body, *, message, code):
    script = wires.json_bytes(body, status=b"%d Odd" % status)
    asked = await ask(engine, target, script)
    error = asked.json["error"]
    assert (asked.status, error["message"], error["code"]) == (status, message, code)
    assert {"type", "param"} <= set(error)
    assert len(asked.seen) == 1


@pytest.mark.parametrize("target", [to_anthropic, to_azure, to_openai, to_gemini, to_bedrock])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_call_that_failed_is_not_sent_again(engine, target, status):
    script = wires.json_bytes({"error": {"message": "no"}}, status=b"%d Odd" % status)
    asked = await ask(engine, target, script)
    assert asked.status == status
    assert len(asked.seen) == 1


async def test_azures_filter_error_keeps_what_it_says_of_the_prompt(engine):
    target, status, body, _, _ = ERRORS["azure"]
    asked = await ask(engine, target, wires.json_bytes(body, status=b"%d Bad" % status))
    assert asked.json["error"]["innererror"] == body["error"]["innererror"]
    assert asked.json["error"]["param"] == "prompt"


async def test_a_page_of_html_is_not_passed_off_as_a_message(engine):
    script = wires.json_reply(b"<html>" + b"x" * 100, status=b"502 Bad Gateway")
    asked = await ask(engine, to_anthropic, script)
    assert (asked.status, asked.json["error"]["message"]) == (502, "The provider answered 502.")


async def test_an_error_as_a_streams_first_event_has_its_own_status(engine):
    script = wires.streamed(wires.event("error", error={"type": "overloaded_error",
                                                        "message": "Busy"}))  # fmt: skip
    asked = await ask(engine, to_anthropic, script, STREAM)
    assert (asked.status, asked.json["error"]["message"]) == (529, "Busy")


async def test_nobody_listening_is_unreachable(engine):
    target = Target("anthropic", "m", SECRET, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UpstreamUnreachable, match="takes no connection"):
        await LiteLLMUpstream(target, engine).open(call_for(CHAT))


async def test_a_provider_that_hangs_up_is_unreachable(engine):
    with pytest.raises(UpstreamUnreachable, match="connection broke"):
        await ask(engine, to_anthropic, lambda wire, _: wire.close())


async def test_a_reply_that_cannot_be_read_is_no_reply_and_no_traceback(engine):
    with pytest.raises(UpstreamUnreachable) as problem:
        await ask(engine, to_anthropic, wires.json_bytes([1, 2]))
    assert "cannot be read" in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_that_says_nothing_is_a_timeout(engine, stream):
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.2 s"):
        await ask(engine, to_anthropic, lambda wire, _: None, {**CHAT, "stream": stream},
                  first_byte=0.2)  # fmt: skip


async def test_the_calls_own_deadline_ends_the_wait(engine):
    with FakeUpstream(lambda wire, _: None) as provider:
        call = call_for(CHAT)
        call.deadline = asyncio.get_running_loop().time() + 0.2
        with pytest.raises(UpstreamTimeout, match="time was over"):
            await LiteLLMUpstream(to_anthropic(provider), engine).open(call)


async def test_a_connection_that_is_not_taken_is_a_timeout_of_its_own(engine):
    with _full_backlog() as host:
        target = Target("anthropic", "m", SECRET, f"http://{host}")
        with pytest.raises(UpstreamTimeout, match=r"no connection within 0.2 s"):
            await LiteLLMUpstream(target, engine).open(call_for(CHAT, connect=0.2))


@contextlib.contextmanager
def _full_backlog():
    """An address whose connections are never taken: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        host, port = listener.getsockname()
        yield f"{host}:{port}"


# Streams that break.


async def broken(engine, target, script, body=STREAM, *, then=lambda parts: None, **named):
    """What reached the client before its stream was cut."""
    with FakeUpstream(script) as provider:
        reply = await LiteLLMUpstream(target(provider), engine).open(call_for(body, **named))
        sink = FakeSink(then)
        with pytest.raises(UpstreamBroken) as problem:
            await reply.pass_to(sink)
        reply.close()
    return sink, str(problem.value)


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_that_breaks_off_is_broken(engine, path):
    heard = threading.Event()

    def script(wire, _):
        wire.send(wires.streamed(*wires.anthropic_events(None), end=b""))
        assert heard.wait(20)
        wire.close()

    def then(parts):
        if b"lo" in parts[-1]:
            heard.set()

    body = {**PATHS[path], "stream": True}
    sink, _ = await broken(engine, to_anthropic, script, body, then=then, path=path)
    for ending in (b"[DONE]", b"message_stop", b"response.completed", b"event: error"):
        assert ending not in sink.body


@pytest.mark.parametrize(
    ("target", "events", "body", "path"),
    [
        (to_anthropic, wires.anthropic_events(None), STREAM, "/chat/completions"),
        (to_anthropic, wires.anthropic_events(None), {**STREAM, "max_tokens": 9}, "/messages"),
        (to_anthropic, wires.anthropic_events(None), {"input": "hi", "stream": True}, "/responses"),
        (to_gemini, [wires.sse(wires.gemini([{"text": "Hel"}]))], STREAM, "/chat/completions"),
        (to_azure, [wires.openai_chunk({"content": "Hel"})], STREAM, "/chat/completions"),
        (to_ollama, [wires.line(wires.ollama("Hel"))], STREAM, "/chat/completions"),
    ],
)
async def test_a_stream_that_just_stops_is_not_passed_off_as_complete(
    engine, target, events, body, *, path
):
    sink, said = await broken(engine, target, replying(wires.streamed(*events)), body, path=path)
    assert b"Hel" in sink.body
    assert "without saying why" in said
    for ending in (b"[DONE]", b"message_stop", b"response.completed", b'"finish_reason":"stop"'):
        assert ending not in sink.body


@pytest.mark.parametrize("path", PATHS)
async def test_an_error_in_the_middle_of_a_stream_is_told_before_it_is_cut(engine, path):
    body = {**PATHS[path], "stream": True}
    error = {"type": "overloaded_error", "message": f"Busy {SECRET}"}
    events = [*wires.anthropic_events(None), wires.event("error", error=error)]
    sink, _ = await broken(engine, to_anthropic, replying(wires.streamed(*events)), body, path=path)
    said = sink.said[-1]
    assert said.get("error", said)["message"] == "Busy ***"
    assert SECRET.encode() not in sink.body


async def test_silence_within_a_stream_breaks_it(engine):
    def script(wire, _):
        wire.send(wires.streamed(*wires.anthropic_events(None)[:4], end=b""))

    _, said = await broken(engine, to_anthropic, script, idle=0.2)
    assert said == "it was silent for 0.2 s"


# Leaving, and holding back.


class Hangups:
    """A provider that answers as told and notes that its caller left."""

    def __init__(self, *parts):
        self.asked = threading.Event()
        self.left = threading.Event()
        self._parts = parts

    def __call__(self, wire, _):
        wire.send(*self._parts)
        self.asked.set()
        with contextlib.suppress(EOFError, OSError):
            wire.until(b"never")
        self.left.set()


async def test_a_cancelled_call_cancels_the_providers(engine):
    script = Hangups()
    with FakeUpstream(script) as provider:
        upstream = LiteLLMUpstream(to_anthropic(provider), engine)
        task = asyncio.create_task(upstream.open(call_for(CHAT)))
        await wait_until_async(script.asked.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until_async(script.left.is_set, seconds=5)


async def test_a_client_that_leaves_in_the_middle_ends_the_providers_stream(engine):
    script = Hangups(wires.streamed(*wires.anthropic_events(None), end=b""))
    with FakeUpstream(script) as provider:
        reply = await LiteLLMUpstream(to_anthropic(provider), engine).open(call_for(STREAM))
        sink = FakeSink()
        task = asyncio.create_task(reply.pass_to(sink))
        await wait_until_async(lambda: len(sink.parts) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        reply.close()
        await wait_until_async(script.left.is_set, seconds=5)


async def test_a_reply_that_is_never_read_ends_the_providers_stream(engine):
    script = Hangups(wires.streamed(*wires.anthropic_events(None), end=b""))
    with FakeUpstream(script) as provider:
        reply = await LiteLLMUpstream(to_anthropic(provider), engine).open(call_for(STREAM))
        reply.close()
        reply.close()
        await wait_until_async(script.left.is_set, seconds=5)


async def test_a_client_that_is_paused_is_sent_nothing_until_it_goes_on(engine):
    with FakeUpstream(replying(HELLO_STREAMS["anthropic"][1])) as provider:
        reply = await LiteLLMUpstream(to_anthropic(provider), engine).open(call_for(STREAM))
        sink = FakeSink(lambda parts: reply.pause())
        task = asyncio.create_task(reply.pass_to(sink))
        counts = []
        while not task.done():
            before = len(sink.parts)
            await engine.run(asyncio.sleep(0))  # A turn of LiteLLM's loop, in which it could send.
            await engine.run(asyncio.sleep(0))
            counts.append(len(sink.parts) - before)
            reply.resume()
        await task
        reply.close()
    assert len(sink.parts) == 4
    assert max(counts) <= 1
    assert sink.body.endswith(b"[DONE]\n\n")


async def test_a_refusal_at_the_end_of_a_long_stream_that_repeats_itself_is_still_heard(engine):
    long = [wires.event("content_block_delta", index=0,
                        delta={"type": "text_delta", "text": "word " * 200})] * 200  # fmt: skip
    events = wires.anthropic_events("refusal", stop_details=wires.EXPLAINED)
    script = wires.streamed(*events[:5], *long, *events[5:])
    asked = await ask(engine, to_anthropic, script, STREAM)
    assert asked.delta["refusal"] == wires.EXPLAINED["explanation"]
    assert len(asked.delta["content"]) == 5 + 200 * 1000


async def test_what_a_model_says_about_stopping_is_not_taken_for_the_providers_word(engine):
    quoted = wires.anthropic(content=[{"type": "text", "text": '{"stop_reason": "refusal"}'}])
    choice = (await ask(engine, to_anthropic, wires.json_bytes(quoted))).choice
    assert (choice["finish_reason"], choice["message"]["refusal"]) == ("stop", None)


def workers():
    return [each for each in threading.enumerate() if each.name == "litellm"]


async def test_a_reply_that_is_closed_after_the_engine_was_starts_nothing_anew(engine):
    before = workers()
    other = LiteLLMEngine()
    await other.run(asyncio.sleep(0))
    assert len(workers()) == len(before) + 1
    await other.aclose()
    other.leave(asyncio.sleep(0))
    await other.aclose()
    assert workers() == before


async def test_many_calls_at_once_do_not_hear_each_other(engine):
    refused = wires.json_bytes(wires.anthropic("refusal", stop_details=wires.EXPLAINED))
    hello = HELLO["anthropic"][1]
    asked = await asyncio.gather(
        *[ask(engine, to_anthropic, refused if n % 2 else hello) for n in range(10)]
    )
    told = [bool(each.choice["message"]["refusal"]) for each in asked]
    assert told == [bool(n % 2) for n in range(10)]


# Anthropic's clients and Anthropic.


class FakeMessages:
    """Stands where the passthrough to Anthropic's API does."""

    def __init__(self):
        self.calls = []
        self.closed = False

    async def open(self, call):
        self.calls.append(call)
        return "the reply"

    async def aclose(self):
        self.closed = True


def settings_of(**upstream):
    tree = {"deployments": [{"name": "d", "upstream": upstream}]}
    return settings_from(tree, environ={"KEY": SECRET}).deployments[0]


@pytest.mark.parametrize(
    ("headers", "key", "sent"),
    [
        ([(b"Authorization", b"Bearer sk-client")], "env:KEY", SECRET.encode()),
        ([(b"x-api-key", b"sk-client")], "env:KEY", SECRET.encode()),
        ([(b"Authorization", b"Bearer sk-client")], None, b"sk-client"),
        ([], None, None),
    ],
)
async def test_anthropics_clients_reach_anthropic_without_litellm(headers, key, sent):
    deployment = settings_of(provider="anthropic", model="claude", api_key=key)
    messages = FakeMessages()
    upstream = open_litellm(deployment, messages=messages)
    assert await upstream.open(call_for(b"{}", "/messages", headers=headers)) == "the reply"
    await upstream.open(call_for(b"{}", "/messages/count_tokens", headers=headers))
    call, _ = messages.calls
    assert call.body == b"{}"
    found = {name.lower(): value for name, value in call.headers}
    assert found.pop(b"anthropic-version") == b"2023-06-01"
    assert found == ({} if sent is None else {b"x-api-key": sent})
    await upstream.aclose()
    assert messages.closed


async def test_the_version_that_a_client_speaks_is_left_to_it():
    messages = FakeMessages()
    deployment = settings_of(provider="anthropic", model="claude")
    headers = [(b"Anthropic-Version", b"2024-01-01")]
    await open_litellm(deployment, messages=messages).open(
        call_for(b"{}", "/messages", headers=headers)
    )
    assert messages.calls[0].headers == headers


@pytest.mark.parametrize(
    ("upstream", "base"),
    [
        ({"provider": "anthropic"}, "https://api.anthropic.com/v1"),
        ({"provider": "anthropic", "base_url": "http://h/v1"}, "http://h/v1"),
        ({"provider": "anthropic", "parameters": {"api_base": "http://h"}}, "http://h/v1"),
        (
            {"provider": "anthropic", "parameters": {"api_base": "http://h/v1/messages"}},
            "http://h/v1",
        ),
        ({"provider": "anthropic", "parameters": {"temperature": 1}}, None),
        ({"provider": "anthropic", "model": "*"}, None),
        ({"provider": "bedrock"}, None),
    ],
)
def test_messages_need_no_translation_only_where_nothing_else_is_asked_for(upstream, base):
    deployment = settings_of(**{"model": "claude", **upstream})
    assert messages_base(deployment.upstream) == base


def test_a_deployment_is_put_to_litellm_with_its_secrets_in_the_clear_and_shown_nowhere():
    deployment = settings_of(
        provider="azure", model="gpt", api_key="env:KEY",
        parameters={"api_version": "1", "api_base": "http://h", "azure_ad_token": "env:KEY"},
    )  # fmt: skip
    target = target_of(deployment.upstream)
    assert (target.provider, target.model, target.api_base) == ("azure", "gpt", "http://h")
    assert target.arguments == {"api_version": "1", "azure_ad_token": SECRET}
    assert target.secrets == (SECRET,)
    assert SECRET not in repr(target)


# Starting.


async def test_a_provider_that_litellm_does_not_know_is_named_before_serving(engine):
    assert await engine.warm(["anthropic", "antropic"]) == [
        "LiteLLM knows no provider 'antropic'; did you mean anthropic?"
    ]


@pytest.mark.parametrize("module", ["gateway.wiring", "gateway.cli", "gateway.upstreams.litellm"])
def test_litellm_is_not_imported_before_it_is_needed(module):
    code = f"import sys, {module}; sys.exit('litellm' in sys.modules or 'aiohttp' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
