"""One gateway for every SDK: own keys, several deployments, limits that the SDKs understand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.clients.sides import Sides
from tests.clients.test_openai_text import QUESTION, sdk
from tests.running import Gateway, serving

KEY = "ck-team-a-0123456789"
CONFIG = """
keys:
  - {{name: team-a, key: {key}}}
  - {{name: hasty, key: ck-hasty-0123456789, rpm: 1}}
  - {{name: narrow, key: ck-narrow-0123456789, models: ["claude-*"]}}
deployments:
  - name: openai
    model: "gpt-*"
    upstream: {{base_url: {root}/v1, api_key: sk-upstream-openai, key_header: authorization}}
  - name: azure
    model: eu-gpt
    upstream:
      {{base_url: {root}/openai, model: gpt-in-azure, api_key: az-upstream, key_header: api-key}}
  - name: anthropic
    model: "claude-*"
    upstream: {{base_url: {root}/v1, api_key: sk-upstream-anthropic, key_header: x-api-key}}
  - name: gone
    model: gone
    upstream: {{base_url: "http://127.0.0.1:9/v1"}}
"""


@pytest.fixture(scope="module")
def gateway(scripted: Sides, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("one")
    file = home / "candor.yaml"
    file.write_text(CONFIG.format(key=KEY, root=scripted.direct), encoding="utf-8")
    with serving("--config", str(file), home=home) as running:
        yield running


def newest(scripted: Sides) -> Any:
    assert scripted.provider is not None
    return scripted.provider.received[-1]


def keys_of(request: Any) -> dict[str, str]:
    """What an upstream was shown as credentials."""
    names = ("authorization", "api-key", "x-api-key")
    return {name: request.header(name) for name in names if request.header(name)}


def test_openais_client_reaches_openai_with_the_deployments_key(scripted: Sides, gateway: Gateway):
    with sdk(gateway.url, api_key=KEY) as client:
        reply = client.chat.completions.create(model="gpt-1", messages=QUESTION)
    assert reply.id == "chatcmpl-scripted"
    assert keys_of(newest(scripted)) == {"authorization": "Bearer sk-upstream-openai"}


def test_anthropics_client_reaches_anthropic_with_the_deployments_key(scripted, gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        reply = client.messages.create(model="claude-1", max_tokens=9, messages=QUESTION)
    assert reply.id == "msg_scripted"
    assert keys_of(newest(scripted)) == {"x-api-key": "sk-upstream-anthropic"}


def test_anthropics_client_may_send_its_key_as_x_api_key(scripted, gateway):
    headers = {"x-api-key": KEY, "authorization": ""}
    with anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=0) as client:
        asked: Any = {"model": "claude-1", "max_tokens": 9, "messages": QUESTION}
        assert client.messages.create(**asked, extra_headers=headers).id == "msg_scripted"
    assert keys_of(newest(scripted)) == {"x-api-key": "sk-upstream-anthropic"}


@pytest.mark.parametrize("asked", ["eu-gpt", "gpt-1"])
def test_azures_client_reaches_whatever_serves_its_deployments_name(scripted, gateway, asked):
    with openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21"
    ) as client:
        reply = client.chat.completions.create(model=asked, messages=QUESTION)
    assert reply.id == "chatcmpl-scripted"
    expected = {
        "eu-gpt": ("/openai/deployments/gpt-in-azure/chat/completions", {"api-key": "az-upstream"}),
        "gpt-1": ("/v1/chat/completions", {"authorization": "Bearer sk-upstream-openai"}),
    }
    request = newest(scripted)
    assert (request.path, keys_of(request)) == expected[asked]
    assert KEY not in str(request.headers)


def test_openais_client_is_not_rerouted_to_azures_paths(scripted, gateway):
    """Which deployment serves a model is not the client's business; which API it speaks is."""
    with sdk(gateway.url, api_key=KEY) as client:
        client.chat.completions.create(model="gpt-1", messages=QUESTION)
    assert newest(scripted).path == "/v1/chat/completions"


def test_both_sdks_list_the_models_of_all_deployments(gateway: Gateway):
    with sdk(gateway.url, api_key=KEY) as client:
        listed = {model.id for model in client.models.list()}
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY) as client:
        assert {model.id for model in client.models.list()} == listed
    assert {"eu-gpt", "gone"} <= listed


def test_a_wrong_key_is_the_sdks_authentication_error(gateway: Gateway):
    with (
        sdk(gateway.url, api_key="ck-wrong") as client,
        pytest.raises(openai.AuthenticationError) as problem,
    ):
        client.models.list()
    assert problem.value.code == "candor_invalid_key"
    with (
        anthropic.Anthropic(base_url=gateway.url, api_key="ck-wrong") as client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        client.messages.create(model="claude-1", max_tokens=9, messages=QUESTION)


def test_a_model_that_is_not_allowed_is_an_error_the_sdk_names(gateway: Gateway):
    with (
        sdk(gateway.url, api_key="ck-narrow-0123456789") as client,
        pytest.raises(openai.APIStatusError) as problem,
    ):
        client.chat.completions.create(model="gpt-1", messages=QUESTION)
    assert problem.value.status_code in (403, 404)
    assert str(problem.value.code).startswith("candor_")


def test_an_upstream_that_is_not_there_is_an_error_that_names_the_deployment(gateway: Gateway):
    with (
        sdk(gateway.url, api_key=KEY) as client,
        pytest.raises(openai.InternalServerError) as problem,
    ):
        client.chat.completions.create(model="gone", messages=QUESTION)
    assert problem.value.code == "candor_upstream_unreachable"
    assert "gone" in problem.value.message


def test_a_spent_limit_is_the_sdks_rate_limit_error_with_a_time_to_wait(gateway: Gateway):
    with sdk(gateway.url, api_key="ck-hasty-0123456789") as client:
        client.chat.completions.create(model="gpt-1", messages=QUESTION)
        with pytest.raises(openai.RateLimitError) as problem:
            client.chat.completions.create(model="gpt-1", messages=QUESTION)
    assert 0 < float(problem.value.response.headers["retry-after"]) <= 61
    assert str(problem.value.code).startswith("candor_")
