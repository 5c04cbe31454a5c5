"""A WebSocket upgrade under /v1 opens a tunnel, and a refused one is an ordinary reply."""

from __future__ import annotations

import pytest

from tests.differential.case import JSON, Case, Exchange, Hear, Step, answering, headed, one

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\n" + KEY + b"\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1\r\nOpenAI-Beta: realtime=v1\r\n"
    b"Authorization: Bearer sk-client\r\n\r\n"
)
OPENED = headed(
    b"101 Switching Protocols",
    b"Date: Sat, 21 Nov 2026 06:00:00 GMT",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    b"Sec-WebSocket-Protocol: realtime",
    b"x-request-id: req_1",
)
FRAME = b"\x81\x05hello"
"""A text frame (RFC 6455, 5.7)."""
LARGE = bytes(range(256)) * 4_000
LIKE_HTTP = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
END = Hear()


def tunnel(name: str, client: tuple, upstream: tuple, upgrade: bytes = UPGRADE) -> Case:
    """A conversation behind a 101; each side's part in turn."""
    return Case(name, (Exchange((upgrade, Step.REPLY, *client), (OPENED, *upstream)),))


TUNNELS = [
    tunnel("the client speaks, the upstream ends", (FRAME, END), (Hear(7), Step.FIN)),
    tunnel("the upstream speaks, the client ends", (Hear(7), Step.FIN, END), (FRAME, END)),
    tunnel(
        "both in turn",
        (FRAME, Hear(7), FRAME * 2, Hear(14), FRAME, END),
        (Hear(7), FRAME, Hear(14), FRAME * 2, Hear(7), Step.FIN),
    ),
    tunnel("megabytes to the upstream", (LARGE, END), (Hear(len(LARGE)), Step.FIN)),
    tunnel("megabytes to the client", (Hear(len(LARGE)), Step.FIN), (LARGE, END)),
    tunnel("bytes that look like a request", (LIKE_HTTP, END), (Hear(len(LIKE_HTTP)), Step.FIN)),
    Case(
        "a frame that comes with the 101",
        (Exchange((UPGRADE, Step.REPLY, Hear(7), Step.FIN), (OPENED + FRAME, END)),),
    ),
    tunnel(
        "the client ends its half and listens", (Step.FIN, Hear(7), END), (END, FRAME, Step.FIN)
    ),
    tunnel("the upstream breaks it", (FRAME, END), (Hear(7), Step.RST)),
    tunnel(
        "an upgrade in other letters",
        (FRAME, END),
        (Hear(7), Step.FIN),
        UPGRADE.replace(b"Connection: Upgrade", b"connection: keep-alive, upgrade").replace(
            b"Upgrade: websocket", b"UPGRADE: WebSocket"
        ),
    ),
    tunnel(
        "an upgrade elsewhere under /v1",
        (FRAME, END),
        (Hear(7), Step.FIN),
        UPGRADE.replace(b"/v1/realtime?model=gpt-realtime", b"/v1/responses"),
    ),
]

REFUSED = [
    one(f"an upgrade answered with {line.decode()}", UPGRADE, answering(line, JSON, *fields))
    for line, fields in [
        (b"401 Unauthorized", (b"WWW-Authenticate: Bearer",)),
        (b"403 Forbidden", ()),
        (b"404 Not Found", ()),
        (b"426 Upgrade Required", (b"Sec-WebSocket-Version: 13, 8",)),
        (b"429 Too Many Requests", (b"Retry-After: 3",)),
        (b"200 OK", ()),
    ]
]


@pytest.mark.parametrize("case", [*TUNNELS, *REFUSED], ids=str)
def test_an_upgrade_goes_as_it_would_without_the_gateway(case: Case, roads):
    assert roads.differences(case) == []
