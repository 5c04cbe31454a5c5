"""Three roads to the same operation, and where each leads at an upstream."""

from __future__ import annotations

import pytest

from gateway.proxy.addressing import address_of, at_upstream, models_in_query, naming, odd, relayed
from gateway.proxy.endpoints import Endpoint

CHAT = b"/openai/deployments/gpt%2D4o/chat/completions"


@pytest.mark.parametrize(
    ("path", "endpoint", "rest", "model"),
    [
        (b"/v1/chat/completions", Endpoint.CHAT_COMPLETIONS, b"/chat/completions", None),
        (b"/v1", Endpoint.OTHER, b"", None),
        (CHAT, Endpoint.CHAT_COMPLETIONS, b"/chat/completions", "gpt-4o"),
        (b"/openai/deployments/e/embeddings", Endpoint.EMBEDDINGS, b"/embeddings", "e"),
        (b"/openai/v1/responses", Endpoint.RESPONSES, b"/responses", None),
        (b"/openai/files", Endpoint.OTHER, b"/files", None),
        (b"/openai/deployments/only", Endpoint.OTHER, b"", "only"),
    ],
)
def test_a_path_tells_what_is_asked_for(path, endpoint, rest, model):
    address = address_of(b"POST", path)
    assert (address.endpoint, address.rest, address.model) == (endpoint, rest, model)


@pytest.mark.parametrize(
    ("path", "query", "base", "expected"),
    [
        (b"/v1/x%2Fy", b"a=1", b"/v1", (b"/x%2Fy", b"a=1")),
        (b"/v1/x", None, b"/openai", (b"/x", None)),
        (CHAT, b"api-version=1&b=2", b"/openai", (CHAT[7:], b"api-version=1&b=2")),
        (CHAT, b"api-version=1&b=2", b"/v1", (b"/chat/completions", b"b=2")),
        (CHAT, None, b"/v1", (b"/chat/completions", None)),
        (b"/openai/v1/files", b"api-version=preview", b"/v1", (b"/files", b"api-version=preview")),
        (b"/openai/v1/files", b"", b"/openai", (b"/v1/files", b"")),
    ],
)
def test_azures_own_upstream_gets_azures_paths_and_any_other_openais(path, query, base, expected):
    assert at_upstream(address_of(b"POST", path), query, base) == expected


def test_a_deployments_own_model_takes_the_place_of_the_name_in_azures_path():
    path, _ = at_upstream(address_of(b"POST", CHAT), None, b"/openai", "my model/2")
    assert path == b"/deployments/my%20model%2F2/chat/completions"


@pytest.mark.parametrize(
    ("path", "belongs"),
    [(b"/v1", True), (b"/v1/", True), (b"/openai/x", True), (b"/v1x", False), (b"/openai", False),
     (b"/%76%31/x", False), (b"", False), (b"*", False)],
)  # fmt: skip
def test_only_what_is_spelt_out_belongs_to_the_relay(path, belongs):
    assert relayed(path) is belongs


def test_the_model_of_a_websocket_stands_in_its_query():
    assert models_in_query(b"a=1&model=gpt%2Drealtime&model=b&model=b") == ("gpt-realtime", "b")
    assert models_in_query(b"a=1") == models_in_query(None) == ()


def test_another_model_takes_its_place_in_the_query_and_nothing_else_changes():
    assert naming(b"a=%20&mod%65l=x&b", "m/1") == b"a=%20&model=m%2F1&b"


@pytest.mark.parametrize("path", [b"/v1/a/%2e/b", b"/v1//a", b"/v1/a\\..\\b", b"/v1/a#b"])
def test_a_path_that_two_hops_may_resolve_differently_is_odd(path):
    assert odd(path)
    assert not odd(
        path.replace(b"%2e", b"e").replace(b"//", b"/").replace(b"\\", b"").replace(b"#", b"")
    )


def test_a_long_path_is_read_like_a_short_one():
    assert address_of(b"GET", b"/v1/models/" + b"m" * 500).endpoint is Endpoint.MODELS
