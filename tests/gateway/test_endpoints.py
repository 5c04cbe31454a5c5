"""Which calls ask a model for something, however their path is spelled."""

from __future__ import annotations

import pytest

from gateway.proxy.endpoints import Endpoint, endpoint_of


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions/"),
        ("PUT", "/v1/chat/completions"),
        ("PATCH", "/v1/chat/completions"),
        ("POST", "/v1/Chat/COMPLETIONS"),
        ("POST", "/v1/chat;a=1/completions;b"),
        ("POST", "/v1/chat/completions/;x"),
    ],
)
def test_what_an_upstream_could_take_for_a_model_call_is_one_here(method, path):
    assert endpoint_of(method, path) is Endpoint.CHAT_COMPLETIONS


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/chat/completions/c_1"),
        ("POST", "/v1/files"),
        ("POST", "/v1/models"),
    ],
)
def test_everything_else_names_no_model(method, path):
    assert endpoint_of(method, path) is Endpoint.OTHER


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/", "/v1/models/gpt-4o"])
def test_models_are_listed_by_reading_them(path):
    assert endpoint_of("GET", path) is Endpoint.MODELS
