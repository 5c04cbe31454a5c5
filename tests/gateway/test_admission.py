"""Who may call."""

from __future__ import annotations

import gc

import pytest

from gateway.config import settings_from
from gateway.proxy.admission import ANYONE, Admission, Client
from gateway.proxy.errors import Declined


def admission() -> Admission:
    """Two clients."""
    settings = settings_from(
        {
            "keys": [
                {"name": "team-a", "key": "key-of-a", "models": ["gpt-*"]},
                {"name": "team-b", "key": "key-of-b"},
            ],
            "deployments": [{"name": "d", "upstream": {"base_url": "http://127.0.0.1:1/v1"}}],
        },
        environ={},
    )
    return Admission(settings.keys)


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer key-of-a"),
        (b"Authorization", b"bearer  key-of-a "),
        (b"x-api-key", b"key-of-a"),
        (b"api-key", b"key-of-a"),
    ],
)
def test_a_client_is_known_by_its_key_wherever_it_puts_it(header):
    assert admission().admit([(b"host", b"g"), header]) == Client("team-a", ("gpt-*",))


def test_a_client_without_named_models_may_ask_for_all():
    assert admission().admit([(b"x-api-key", b"key-of-b")]) == Client("team-b", ("*",))


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer wrong")],
        [(b"authorization", b"key-of-a")],
        [(b"authorization", b"Basic key-of-a")],
        [(b"authorization", b"Bearer key-of-a2")],
        [(b"authorization", b"Bearer key-of-")],
        [(b"x-api-key", b"\xff\xfe")],
        [(b"cookie", b"key-of-a")],
        [(b"x-api-key", b"")],
        [],
    ],
)
def test_nobody_else_is_let_in_and_no_key_is_repeated(headers):
    refused = admission().admit(headers)
    assert isinstance(refused, Declined)
    assert (refused.status, refused.code) == (401, "candor_invalid_key")
    assert "key-of" not in refused.message
    assert "wrong" not in refused.message


def test_without_configured_keys_anyone_may_call():
    assert Admission(()).admit([]) is ANYONE
    assert not Admission(()).consumes_keys


def test_no_key_is_kept_in_readable_form():
    gate = admission()
    held = [thing for thing in gc.get_referents(*gc.get_referents(vars(gate))) if thing]
    assert "key-of-a" not in repr(held)
    assert "key-of-a" not in repr(vars(gate))


def test_the_gateways_own_probes_are_let_in_by_a_header_of_their_own():
    keys = settings_from(
        {
            "keys": [{"name": "team-a", "key": "key-of-a"}],
            "deployments": [{"name": "d", "upstream": {"base_url": "http://127.0.0.1:1/v1"}}],
        },
        environ={},
    ).keys
    known = Admission(keys, probe_key="own")
    assert known.admit([(b"X-Candor-Probe-Key", b"own")]) is ANYONE
    for headers in ([], [(b"x-candor-probe-key", b"owm")], [(b"authorization", b"Bearer own")]):
        assert isinstance(known.admit(headers), Declined)
    assert isinstance(Admission(keys).admit([(b"x-candor-probe-key", b"")]), Declined)
