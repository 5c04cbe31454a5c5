"""Which headers a proxy passes on, and how it frames a body."""

from __future__ import annotations

import pytest

from gateway.proxy.headers import framed, passed_on, request_headers

KEYS = [(b"Authorization", b"Bearer own"), (b"api-key", b"own"), (b"X-Api-Key", b"own")]


def test_whatever_connection_names_ends_here():
    headers = [(b"Connection", b"close, X-A"), (b"CONNECTION", b"x-b"), (b"x-a", b"1")]
    assert passed_on([*headers, (b"X-B", b"2"), (b"X-C", b"3")]) == [(b"X-C", b"3")]


@pytest.mark.parametrize(
    "name",
    [
        b"Connection",
        b"Keep-Alive",
        b"Proxy-Authenticate",
        b"Proxy-Authorization",
        b"Proxy-Connection",
        b"TE",
        b"Trailer",
        b"Transfer-Encoding",
        b"Upgrade",
        b"X-Candor-Anything",
    ],
)
def test_what_concerns_one_connection_alone_ends_here(name):
    assert passed_on([(b"A", b"1"), (name, b"x"), (b"B", b"2")]) == [(b"A", b"1"), (b"B", b"2")]


@pytest.mark.parametrize("own", KEYS)
def test_an_upstreams_key_takes_the_place_of_the_clients(own):
    written = request_headers([(b"a", b"1"), own, (b"b", b"2")], key="theirs", drop_keys=False)
    value = b"Bearer theirs" if own[0] == b"Authorization" else b"theirs"
    assert written == [(b"a", b"1"), (own[0], value), (b"b", b"2")]


def test_no_key_of_the_client_is_left_beside_the_upstreams():
    for sent in ([*KEYS, *KEYS], KEYS[::-1]):
        written = request_headers(sent, key="theirs", drop_keys=False)
        assert written == [(b"Authorization", b"Bearer theirs")]


@pytest.mark.parametrize(
    ("header", "value"),
    [("authorization", b"Bearer theirs"), ("api-key", b"theirs"), ("x-api-key", b"theirs")],
)
def test_an_upstreams_key_goes_where_the_configuration_says(header, value):
    for sent in ([], KEYS[:1], KEYS[1:], KEYS):
        written = request_headers(sent, key="theirs", drop_keys=False, key_header=header)
        assert [(name.lower(), at) for name, at in written] == [(header.encode(), value)]


def test_an_upstreams_key_is_added_where_the_client_has_none():
    assert request_headers([(b"a", b"1")], key="theirs", drop_keys=False) == [
        (b"a", b"1"),
        (b"authorization", b"Bearer theirs"),
    ]


def test_a_key_meant_for_the_gateway_goes_no_further():
    assert request_headers([*KEYS, (b"a", b"1")], key=None, drop_keys=True) == [(b"a", b"1")]


def test_a_key_meant_for_the_upstream_passes():
    assert request_headers(KEYS, key=None, drop_keys=False) == KEYS


@pytest.mark.parametrize(
    ("headers", "length", "expected"),
    [
        ([(b"content-length", b"5"), (b"a", b"1")], 7, [(b"content-length", b"7"), (b"a", b"1")]),
        ([(b"CONTENT-Length", b"5"), (b"content-length", b"6")], 5, [(b"CONTENT-Length", b"5")]),
        ([(b"content-length", b"5")], None, [(b"Transfer-Encoding", b"chunked")]),
        ([], None, [(b"Transfer-Encoding", b"chunked")]),
        ([], 0, []),
        ([(b"content-length", b"0")], 0, [(b"content-length", b"0")]),
        ([(b"a", b"1")], 3, [(b"a", b"1"), (b"Content-Length", b"3")]),
    ],
)
def test_a_body_is_framed_once_and_by_what_is_really_sent(headers, length, expected):
    assert framed(headers, length=length) == expected
