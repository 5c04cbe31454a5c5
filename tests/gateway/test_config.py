"""What a configuration may say, and what is said about one that cannot be used."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import get_args, get_origin

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from gateway.config import (
    ConfigProblem,
    Settings,
    exposures,
    hindrances,
    json_schema,
    load_settings,
    not_yet_acted_on,
    notes,
    settings_for_upstream,
    settings_from,
)

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "CANDOR_ADMIN_TOKEN": "token-1",
    "TEAM_A_KEY": "key-2",
    "OPENAI_API_KEY": "sk-3",
    "ANTHROPIC_API_KEY": "sk-ant-4",
}
EVERYTHING = """
server: {host: 0.0.0.0, port: 8080, workers: 2, admin_token: env:CANDOR_ADMIN_TOKEN}
keys: [{name: team-a, key: env:TEAM_A_KEY, models: ["gpt-*"], rpm: 600}]
deployments:
  - name: gpt-prod
    model: gpt-4o
    upstream:
      base_url: https://api.openai.com/v1
      model: gpt-4o-2024-11-20
      api_key: env:OPENAI_API_KEY
    weight: 95
  - name: gpt-canary
    model: gpt-4o
    upstream: {base_url: https://api.openai.com/v1, model: gpt-5, api_key: env:OPENAI_API_KEY}
    weight: 5
  - name: claude
    model: claude
    upstream: {provider: anthropic, model: claude-sonnet-4-5, api_key: env:ANTHROPIC_API_KEY}
routes: {gpt-4o: {fallbacks: [claude], retries: 2, timeout_seconds: 60}}
limits: {url: local}
mirror:
  sample: 0.1
  max_reply_bytes: 262144
  redact: [email, phone, card, key]
  retention_days: 30
  shadow: {to: gpt-canary, sample: 0.01, max_usd_per_day: 20}
classifier: {cascade: [native, phrases, embedding], judge: null}
probes:
  - sets: [or-bench-hard, or-bench-toxic]
    deployments: [gpt-prod]
    schedule: "0 3 * * *"
    limit: 300
    seed: 7
policies:
  - {name: no-dosage, abstain_from: medical dosage, technique: few_shot_cot, taxonomy: ./d.yaml}
guards: []
store: {url: sqlite:///candor.db}
queue: {url: local}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "candor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def one(**deployment) -> dict:
    """A configuration with one deployment."""
    upstream = {"base_url": "http://127.0.0.1:1/v1", **deployment.pop("upstream", {})}
    return {"deployments": [{"name": "a", "upstream": upstream, **deployment}]}


def problems(tree: dict, **environ: str) -> list[str]:
    with pytest.raises(ConfigProblem) as refused:
        settings_from(tree, environ=environ)
    assert str(refused.value) == "\n".join(refused.value.lines)
    return list(refused.value.lines)


def test_a_configuration_that_says_everything_is_understood(tmp_path):
    settings = load_settings(written(tmp_path, EVERYTHING), environ=SECRETS)
    assert settings.deployments[0].upstream.api_key.get_secret_value() == "sk-3"
    assert settings.server.workers == 2
    assert settings.mirror.shadow.to == "gpt-canary"
    assert settings.routes["gpt-4o"].retries == 2


def test_no_secret_is_shown_by_anything_that_prints_the_settings(tmp_path):
    settings = load_settings(written(tmp_path, EVERYTHING), environ=SECRETS)
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    assert not [secret for secret in SECRETS.values() if secret in shown]


def test_what_is_understood_but_has_no_effect_yet_is_named(tmp_path):
    settings = load_settings(written(tmp_path, EVERYTHING), environ=SECRETS)
    named = [line.split(":")[0].split(" ")[0] for line in not_yet_acted_on(settings)]
    assert named == [
        "mirror.shadow",
        "policies[0]",
    ]
    assert not_yet_acted_on(settings_from(one(), environ={})) == []


@pytest.mark.parametrize(
    ("host", "named"),
    [("0.0.0.0", True), ("::", True), ("gateway.internal", True), ("10.0.0.7", True),
     ("127.0.0.1", False), ("127.0.0.9", False), ("::1", False), ("localhost", False)],
)  # fmt: skip
def test_a_key_that_strangers_could_spend_is_named(host, named):
    tree = one(upstream={"base_url": "https://a.example/v1", "api_key": "sk-secret"})
    lines = exposures(settings_from(tree | {"server": {"host": host}}, environ={}))
    line = (
        f"deployments[0].upstream.api_key: anyone who reaches {host}:8080 can spend it; "
        "configure keys, or listen on 127.0.0.1"
    )
    assert lines == ([line] if named else [])


def test_a_key_that_only_clients_can_spend_is_not_exposed():
    everywhere = {"server": {"host": "0.0.0.0"}}
    tree = one(upstream={"base_url": "https://a.example/v1", "api_key": "sk-secret"}) | everywhere
    keys = {"keys": [{"name": "a", "key": "k"}]}
    assert exposures(settings_from(tree | keys, environ={})) == []
    assert exposures(settings_from(one() | everywhere, environ={})) == []


def test_what_cannot_be_served_yet_is_named():
    tree = one() | {"store": {"url": "postgresql://u:secret@h/d"}, "queue": {"url": "redis://h"}}
    tree |= {"classifier": {"cascade": ["native", "judge"], "judge": "a"}}
    lines = hindrances(settings_from(tree, environ={}))
    assert [line.split(": ")[0] for line in lines] == [
        "store.url",
        "queue.url",
        "classifier.judge",
    ]
    assert "secret" not in "".join(lines)
    assert hindrances(settings_from(one(), environ={})) == []


def test_a_package_that_is_needed_and_absent_is_named_with_the_way_to_get_it():
    tree = one(upstream={"provider": "anthropic", "model": "claude"})
    settings = settings_from(tree | {"limits": {"url": "rediss://:secret@h"}}, environ={})
    assert hindrances(settings, installed=lambda package: False) == [
        "deployments[0].upstream.provider: 'anthropic' is reached through LiteLLM, which is not "
        "installed; pip install 'candor[litellm]'",
        "limits.url: Redis is reached through redis-py, which is not installed; "
        "pip install 'candor[redis]'",
    ]
    assert hindrances(settings, installed=lambda package: True) == []


def test_a_package_that_is_not_needed_is_not_asked_for():
    asked = []
    hindrances(settings_from(one(), environ={}), installed=asked.append)
    assert asked == []


def test_waits_that_another_one_ends_first_are_noted():
    waits = {"timeout_seconds": 10, "try_timeout_seconds": 20, "first_byte_timeout_seconds": 15}
    routes = {"*": waits, "fine": {**waits, "timeout_seconds": 30}}
    assert notes(settings_from(one() | {"routes": routes}, environ={})) == [
        "routes.*.try_timeout_seconds: 20 s never pass, because timeout_seconds ends it at 10 s",
        "routes.*.first_byte_timeout_seconds: 15 s never pass, because timeout_seconds ends it "
        "at 10 s",
    ]


def test_sticky_clients_that_nobody_can_tell_apart_are_noted():
    tree = one() | {"routes": {"*": {"sticky": True}}}
    assert notes(settings_from(tree, environ={})) == [
        "routes.*.sticky: without keys no client is known, so every call is drawn anew; "
        "configure keys"
    ]
    assert notes(settings_from(tree | {"keys": [{"name": "x", "key": "k"}]}, environ={})) == []


def test_what_a_translation_left_out_is_noted_first_whatever_changes_later():
    remarks = ["router_settings.x: is ignored"]
    settings = settings_from(one(), environ={}, remarks=remarks)
    changed = settings.model_copy(update={"keys": ()})
    assert notes(changed) == notes(settings) == remarks


def test_limits_are_counted_where_they_say_else_where_the_queue_is():
    def url(**branches):
        return settings_from(one() | branches, environ={}).counters_url.get_secret_value()

    assert url() == "local"
    assert url(queue={"url": "redis://q"}) == "redis://q"
    assert url(queue={"url": "redis://q"}, limits={"url": "local"}) == "local"
    assert url(limits={"url": "rediss://l"}) == "rediss://l"


def test_a_key_and_its_hash_are_known_by_the_same_digest():
    digest = hashlib.sha256(b"key-2").digest()
    written = {"keys": [{"name": "x", "key": "env:K"}, {"name": "y", "key": "sha256:" + "0" * 64}]}
    first, second = settings_from(one() | written, environ={"K": "key-2"}).keys
    assert (first.digest(), second.digest()) == (digest, bytes(32))
    for hashed in (digest.hex(), digest.hex().upper()):
        (only,) = settings_from(
            one() | {"keys": [{"name": "x", "key": f"sha256:{hashed}"}]}, environ={}
        ).keys
        assert only.digest() == digest


def test_references_in_parameters_are_resolved_at_any_depth_and_shown_nowhere():
    parameters = {
        "api_version": "2024-10-21",
        "timeout": 3,
        "aws_session_token": "plain-secret",
        "extra_headers": {"X-Team": "env:TEAM", "list": ["env:TEAM", 1]},
    }
    upstream = {"provider": "bedrock", "model": "m", "parameters": parameters}
    settings = settings_from(one(upstream=upstream), environ={"TEAM": "team-secret"})
    assert settings.deployments[0].upstream.arguments() == parameters | {
        "extra_headers": {"X-Team": "team-secret", "list": ["team-secret", 1]}
    }
    shown = repr(settings) + settings.model_dump_json()
    assert "plain-secret" not in shown
    assert "team-secret" not in shown
    assert "2024-10-21" in shown


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com/v1",
        "https://me.openai.azure.com/openai/v1",
        "https://me.openai.azure.com/openai",
        "https://me.openai.azure.com/openai/deployments/gpt-4o",
        "http://[::1]:8000/v1",
    ],
)
def test_the_bases_of_other_vendors_are_taken_as_they_are(url):
    settings = settings_from(one(upstream={"base_url": url + "/"}), environ={})
    assert settings.deployments[0].upstream.base_url == url


def test_a_file_of_litellms_beside_one_of_ours_is_refused(tmp_path):
    text = yaml.safe_dump(one() | {"model_list": []})
    with pytest.raises(ConfigProblem) as refused:
        load_settings(written(tmp_path, text), environ={})
    assert str(refused.value) == (
        "model_list: is LiteLLM's, beside deployments, which is Candor's; keep one of the two"
    )


LITELLM = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o-2024-11-20, api_key: os.environ/OPENAI_API_KEY}
router_settings: {num_retries: 2, redis_host: cache.internal}
"""


def test_a_file_of_litellms_proxy_becomes_settings_and_notes_of_what_it_lost(tmp_path):
    settings = load_settings(written(tmp_path, LITELLM), environ=SECRETS)
    (deployment,) = settings.deployments
    assert deployment.model == "gpt-4o"
    assert deployment.upstream.api_key.get_secret_value() == SECRETS["OPENAI_API_KEY"]
    assert settings.routes["gpt-4o"].retries == 2
    (note,) = notes(settings)
    assert note.startswith("router_settings.redis_host: ")


def test_a_file_of_litellms_proxy_that_cannot_be_used_says_where(tmp_path):
    with pytest.raises(ConfigProblem, match="model_list"):
        load_settings(written(tmp_path, "model_list: 3"), environ=SECRETS)


TWO = {"deployments": [*one(model="m")["deployments"], *one(name="b", model="n")["deployments"]]}


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        (
            one(upstream={"parameters": {"x": 1}}),
            "deployments[0].upstream.parameters: only a provider takes them; drop them, or name "
            "the provider",
        ),
        (
            one(upstream={"provider": "p", "model": "m", "parameters": {"k": "os.environ/NAME"}}),
            "deployments[0].upstream.parameters: k: this is no secret but a reference to one; "
            "write env:NAME",
        ),
        (
            one(upstream={"provider": "p", "model": "m", "parameters": [1]}),
            "deployments[0].upstream.parameters: [1] is not a mapping",
        ),
        (
            one(upstream={"base_url": "https://h:99999/v1"}),
            "deployments[0].upstream.base_url: 'https://h:99999/v1' is not an http(s) URL (Port "
            "out of range 0-65535); write e.g. https://api.openai.com/v1",
        ),
        (
            one(upstream={"key_header": "api-key"}),
            "deployments[0].upstream.key_header: there is no api_key to put there; add one, or "
            "drop it",
        ),
        (
            one(upstream={"api_key": "k", "key_header": "Api-Key"}),
            "deployments[0].upstream.key_header: 'Api-Key' is not known here; did you mean "
            "api-key?",
        ),
        (
            one(upstream={"base_url": "https://me.openai.azure.com"}),
            "deployments[0].upstream.base_url: 'https://me.openai.azure.com' lacks the API's path; "
            "write https://me.openai.azure.com/openai/v1",
        ),
        (
            one(upstream={"price": {"input_usd_per_million": 1}}),
            "deployments[0].upstream.price.output_usd_per_million: is missing; add it",
        ),
        (
            one(breaker={"failures": 0}),
            "deployments[0].breaker.failures: 0 is too small; the least is 1",
        ),
        (
            one(breaker={"failure": 3}),
            "deployments[0].breaker.failure: unknown key; did you mean failures?",
        ),
        (
            one() | {"keys": [{"name": "x", "key": "sha256:abc"}]},
            'keys[0].key: sha256: is followed by 64 hexadecimal digits; printf %s "$KEY" | '
            "sha256sum prints them",
        ),
        (
            one()
            | {
                "keys": [
                    {"name": "x", "key": "same"},
                    {"name": "y", "key": "sha256:" + hashlib.sha256(b"same").hexdigest()},
                ]
            },
            "keys[1].key: the same key as 'x' has, so nobody could tell the two apart; "
            "give each its own",
        ),
        (
            one() | {"limits": {"url": "memcached://u:secret@h"}},
            "limits.url: is neither local nor redis://...; write one of them",
        ),
        (
            one() | {"routes": {"*": {"sticky": "yes"}}},
            "routes.*.sticky: 'yes' is neither true nor false",
        ),
        (
            one() | {"routes": {"*": {"fallbacks": ["a"]}}},
            "routes.*.fallbacks[0]: 'a' is all that serves '*', so it would fall back to itself; "
            "name another",
        ),
        (
            TWO | {"routes": {"n": {"content_policy_fallbacks": ["a", "b"]}}},
            "routes.n.content_policy_fallbacks[1]: 'b' is all that serves 'n', so it would fall "
            "back to itself; name another",
        ),
        (
            TWO | {"routes": {"m": {"fallbacks": ["b", "b"]}}},
            "routes.m.fallbacks[1]: 'b' is named twice; name each once",
        ),
        (
            TWO | {"routes": {"m": {"content_policy_fallbacks": ["c"]}}},
            "routes.m.content_policy_fallbacks[0]: no deployment is named 'c'; there are: a, b",
        ),
        (
            TWO | {"routes": {"x-*": {"retries": 1}}},
            "routes.x-*: no deployment serves this model; there are: m, n",
        ),
    ],
)
def test_a_mistake_about_the_way_of_calls_is_one_line_too(tree, line):
    assert problems(tree) == [line]


def test_a_fallback_within_the_same_model_is_fine_where_another_one_serves_it():
    pair = {
        "deployments": [*one(model="m")["deployments"], *one(name="b", model="m")["deployments"]]
    }
    assert settings_from(pair | {"routes": {"m": {"fallbacks": ["b"]}}}, environ={})


def test_a_route_may_be_narrower_or_wider_than_the_models_it_is_for():
    rules = {"retries": 1}
    assert settings_from(one(model="gpt-*") | {"routes": {"gpt-4o": rules}}, environ={})
    assert settings_from(TWO | {"routes": {"*": rules, "m*": rules}}, environ={})


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        (
            one() | {"mirror": {"sampel": 1}},
            "mirror.sampel: unknown key; did you mean sample?",
        ),
        (
            one(upstream={"apikey": "x"}),
            "deployments[0].upstream.apikey: unknown key; did you mean api_key?",
        ),
        (
            one() | {"routes": {"*": {"tries": 2}}},
            "routes.*.tries: unknown key; did you mean retries?",
        ),
        (
            one() | {"queue": {"zzz": 1}},
            "queue.zzz: unknown key; known here are: url, max_waiting",
        ),
        (
            one(upstream={"base_url": "htp://x"}),
            "deployments[0].upstream.base_url: 'htp://x' is not an http(s) URL; "
            "write e.g. https://api.openai.com/v1",
        ),
        (
            one(upstream={"base_url": "https://h"}),
            "deployments[0].upstream.base_url: 'https://h' lacks the API's path; "
            "write https://h/v1",
        ),
        (
            one(upstream={"base_url": "https://h/v1/chat/completions"}),
            "deployments[0].upstream.base_url: 'https://h/v1/chat/completions' is an endpoint, "
            "not its base; write https://h/v1",
        ),
        (
            one(upstream={"base_url": "https://u:secret@h/v1"}),
            "deployments[0].upstream.base_url: a key does not belong in the URL; "
            "put it under api_key",
        ),
        (
            one(upstream={"base_url": "https://h/v1?k=1"}),
            "deployments[0].upstream.base_url: 'https://h/v1' has a query or a fragment, "
            "which a base cannot have; drop it",
        ),
        (
            one(upstream={"base_url": None}),
            "deployments[0].upstream: says neither base_url nor provider; write "
            "e.g. base_url: https://api.openai.com/v1",
        ),
        (
            one(upstream={"provider": "anthropic"}),
            "deployments[0].upstream.model: a provider needs to know which model; write its name",
        ),
        ({}, "deployments: is missing; add it"),
        ({"deployments": []}, "deployments: is empty; it needs at least 1"),
        ({"deployments": [3]}, "deployments[0]: 3 is not a mapping"),
        ({"deployments": {}}, "deployments: {} is not a list; write it as [...]"),
        (one(weight="5"), "deployments[0].weight: '5' is not a whole number"),
        (one(weight=True), "deployments[0].weight: True is not a whole number"),
        (one(weight=-1), "deployments[0].weight: -1 is too small; the least is 0"),
        (one(model=4), "deployments[0].model: 4 is not a string; put it in quotes"),
        (one(model=""), "deployments[0].model: is empty; write something"),
        (
            one(weight=0),
            "deployments: every deployment of model '*' has weight 0, so its calls would go "
            "nowhere; give one a weight",
        ),
        (
            one(name="a b"),
            "deployments[0].name: 'a b' is not a name: letters, digits, '.', '_' and '-', "
            "at most 63, a letter or digit first",
        ),
        (
            one(name="other"),
            "deployments[0].name: 'other' is what metrics call everything that is not "
            "configured; choose another",
        ),
        (
            {"deployments": one()["deployments"] * 2},
            "deployments[1].name: 'a' is already the name of deployments[0]; give each its own",
        ),
        (
            one() | {"keys": [{"name": "x", "key": "same"}, {"name": "y", "key": "same"}]},
            "keys[1].key: the same key as 'x' has, so nobody could tell the two apart; "
            "give each its own",
        ),
        (one() | {"mirror": {"sample": 1.5}}, "mirror.sample: 1.5 is too large; the most is 1"),
        (one() | {"mirror": {"sample": True}}, "mirror.sample: True is not a number"),
        (
            one() | {"mirror": {"redact": ["emial"]}},
            "mirror.redact[0]: 'emial' is not known here; did you mean email?",
        ),
        (
            one() | {"mirror": {"shadow": {"to": "b"}}},
            "mirror.shadow.to: no deployment is named 'b'; there are: a",
        ),
        (
            one(model="gpt-4o") | {"routes": {"gpt": {"retries": 1}}},
            "routes.gpt: no deployment serves this model; there are: gpt-4o",
        ),
        (
            one() | {"routes": {"*": {"fallbacks": ["aa"]}}},
            "routes.*.fallbacks[0]: no deployment is named 'aa'; did you mean a?",
        ),
        (
            one() | {"probes": [{"sets": ["s"], "deployments": ["a"], "schedule": "daily"}]},
            "probes[0].schedule: 'daily' is not a schedule of five cron fields; "
            "write e.g. '0 3 * * *'",
        ),
        (
            one() | {"probes": [{"sets": ["s"], "deployments": ["a"], "schedule": "0 25 * * *"}]},
            "probes[0].schedule: '0 25 * * *' is no schedule: its hour is wrong; fields are minute "
            "0-59, hour 0-23, day of the month 1-31, month 1-12, day of the week 0-7",
        ),
        (
            one() | {"probes": [{"sets": ["s"], "deployments": ["a"], "timezone": "Mars"}]},
            "probes[0].timezone: 'Mars' is no time zone of this machine; write UTC, or a name such "
            "as Europe/Berlin (pip install tzdata brings them all)",
        ),
        (
            one() | {"probes": [{"sets": ["s"], "deployments": ["a"]}]},
            "probes[0].model: 'a' serves '*', which is no model to ask for; name one",
        ),
        (
            one(model="m") | {"probes": [{"sets": ["s", "s"], "deployments": ["a"]}]},
            "probes[0].sets[1]: 's' is named twice; name each once",
        ),
        (
            one(model="m")
            | {"probes": [{"sets": ["s"], "deployments": ["a"], "schedule": "0 3 * * *"}] * 2},
            "probes[1]: asks 'a' the same sets at the same times as probes[0]; drop one of them",
        ),
        (
            one() | {"guards": [{"name": "g", "action": "recover"}]},
            "guards[0].to: recover needs a deployment to ask; name one",
        ),
        (
            one() | {"classifier": {"cascade": ["native", "native"]}},
            "classifier.cascade: names a stage twice; name each once",
        ),
        (
            one() | {"classifier": {"cascade": ["judge"]}},
            "classifier.judge: the cascade has a judge but none is named; name a deployment",
        ),
        (
            one() | {"store": {"url": "mysql://u:secret@h"}},
            "store.url: is neither sqlite:///FILE nor postgresql://...; write one of them",
        ),
        (
            one() | {"queue": {"url": "amqp://u:secret@h"}},
            "queue.url: is neither local nor redis://...; write one of them",
        ),
        (
            one() | {"server": {"limits": {"max_head_bytes": 10}}},
            "server.limits.max_head_bytes: 10 is too small; the least is 1024",
        ),
        (
            one() | {"server": {"limits": {"idle_timeout_seconds": 0}}},
            "server.limits.idle_timeout_seconds: 0 is too small; it must be above 0",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_key_value_and_remedy(tree, line):
    assert problems(tree) == [line]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("env:NOT_SET", "the environment variable NOT_SET is not set; export NOT_SET=... first"),
        ("env:EMPTY", "the environment variable EMPTY is empty; export EMPTY=... first"),
        ("$NAME", "this is no secret but a reference to one; write env:NAME"),
        ("${NAME}", "this is no secret but a reference to one; write env:NAME"),
        ("os.environ/NAME", "this is no secret but a reference to one; write env:NAME"),
        ("ENV: NAME", "this is no secret but a reference to one; write env:NAME"),
        ("sk two words", "a secret is one line of ASCII without spaces; this one is not"),
        ("", "a secret is one line of ASCII without spaces; this one is not"),
        (12345, "its value is not a string; put it in quotes"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named_and_never_shown(value, said):
    tree = one(upstream={"api_key": value})
    assert problems(tree, EMPTY="") == [f"deployments[0].upstream.api_key: {said}"]


def test_a_secret_can_be_in_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "key.txt").write_text("sk-from-file\n", encoding="utf-8")
    text = yaml.safe_dump(one(upstream={"api_key": "file:key.txt"}))
    settings = load_settings(written(tmp_path, text), environ={})
    assert settings.deployments[0].upstream.api_key.get_secret_value() == "sk-from-file"


def test_a_secret_file_that_is_absent_or_empty_is_named(tmp_path):
    (tmp_path / "empty").write_text(" \n", encoding="utf-8")
    for name, reason in (("gone", "cannot read the secret file"), ("empty", "is empty")):
        text = yaml.safe_dump(one(upstream={"api_key": f"file:{name}"}))
        with pytest.raises(ConfigProblem) as refused:
            load_settings(written(tmp_path, text), environ={})
        assert reason in str(refused.value)
        assert str(tmp_path / name) in str(refused.value)


def test_every_mistake_is_named_at_once():
    lines = problems({"server": {"port": 70_000, "hots": 1}, "deployments": [{"name": "a"}]})
    assert [line.split(": ")[0] for line in lines] == [
        "server.port",
        "server.hots",
        "deployments[0].upstream",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "line 1, column 6: not valid YAML"),
        ("a: 1\n b: 2\n", "line 2, column 3: not valid YAML"),
        ("a:\n\t- 1\n", "line 2, column 1: not valid YAML"),
        (
            "mirror: {sample: 1}\nqueue: {}\nmirror: {}\n",
            "line 3, column 1: not valid YAML: the key 'mirror' is written twice; drop one of them",
        ),
        ("a: !!python/object:os.system x", "line 1, column 4: not valid YAML"),
        ("", "holds nothing where a mapping is due; begin with a line 'deployments:'"),
        ("- a\n", "holds list where a mapping is due; begin with a line 'deployments:'"),
        ("just words", "holds str where a mapping is due; begin with a line 'deployments:'"),
        ("a: \x00", "is not YAML"),
        ("[a, b]: 1", "line 1, column 1: not valid YAML"),
        ("5: 1\n", "the configuration: the key 5 is not a string; put it in quotes"),
    ],
)
def test_a_file_that_is_no_configuration_is_said_to_be_none(tmp_path, text, said):
    with pytest.raises(ConfigProblem) as refused:
        load_settings(written(tmp_path, text), environ={})
    assert said in str(refused.value)
    assert all(len(line.splitlines()) == 1 for line in refused.value.lines)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin").write_bytes(b"a: \xff")
    for name, said in (
        ("gone.yaml", "there is no such file; check the path"),
        ("latin", "is not UTF-8 text (byte 3); save it so"),
        ("", "cannot be read: Is a directory"),
    ):
        with pytest.raises(ConfigProblem) as refused:
            load_settings(tmp_path / name, environ={})
        assert str(refused.value) == f"{tmp_path / name}: {said}"


def test_one_upstream_is_a_whole_configuration():
    settings = settings_for_upstream("http://127.0.0.1:1/v1/", environ={})
    (deployment,) = settings.deployments
    assert (deployment.name, deployment.model) == ("default", "*")
    assert deployment.upstream.base_url == "http://127.0.0.1:1/v1"
    assert deployment.upstream.api_key is None
    assert settings.mirror.sample == 1.0
    assert Settings(deployments=settings.deployments).mirror.sample == 0.1


def test_the_environment_may_hold_the_upstreams_key_and_the_admin_token():
    around = {"CANDOR_UPSTREAM_KEY": "sk-1", "CANDOR_ADMIN_TOKEN": "t-1"}
    settings = settings_for_upstream("http://h/v1", environ=around)
    assert settings.deployments[0].upstream.api_key.get_secret_value() == "sk-1"
    assert settings.server.admin_token.get_secret_value() == "t-1"
    given = settings_for_upstream("http://h/v1", "sk-2", environ=around)
    assert given.deployments[0].upstream.api_key.get_secret_value() == "sk-2"


def test_a_mistake_on_the_command_line_is_named_by_what_was_typed():
    with pytest.raises(ConfigProblem) as refused:
        settings_for_upstream("localhost:8000/v1", environ={})
    assert str(refused.value) == (
        "--upstream: 'localhost:8000/v1' is not an http(s) URL; "
        "write e.g. https://api.openai.com/v1"
    )
    with pytest.raises(ConfigProblem, match=r"^CANDOR_UPSTREAM_KEY: a secret is one line"):
        settings_for_upstream("http://h/v1", environ={"CANDOR_UPSTREAM_KEY": "a b"})


def test_the_published_schema_is_that_of_the_code():
    published = (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(json_schema(), indent=2) + "\n", (
        "write it anew: python -m gateway.config > docs/config.schema.json"
    )


def test_the_schema_accepts_what_the_code_accepts_and_refuses_unknown_keys():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(EVERYTHING), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(one() | {"mirror": {"sampel": 1}}, schema)


def leaves(branch: type[BaseModel], prefix: str = ""):
    """Every key of the tree that holds a value, with its default."""
    for name, field in branch.model_fields.items():
        kind = next((a for a in get_args(field.annotation) if a is not type(None)), None)
        origin = get_origin(field.annotation)
        inner = get_args(field.annotation)[-1] if origin is dict else kind or field.annotation
        mark = {tuple: "[]", dict: ".MODEL"}.get(origin, "")
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}{mark}.")
        else:
            yield prefix + name, field.get_default(call_default_factory=True)


def spelled(default) -> str:
    """A default as the documentation writes it."""
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, SecretStr):
        return f"`{default.get_secret_value()}`"
    if isinstance(default, tuple):
        return "`[" + ", ".join('"*"' if item == "*" else item for item in default) + "]`"
    if default == "*":
        return '`"*"`'
    return f"`{'null' if default is None else default}`"


def test_every_key_is_documented_with_its_default():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\S+)` \| (.+?) \| .{10,} \|$", text, re.MULTILINE)
    assert sorted(documented) == sorted(
        (path, spelled(default)) for path, default in leaves(Settings)
    )
