"""`candor serve` with a LiteLLM proxy's config.yaml, in front of providers that are not OpenAI."""

from __future__ import annotations

import anthropic
import openai
import pytest

from tests.gateway import provider_wires as wires
from tests.gateway.stage import FakeUpstream
from tests.running import candor, serving

QUESTION = [{"role": "user", "content": "hi"}]
CONFIG = """
model_list:
  - model_name: claude
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: sk-provider, api_base: "http://{host}"}}
  - model_name: gemini
    litellm_params: {{model: gemini/gemini-2.5-flash, api_key: sk-provider, api_base: "http://{host}"}}
general_settings: {{master_key: sk-master}}
litellm_settings: {{success_callback: [langfuse]}}
"""


def script(wire, message):
    """Both providers, by the path that is asked for."""
    path = message.head.line.split(b" ")[1]
    if path == b"/v1/messages" and b'"stream": true' in message.body:
        wire.send(wires.streamed(*wires.anthropic_events()))
    elif path == b"/v1/messages":
        wire.send(wires.json_bytes(wires.anthropic("refusal", stop_details=wires.EXPLAINED)))
    else:
        wire.send(wires.json_bytes(wires.gemini([{"text": "Hello"}], "STOP")))


@pytest.fixture(scope="module")
def provider():
    with FakeUpstream(script) as running:
        yield running


@pytest.fixture(scope="module")
def config(provider, tmp_path_factory):
    path = tmp_path_factory.mktemp("litellm") / "config.yaml"
    path.write_text(CONFIG.format(host=provider.host))
    return path


@pytest.fixture(scope="module")
def gateway(config, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with serving("--config", str(config), home=home) as running:
        yield running


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=gateway.base_url, api_key="sk-master", max_retries=0) as sdk:
        yield sdk


def test_a_providers_refusal_reaches_the_openai_sdk(client):
    reply = client.chat.completions.create(model="claude", messages=QUESTION)
    assert reply.choices[0].message.refusal == wires.EXPLAINED["explanation"]


def test_a_providers_stream_reaches_the_openai_sdk(client):
    stream = client.chat.completions.create(model="claude", messages=QUESTION, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello"


def test_the_responses_api_reaches_a_provider_that_has_none(client):
    assert client.responses.create(model="gemini", input="hi").output_text == "Hello"


@pytest.mark.parametrize("model", ["claude", "gemini"])
def test_anthropics_sdk_reaches_every_provider(gateway, provider, model):
    with anthropic.Anthropic(base_url=gateway.url, api_key="sk-master", max_retries=0) as sdk:
        reply = sdk.messages.create(model=model, max_tokens=9, messages=QUESTION)
    assert reply.content[0].text == "Hello"
    assert reply.stop_reason == ("refusal" if model == "claude" else "end_turn")


def test_the_clients_key_opens_the_gateway_and_goes_no_further(gateway, client, provider):
    client.chat.completions.create(model="gemini", messages=QUESTION)
    sent = provider.seen[-1].head
    assert sent.get(b"x-goog-api-key") == b"sk-provider"
    assert b"sk-master" not in b"".join(value for _, value in sent.headers)
    with (
        openai.OpenAI(base_url=gateway.base_url, api_key="sk-other", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model="gemini", messages=QUESTION)


def test_what_the_gateway_leaves_out_of_the_file_is_named_before_it_starts(config, tmp_path):
    checked = candor("check-config", str(config), home=tmp_path)
    assert checked.returncode == 0, checked.stderr
    said = checked.stdout + checked.stderr
    assert "litellm_settings.success_callback: ignored" in said
    assert "sk-" not in said
