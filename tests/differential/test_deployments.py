"""What a deployment asks for changes, and nothing else: its key, its model, its address."""

from __future__ import annotations

import pytest

from tests.differential.case import (
    CHAT,
    JSON,
    SSE,
    Case,
    Exchange,
    Road,
    answering,
    asking,
    streaming,
)
from tests.differential.roads import CLIENT_KEY, UPSTREAM_KEY

OURS = b"Authorization: Bearer " + CLIENT_KEY.encode()
THEIRS = b"Authorization: Bearer " + UPSTREAM_KEY.encode()
ANSWER = (answering(b"200 OK", JSON, b"Set-Cookie: a=1"),)


def chosen(name: str, request: bytes, direct: bytes, reply: tuple = ANSWER) -> Case:
    """A case on the road where deployments have wishes; ``direct`` has them fulfilled by hand."""
    return Case(name, (Exchange((request,), reply, (direct,)),), road=Road.CHOOSING)


def pin(name: str) -> bytes:
    return b"x-candor-deployment: " + name.encode()


def body(model: str) -> bytes:
    return b'{"messages":[],"model": "%s"}' % model.encode()


def keyed(
    name: str, sent: tuple[bytes, ...], arriving: tuple[bytes, ...], to: str = "keyed"
) -> Case:
    return chosen(name, asking(CHAT, *sent, body=body(to)), asking(CHAT, *arriving, body=body(to)))


X = b"X-A: 1"
ours, theirs = CLIENT_KEY.encode(), UPSTREAM_KEY.encode()
KEYS = [
    keyed("a bearer key", (b"X-A: 1", OURS, b"X-B: 2"), (b"X-A: 1", THEIRS, b"X-B: 2")),
    keyed(
        "a bearer key in other letters",
        (b"AUTHORIZATION: bearer " + ours,),
        (b"AUTHORIZATION: Bearer " + theirs,),
    ),
    keyed("Azure's key", (b"Api-Key: " + ours, JSON), (b"Api-Key: " + theirs, JSON)),
    keyed("Anthropic's key", (JSON, b"x-api-key: " + ours), (JSON, b"x-api-key: " + theirs)),
    keyed("several keys", (OURS, b"X: 1", b"x-api-key: " + ours), (THEIRS, b"X: 1")),
    *(
        keyed(
            f"a bearer key that goes out as {name.decode()}",
            (X, OURS),
            (X, name + b": " + theirs),
            to,
        )
        for name, to in [(b"api-key", "api-keyed"), (b"x-api-key", "x-api-keyed")]
    ),
    *(
        keyed(
            f"a key in {name.decode()} that stays there",
            (name + b": " + ours,),
            (name + b": " + theirs,),
            to,
        )
        for name, to in [(b"API-Key", "api-keyed"), (b"X-API-Key", "x-api-keyed")]
    ),
    chosen(
        "no key for an upstream without one",
        asking(CHAT, b"X-A: 1", OURS, b"X-B: 2", body=body("keyless")),
        asking(CHAT, b"X-A: 1", b"X-B: 2", body=body("keyless")),
    ),
    chosen(
        "a stream under another key",
        asking(CHAT, OURS, body=body("keyed")),
        asking(CHAT, THEIRS, body=body("keyed")),
        streaming(b"data: a\n\n", b"data: [DONE]\n\n", fields=(SSE,)),
    ),
    chosen(
        "a file under another key",
        asking(b"POST /v1/files", pin("keyed"), OURS, body=b"\x00" * 100_000),
        asking(b"POST /v1/files", THEIRS, body=b"\x00" * 100_000),
    ),
    chosen(
        "a GET under another key",
        asking(b"GET /v1/files/f?x=%20", pin("keyed"), OURS, body=None),
        asking(b"GET /v1/files/f?x=%20", THEIRS, body=None),
    ),
    chosen(
        "headers for the gateway stay with it",
        asking(
            CHAT,
            pin("keyed"),
            b"X-Candor-Traffic: probe",
            b"x-candor-else: 1",
            OURS,
            body=body("keyed"),
        ),
        asking(CHAT, THEIRS, body=body("keyed")),
    ),
]

OLD, NEW = b'"renaming"', b'"gpt-real-2"'
RENAMED = [
    chosen(
        f"a model written over in {name}",
        asking(line, JSON, OURS, body=sent),
        asking(line, JSON, body=arriving),
    )
    for name, line, sent, arriving in [
        (where, address, written % OLD, written % NEW)
        for where, address, written in [
            ("a plain body", CHAT, b'{"model":%s,"messages":[]}'),
            (
                "a spread body",
                CHAT,
                b'\r\n{ "z" : 1e-7 ,\t"model" :\n %s ,"a":1E400,"b":-0.0 }\r\n',
            ),
            (
                "the last place",
                CHAT,
                b'{"messages":[{"role":"user","content":"model"}],"model":%s}',
            ),
            (
                "a body with models within",
                CHAT,
                b'{"tools":[{"model":"renaming"}],"model":%s,"m":{"model":"renaming"}}',
            ),
            (
                "a body with odd strings",
                CHAT,
                rb'{"a":"\"model\":\"renaming\"","model":%s,"b":"\ud83e \u00e9"}',
            ),
            (
                "a body of a megabyte",
                CHAT,
                b'{"image":"' + b"QUJD" * 250_000 + b'","model":%s,"n":1.0}',
            ),
            ("completions", b"POST /v1/completions", b'{"model":%s,"prompt":"x"}'),
            ("responses", b"POST /v1/responses?x=1", b'{"model":%s,"input":"x"}'),
            ("embeddings", b"POST /v1/embeddings", b'{"input":[1,2],"model":%s}'),
            ("messages", b"POST /v1/messages", b'{"model":%s,"max_tokens":1}'),
        ]
    ]
] + [
    chosen(
        "a model written over that is written twice",
        asking(CHAT, OURS, body=b'{"model":"renaming","a":1,"model":"renaming"}'),
        asking(CHAT, body=b'{"model":"gpt-real-2","a":1,"model":"gpt-real-2"}'),
    ),
    chosen(
        "a model written over that was in escapes",
        asking(CHAT, OURS, body=rb'{"\u006dodel":"\u0072enaming","a":"\u0072"}'),
        asking(CHAT, body=rb'{"\u006dodel":"gpt-real-2","a":"\u0072"}'),
    ),
    chosen(
        "a reply that names the real model",
        asking(CHAT, OURS, body=body("renaming")),
        asking(CHAT, body=body("gpt-real-2")),
        (answering(b"200 OK", JSON, body=b'{"model":"gpt-real-2"}'),),
    ),
]

TURNS = (
    ("keyed", (THEIRS,), "keyed"),
    ("keyless", (), "keyless"),
    ("renaming", (), "gpt-real-2"),
    ("keyless", (), "keyless"),
    ("api-keyed", (b"api-key: " + theirs,), "api-keyed"),
    ("keyed", (THEIRS,), "keyed"),
)
ADDRESSED = [
    Case(
        "deployments in turn under the same headers",
        tuple(
            Exchange(
                (asking(CHAT, X, OURS, JSON, body=body(model)),),
                ANSWER,
                (asking(CHAT, X, *arriving, JSON, body=body(written)),),
            )
            for model, arriving, written in TURNS
        ),
        road=Road.CHOOSING,
    ),
    Case(
        "an address with a host in it",
        (
            Exchange(
                (asking(b"POST http://api.example:80/v1/files?a=%20"),),
                ANSWER,
                (asking(b"POST /v1/files?a=%20"),),
            ),
        ),
    ),
]

AZURE = b"/openai/deployments/azure/%s?api-version=2024-10-21&x=%%20"
AZURES = [
    chosen(
        f"Azure's address for {what.decode()}",
        asking(b"POST " + AZURE % what, pin("azure"), b"api-key: " + ours, body=sent),
        asking(b"POST " + AZURE % what, b"api-key: " + theirs, body=sent),
    )
    for what, sent in [
        (b"chat/completions", b'{"messages":[]}'),
        (b"embeddings", b'{"input":"x"}'),
        (b"images/generations", b'{"prompt":"x"}'),
        (b"audio/transcriptions", b"\x00\xff" * 1000),
    ]
]


@pytest.mark.parametrize("case", [*KEYS, *RENAMED, *ADDRESSED, *AZURES], ids=str)
def test_only_what_the_deployment_asks_for_changes(case: Case, roads):
    assert roads.differences(case) == []


def test_who_was_let_in_once_is_asked_for_the_key_again(roads):
    wrong = asking(CHAT, b"Authorization: Bearer sk-of-nobody-else", body=body("keyed"))
    right = asking(CHAT, OURS, body=body("keyed"))
    with roads.opened(Road.CHOOSING, *[Exchange((right,), ANSWER)] * 2) as (client, run):
        for count, request in enumerate((right, wrong, right), 1):
            client.send(request)
            client.read_replies(count)
    assert [reply.status for reply in client.reader.finals] == [200, 401, 200]
    assert len(run.seen.requests) == 2
