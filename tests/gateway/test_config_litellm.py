"""A LiteLLM proxy's config.yaml: what becomes of it, and what is said of the rest."""

from __future__ import annotations

import pytest
import yaml

from gateway.config import settings_from
from gateway.config_litellm import LiteLLMConfigProblem, translate

ENVIRON = {
    "OPENAI_API_KEY": "sk-openai",
    "ANTHROPIC_API_KEY": "sk-anthropic",
    "AZURE_API_KEY": "az",
    "MASTER": "sk-1234",
}


def translated(text: str):
    return translate(yaml.safe_load(text))


def settings(text: str):
    """The translation, accepted by our own validation."""
    return settings_from(translated(text).tree, environ=ENVIRON)


def only(text: str):
    [deployment] = settings(text).deployments
    return deployment


ONE = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o}
"""


def test_openai_becomes_an_address_so_that_bytes_pass_unchanged():
    deployment = only(ONE)
    upstream = deployment.upstream
    assert (deployment.name, deployment.model) == ("gpt-4o", "gpt-4o")
    assert (upstream.base_url, upstream.provider) == ("https://api.openai.com/v1", None)
    assert upstream.model == "gpt-4o"
    assert upstream.api_key.get_secret_value() == "sk-openai"


def test_a_server_of_ones_own_keeps_its_address_and_needs_no_key():
    upstream = only("""
model_list:
  - model_name: llama
    litellm_params: {model: hosted_vllm/meta/llama-3, api_base: "http://vllm:8000/v1/"}
""").upstream
    assert (upstream.base_url, upstream.model) == ("http://vllm:8000/v1", "meta/llama-3")
    assert upstream.api_key is None


@pytest.mark.parametrize(
    ("params", "provider", "model"),
    [
        ("{model: anthropic/claude-sonnet-4-5}", "anthropic", "claude-sonnet-4-5"),
        ("{model: claude-sonnet-4-5}", "anthropic", "claude-sonnet-4-5"),
        (
            "{model: bedrock/us.anthropic.claude-3, aws_region_name: us-east-1}",
            "bedrock",
            "us.anthropic.claude-3",
        ),
        ("{model: ollama/llama3, api_base: 'http://localhost:11434'}", "ollama", "llama3"),
        ("{model: my-model, custom_llm_provider: anthropic}", "anthropic", "my-model"),
    ],
)
def test_every_other_provider_goes_through_litellm(params, provider, model):
    upstream = only(f"model_list: [{{model_name: m, litellm_params: {params}}}]").upstream
    assert (upstream.provider, upstream.model, upstream.base_url) == (provider, model, None)


def test_a_providers_arguments_are_carried_over_with_their_secrets_resolved():
    upstream = only("""
model_list:
  - model_name: m
    litellm_params:
      model: azure/my-deployment
      api_base: os.environ/OPENAI_API_KEY
      api_version: "2024-10-21"
      extra_headers: {x-team: os.environ/MASTER}
""").upstream
    assert upstream.arguments() == {
        "api_base": "sk-openai",
        "api_version": "2024-10-21",
        "extra_headers": {"x-team": "sk-1234"},
    }
    assert upstream.api_key.get_secret_value() == "az"


def test_an_argument_that_only_litellm_understands_keeps_its_meaning_and_is_named():
    translation = translated("""
model_list:
  - {model_name: m, litellm_params: {model: openai/gpt-4o, temperature: 0.2}}
""")
    [deployment] = translation.tree["deployments"]
    assert deployment["upstream"]["provider"] == "openai"
    assert deployment["upstream"]["parameters"] == {"temperature": 0.2}
    assert translation.notes == (
        "model_list[0].litellm_params.temperature: needs LiteLLM, so this deployment's bytes are "
        "translated",
    )


def test_an_address_from_the_environment_is_resolved_by_litellms_deployment():
    upstream = only("""
model_list:
  - {model_name: m, litellm_params: {model: openai/x, api_base: os.environ/OPENAI_API_KEY}}
""").upstream
    assert (upstream.provider, upstream.base_url) == ("openai", None)
    assert upstream.arguments() == {"api_base": "sk-openai"}


GROUP = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/a, %s: %s}}
  - {model_name: gpt, litellm_params: {model: openai/b, %s: %s}}
"""


@pytest.mark.parametrize(
    ("measures", "weights"),
    [
        (("weight", 9, "weight", 1), [9, 1]),
        (("weight", 0.9, "weight", 0.1), [900, 100]),
        (("rpm", 900, "rpm", 100), [900, 100]),
        (("tpm", 10, "rpm", 100), [10, 0]),
        (("weight", 3, "rpm", 100), [3, 0]),
        (("timeout", 3, "timeout", 3), [1, 1]),
    ],
)
def test_entries_of_one_name_share_its_calls_as_simple_shuffle_would(measures, weights):
    deployments = settings(GROUP % measures).deployments
    assert [entry.name for entry in deployments] == ["gpt-1", "gpt-2"]
    assert [entry.model for entry in deployments] == ["gpt", "gpt"]
    assert [entry.weight for entry in deployments] == weights


def test_a_name_that_cannot_be_a_label_is_written_so_that_it_can():
    names = [
        entry.name
        for entry in settings("""
model_list:
  - {model_name: "org/gpt 4", litellm_params: {model: openai/a}}
  - {model_name: "*", litellm_params: {model: openai/*}}
  - {model_name: other, litellm_params: {model: openai/b}}
  - {model_name: x, litellm_params: {model: openai/b}, model_info: {id: mine}}
""").deployments
    ]
    assert names == ["org-gpt-4", "deployment", "other-1", "mine"]


@pytest.mark.parametrize("asked", ["*", "gpt-*"])
def test_a_wildcard_passes_the_model_as_it_was_asked_for(asked):
    real = "*" if asked == "*" else "gpt-*"
    deployment = only(
        f"model_list: [{{model_name: '{asked}', litellm_params: {{model: 'openai/{real}'}}}}]"
    )
    assert (deployment.model, deployment.upstream.model) == (asked, None)
    assert deployment.upstream.base_url == "https://api.openai.com/v1"


def test_a_wildcard_that_must_be_rewritten_goes_through_litellm():
    upstream = only("model_list: [{model_name: 'openai/*', litellm_params: {model: 'openai/*'}}]")
    assert (upstream.upstream.provider, upstream.upstream.model) == ("openai", "*")


WHOLE = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/a, timeout: 30}}
  - {model_name: claude, litellm_params: {model: anthropic/claude}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-2, cooldown_time: 60}}
router_settings:
  num_retries: 2
  timeout: "20"
  fallbacks: [{gpt: [claude]}]
  content_policy_fallbacks: [{claude: [gpt]}]
  allowed_fails: 2
  routing_strategy: latency-based-routing
  redis_host: os.environ/REDIS_HOST
litellm_settings:
  num_retries: 7
  drop_params: true
  success_callback: [langfuse]
general_settings:
  master_key: os.environ/MASTER
  database_url: os.environ/DATABASE_URL
environment_variables: {A: b}
"""


def test_router_settings_become_routes_and_breakers():
    found = settings(WHOLE)
    gpt, claude = found.routes["gpt"], found.routes["claude"]
    assert gpt.fallbacks == ("claude-1", "claude-2")
    assert claude.content_policy_fallbacks == ("gpt",)
    assert (gpt.retries, claude.retries) == (2, 2)
    assert (gpt.try_timeout_seconds, claude.try_timeout_seconds) == (30.0, 20.0)
    breakers = [entry.breaker for entry in found.deployments]
    assert [(b.failures, b.open_seconds) for b in breakers] == [(3, 5.0), (3, 5.0), (3, 60.0)]
    assert {(b.ratio, b.window_seconds) for b in breakers} == {(0.0, 60.0)}


def test_nothing_of_our_own_is_switched_on_that_the_file_does_not_ask_for():
    tree = translated(ONE).tree
    assert set(tree) == {"deployments"}
    assert "breaker" not in tree["deployments"][0]


def test_the_master_key_opens_the_gateway_and_its_control_api():
    found = settings(WHOLE)
    [key] = found.keys
    assert key.key.get_secret_value() == "sk-1234"
    assert found.server.admin_token.get_secret_value() == "sk-1234"


def test_what_is_ignored_is_named():
    assert translated(WHOLE).notes == (
        "router_settings.routing_strategy: 'latency-based-routing' ignored; weights decide",
        "router_settings.redis_host: ignored",
        "litellm_settings.success_callback: ignored",
        "general_settings.database_url: ignored",
        "environment_variables: ignored",
    )


def test_drop_params_reaches_the_requests_that_are_translated():
    upstreams = [entry.upstream for entry in settings(WHOLE).deployments]
    assert [u.arguments().get("drop_params") for u in upstreams] == [None, True, True]


def test_an_alias_reaches_the_same_upstream():
    first, second = settings("""
model_list: [{model_name: gpt-4o, litellm_params: {model: openai/gpt-4o}}]
router_settings: {model_group_alias: {gpt-4: gpt-4o}}
""").deployments
    assert (first.model, second.model) == ("gpt-4o", "gpt-4")
    assert first.upstream == second.upstream


def test_default_fallbacks_stand_behind_every_model_but_their_own():
    found = settings("""
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
litellm_settings: {default_fallbacks: [b]}
""")
    assert found.routes["a"].fallbacks == ("b",)
    assert "b" not in found.routes


def test_a_fallback_to_a_model_that_is_not_there_is_named():
    notes = translated(ONE + "router_settings: {fallbacks: [{gpt-4o: [gone]}, {who: [gpt-4o]}]}")
    assert notes.notes == (
        "fallbacks.gpt-4o: 'gone' ignored, as model_list has none of that name",
        "fallbacks.who: ignored, as model_list has no 'who'",
    )


def test_prices_are_carried_over():
    upstream = only("""
model_list:
  - model_name: m
    litellm_params: {model: openai/a, input_cost_per_token: 0.0000025}
""").upstream
    assert upstream.price.input_usd_per_million == 2.5
    assert upstream.price.output_usd_per_million == 0


def test_a_named_credential_is_looked_up():
    upstream = only("""
model_list:
  - {model_name: m, litellm_params: {model: openai/a, litellm_credential_name: c}}
credential_list:
  - {credential_name: c, credential_values: {api_key: os.environ/MASTER}}
""").upstream
    assert upstream.api_key.get_secret_value() == "sk-1234"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("7", "model_list[0]: is not a mapping; write model_name and litellm_params"),
        ("{litellm_params: {model: a/b}}",
         "model_list[0].model_name: is missing; write what clients ask for"),
        ("{model_name: m}",
         "model_list[0].litellm_params.model: is missing; write e.g. openai/gpt-4o"),
        ("{model_name: m, litellm_params: {model: mystery}}",
         "model_list[0].litellm_params.model: 'mystery' names no provider; write e.g. "
         "openai/mystery"),
        ("{model_name: m, litellm_params: {model: hosted_vllm/x}}",
         "model_list[0].litellm_params.api_base: is missing; hosted_vllm needs an address"),
        ("{model_name: m, litellm_params: {model: openai/x, api_base: 'http://h:1'}}",
         "model_list[0].litellm_params.api_base: 'http://h:1' lacks the API's path; write "
         "http://h:1/v1"),
        ("{model_name: m, litellm_params: {model: openai/x, api_base: 7}}",
         "model_list[0].litellm_params.api_base: 7 is no address; write e.g. "
         "https://api.openai.com/v1"),
        ("{model_name: m, litellm_params: {model: openai/x, litellm_credential_name: c}}",
         "model_list[0].litellm_params.litellm_credential_name: credential_list has no 'c'; add "
         "it, or write api_key"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_used_is_a_line_with_its_place_and_remedy(entry, line):
    with pytest.raises(LiteLLMConfigProblem) as problem:
        translated(f"model_list: [{entry}]")
    assert problem.value.lines == (line,)


def test_every_unusable_entry_is_told_at_once():
    with pytest.raises(LiteLLMConfigProblem) as problem:
        translated("model_list: [{model_name: a}, {model_name: b}]")
    assert len(problem.value.lines) == 2


@pytest.mark.parametrize("text", ["model_list: []", "model_list: 3", "model_list: null"])
def test_a_list_without_models_is_no_configuration(text):
    with pytest.raises(LiteLLMConfigProblem, match="model_list: holds no model"):
        translated(text)


def test_a_branch_that_is_no_mapping_is_named():
    with pytest.raises(LiteLLMConfigProblem, match="router_settings: is not a mapping"):
        translated(ONE + "router_settings: [a]")
