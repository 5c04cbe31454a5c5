"""What a client sends is what the upstream gets: addresses, headers and bodies."""

from __future__ import annotations

import gzip
import json
import random
import zlib

import pytest

from tests.differential.case import (
    BODY,
    CHAT,
    CHUNKED,
    JSON,
    LAST,
    Case,
    Step,
    answering,
    asking,
    chunk,
    one,
)

NOISE = random.Random(3).randbytes(3_000_000)
"""Bytes that no text codec takes: audio, images, compressed files."""

METHODS = [
    one(f"{method} {path}", asking(f"{method} /v1/{path}".encode(), body=body))
    for method, path, body in [
        ("GET", "models", None),
        ("GET", "models/gpt-4o", None),
        ("DELETE", "models/ft:gpt-4o:acme::1", None),
        ("DELETE", "files/file-1", b""),
        ("DELETE", "responses/resp_1", b'{"why":1}'),
        ("PUT", "containers/c/files/f", b"\x00\x01"),
        ("PATCH", "evals/eval_1", b'{"name":"n"}'),
        ("PUT", "chat/completions", BODY),
        ("PATCH", "chat/completions", BODY),
        ("OPTIONS", "chat/completions", None),
        ("OPTIONS", "anything", b""),
        ("GET", "chat/completions", None),
        ("GET", "chat/completions", BODY),
        ("DELETE", "chat/completions/c_1", None),
        ("POST", "files", None),
        ("POST", "chat/completions", b""),
        ("PROPFIND", "vector_stores", b"<x/>"),
        ("REPORT", "vector_stores", b"<x/>"),
        ("SEARCH", "vector_stores", b"{}"),
        ("PURGE", "cache/1", None),
        ("LINK", "files/f", None),
        ("M-SEARCH", "files", None),
        ("TRACE", "files", None),
    ]
]

PATHS = [
    one(f"POST {path}", asking(f"POST /v1/{path}".encode(), JSON, body=body))
    for path, body in [
        ("chat/completions", BODY),
        ("completions", b'{"model":"gpt-3.5-turbo-instruct","prompt":"hi","logprobs":5}'),
        ("responses", b'{"model":"gpt-4o","input":"hi","store":false}'),
        ("responses/resp_1/cancel", b"{}"),
        ("embeddings", b'{"model":"text-embedding-3-small","input":["a","b"]}'),
        ("messages", b'{"model":"claude-sonnet-4-5","max_tokens":8,"messages":[]}'),
        ("messages/count_tokens", b'{"model":"claude-sonnet-4-5","messages":[]}'),
        ("messages/batches", b'{"requests":[]}'),
        ("moderations", b'{"input":"hi"}'),
        ("images/generations", b'{"prompt":"a cat"}'),
        ("audio/speech", b'{"model":"tts-1","input":"hi","voice":"alloy"}'),
        ("batches", b'{"input_file_id":"f","endpoint":"/v1/chat/completions"}'),
        ("fine_tuning/jobs", b'{"training_file":"f","model":"gpt-4o-mini"}'),
        ("assistants", b'{"model":"gpt-4o"}'),
        ("threads/thread_1/runs", b'{"assistant_id":"asst_1"}'),
        ("vector_stores/vs_1/search", b'{"query":"x"}'),
        ("realtime/sessions", b'{"model":"gpt-realtime"}'),
        ("rerank", b'{"model":"r","documents":["a"]}'),
        ("tokenize", b'{"prompt":"x"}'),
        ("no/such/path/anywhere", b'{"?":1}'),
    ]
]

TARGETS = [
    one(f"the address {target[:60].decode()}", asking(b"POST /v1/" + target))
    for target in [
        b"chat/completions?api-version=2024-10-21",
        b"chat/completions?",
        b"chat/completions?a=1&a=2&b=&c&=d",
        b"chat/completions?q=%F0%9F%A6%86+%2B%20&x=%zz%",
        b"chat/completions?a[]=1&b[c]=2&d={e}|f",
        b"chat/completions?next=https://x.example/?y=1/../2",
        b"chat/completions?" + b"x=" + b"y" * 8_000,
        b"chat/completions?" + b"n" * 60_000,
        b"files/a%2Fb%20c",
        b"files/a%2fb%41",
        b"files/%E2%82%AC.txt",
        b"files/x;v=1,2:@!$&'()*+",
        b"files/~user/-._~",
        b"models/meta-llama/Llama-3.1-8B-Instruct:free",
        b"files/",
        b"Chat/Completions",
    ]
] + [
    one(f"the address {target.decode()}", asking(b"GET " + target, body=None))
    for target in (b"/v1", b"/v1/", b"/v1?x=1", b"/v1/models?", b"/v1/files?limit=2&after=f%3D")
]

ODD_BODIES = {
    "fields nobody knows": b'{"model":"m","vendor_x":{"deep":[1,{"a":null}]},"messages":[]}',
    "keys in any order": b'{"z":1,"messages":[],"a":2,"model":"m","b":3}',
    "a key written twice": b'{"model":"m","temperature":0,"temperature":1,"messages":[]}',
    "the model written twice": b'{"model":"m","messages":[],"model":"m"}',
    "small and large numbers": b'{"model":"m","a":1e-7,"b":1E400,"c":-0,"d":1.0,"e":0.10}',
    "integers beyond doubles": b'{"model":"m","seed":18446744073709551616,"id":9007199254740993}',
    "NaN and Infinity": b'{"model":"m","a":NaN,"b":Infinity,"c":-Infinity}',
    "escapes": rb'{"model":"m","a":"\u00e9\/\ud83e\udd86\b\f","\u006dodel2":1}',
    "a model in escapes": rb'{"\u006dodel":"\u0067pt","messages":[]}',
    "a lone surrogate": rb'{"model":"m","a":"\ud83e"}',
    "a byte order mark": b'\xef\xbb\xbf{"model":"m"}',
    "white space in CRLF": b'\r\n{\r\n\t"model" :\t"m" ,\r\n "messages": [ ]\r\n}\r\n\r\n',
    "UTF-8": '{"model":"m","a":"žluťoučký 🦆 \u2028"}'.encode(),
    "broken UTF-8": b'{"model":"m","a":"\xc3\x28\xff"}',
    "UTF-16": '{"model":"m"}'.encode("utf-16"),
    "control characters": b'{"model":"m","a":"\x00\x01\x1f\x7f"}',
    "an array": b'[{"model":"m"}]',
    "a bare string": b'"model"',
    "two documents": b'{"model":"m"}{"model":"n"}',
    "a trailing comma": b'{"model":"m",}',
    "half a document": b'{"model":"m","messages":[',
    "no JSON": b"model=m&messages=hi",
    "one blank": b" ",
    "no model": b'{"messages":[]}',
    "a model that is no name": b'{"model":{"x":1},"messages":[]}',
    "deep nesting": b'{"model":"m","a":' + b"[" * 400 + b"]" * 400 + b"}",
    "an image of a megabyte": b'{"model":"m","image":"' + b"QUJD" * 300_000 + b'"}',
    "many small items": json.dumps({"model": "m", "input": list(range(20_000))}).encode(),
}
BODIES = [one(f"a body with {name}", asking(CHAT, JSON, body=b)) for name, b in ODD_BODIES.items()]

MULTIPART = (
    b'--b0\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--b0\r\n'
    b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n" + NOISE + b"\r\n--b0--\r\n"
)
FORM = b"Content-Type: multipart/form-data; boundary=b0"
UPLOADS = [
    one("a file of megabytes", asking(b"POST /v1/files", FORM, body=MULTIPART)),
    one("speech to transcribe", asking(b"POST /v1/audio/transcriptions", FORM, body=MULTIPART)),
    one("an image to edit", asking(b"POST /v1/images/edits", FORM, body=MULTIPART)),
    one("a part of an upload", asking(b"POST /v1/uploads/u/parts", FORM, body=NOISE)),
    one("bare noise to a model", asking(CHAT, body=NOISE)),
    *(
        one(
            f"a chat compressed with {coding}",
            asking(CHAT, JSON, f"Content-Encoding: {coding}".encode(), body=packed),
        )
        for coding, packed in [
            ("gzip", gzip.compress(BODY, mtime=0)),
            ("deflate", zlib.compress(BODY)),
            ("zstd", b"\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00{}\x99\xe9\xd8\x51"),
            ("identity", BODY),
        ]
    ),
    one(
        "a file that arrives in parts, each passed on before the next is sent",
        (
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
            b"abc",
            Step.ARRIVED,
            b"def",
            Step.ARRIVED,
            b"ghi",
        ),
    ),
    one(
        "chunks that arrive one by one, each passed on before the next is sent",
        (
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n\r\n",
            chunk(b"abc"),
            Step.ARRIVED,
            chunk(b"de"),
            Step.ARRIVED,
            LAST,
        ),
    ),
]

HEADERS = [
    one(f"a request with {name}", asking(CHAT, *fields))
    for name, fields in {
        "the SDK's own headers": (
            b"User-Agent: OpenAI/Python 2.54.0",
            b"x-stainless-lang: python",
            b"X-Stainless-Retry-Count: 0",
            b"accept: application/json",
            b"Accept-Encoding: gzip, deflate, br, zstd",
            b"Authorization: Bearer sk-client",
            b"OpenAI-Organization: org-1",
            b"OpenAI-Beta: assistants=v2",
            b"x-request-id: mine-1",
        ),
        "Anthropic's": (
            b"x-api-key: sk-ant",
            b"anthropic-version: 2023-06-01",
            b"anthropic-beta: a,b",
        ),
        "Azure's": (b"api-key: azure",),
        "three keys": (b"api-key: a", b"Authorization: Basic Zm9v", b"x-api-key: b"),
        "names in mixed case": (b"X-MiXeD-cAsE: 1", b"x-mixed-case: 2", b"X-MIXED-CASE: 3"),
        "a header repeated": (b"X-A: 1", b"X-B: 2", b"X-A: 3", b"x-a: 4", b"X-A: 1"),
        "cookies": (b"Cookie: a=1; b=2", b"Cookie: c=3"),
        "empty values": (b"X-Empty:", b"X-Blank:   ", b"X-Last: x"),
        "white space around and in values": (b"X-A:  a\tb  c \t", b"X-B:\t\tq", b"X-C:v"),
        "bytes beyond ASCII": (b"X-Latin: caf\xe9", "X-Utf8: žluť".encode(), b"X-FF: \xff\x80"),
        "odd token names": (b"!#$%&'*+-.^_`|~9: x", b"_under_score: y", b"x.dot: z"),
        "quotes and commas": (b'X-List: "a, b", c,, d', b"X-Semi: ;;=;"),
        "very many headers": tuple(b"X-H-%d: %d" % (n, n) for n in range(400)),
        "a long value": (b"X-Long: " + b"v" * 30_000,),
        "hop-by-hop fields": (
            b"Connection: keep-alive, X-Private",
            b"X-Private: 1",
            b"Keep-Alive: timeout=5",
            b"TE: trailers",
            b"Proxy-Connection: keep-alive",
            b"Proxy-Authorization: Basic eA==",
            b"X-Public: 2",
        ),
        "Connection: close": (b"Connection: close",),
        "addresses of proxies before": (
            b"Via: 1.1 lb",
            b"X-Forwarded-For: 10.0.0.1, 10.0.0.2",
            b"X-Forwarded-Proto: https",
            b"Forwarded: for=10.0.0.1",
            b"X-Real-IP: 10.0.0.1",
        ),
        "conditions and ranges": (
            b'If-None-Match: "x"',
            b"Range: bytes=0-9",
            b"Cache-Control: no-store",
        ),
        "traces": (
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"tracestate: a=1,b=2",
            b"baggage: k=v",
        ),
        "Idempotency-Key": (b"Idempotency-Key: 7b7f0c5e",),
        "a browser's": (
            b"Origin: https://app.example",
            b"Referer: https://app.example/x?y",
            b"Sec-Fetch-Mode: cors",
            b"Access-Control-Request-Method: POST",
        ),
        "an offer of HTTP/2": (
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAAQAAP__",
        ),
        "Content-Type twice": (JSON, b"Content-Type: text/plain"),
        "Max-Forwards and Upgrade-Insecure-Requests": (
            b"Max-Forwards: 10",
            b"Upgrade-Insecure-Requests: 1",
        ),
    }.items()
]

CHUNKED_POST = b"POST /v1/%s HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n" + CHUNKED + b"\r\nX-B: 2\r\n\r\n"
LOWER = b"POST /v1/%s HTTP/1.1\r\nhost: a\r\n%s\r\nx-b: 2\r\n\r\n"
FRAMINGS = [
    one(f"{name} in other letters to {path.decode()}", LOWER % (path, field) + body)
    for path in (b"chat/completions", b"files")
    for name, field, body in [
        ("a length", b"content-length: %d" % len(BODY), BODY),
        ("a length", b"CONTENT-LENGTH:  %d " % len(BODY), BODY),
        ("no length", b"x-a: 1", b""),
        ("a length of nothing", b"content-length: 0", b""),
        ("chunks", b"TRANSFER-encoding: Chunked", chunk(BODY) + LAST),
    ]
] + [
    one(f"chunks with {name} to {path.decode()}", CHUNKED_POST % path + body)
    for path in (b"chat/completions", b"files")
    for name, body in {
        "one piece": chunk(BODY) + LAST,
        "many pieces": b"".join(chunk(BODY[n : n + 1]) for n in range(len(BODY))) + LAST,
        "extensions": chunk(BODY[:9], b';a=1;b="2"') + chunk(BODY[9:], b";c") + b"0;last\r\n\r\n",
        "trailers": chunk(BODY) + b"0\r\nX-Late: 1\r\nX-Later: 2\r\n\r\n",
        "sizes in capitals and zeros": b"000"
        + chunk(BODY).upper()[:2]
        + b"\r\n"
        + BODY
        + b"\r\n000\r\n\r\n",
        "nothing": LAST,
    }.items()
]

REPLIED = [
    one(
        f"an answer to {method.decode()} {path.decode()}",
        asking(method + b" /v1/" + path, body=None),
        answering(b"200 OK", JSON, body=b"" if method == b"HEAD" else b'{"data":[]}'),
    )
    for method, path in [(b"GET", b"models"), (b"HEAD", b"models"), (b"HEAD", b"files/f")]
]


@pytest.mark.parametrize(
    "case",
    [*METHODS, *PATHS, *TARGETS, *BODIES, *UPLOADS, *HEADERS, *FRAMINGS, *REPLIED],
    ids=str,
)
def test_the_upstream_gets_what_the_client_sent(case: Case, roads):
    assert roads.differences(case) == []
