"""A pytest plugin that lets an SDK's own tests run: a server that answers with the right types.

The SDKs (openai, anthropic) test every method against a mock made from the provider's OpenAPI
document, which is not to be had offline. Here the SDK itself says on each request which of its
types it expects (``x-expects``, a number), and the server in this process invents a value of that
type. Where the tests send their requests is decided by TEST_API_BASE_URL, as ever; so a gateway may
stand between.

Environment: SUITE_PACKAGE, the SDK's name; SUITE_PORT, where the mock listens.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.util
import json
import os
import sys
import threading
import types
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from unittest.mock import MagicMock

import pydantic
import pytest

DEEPEST = 6
"""Levels of lists in lists after which a list is empty; some types hold themselves."""
SCALARS: dict[type, Any] = {
    bool: True,
    int: 7,
    float: 1.5,
    str: "egg",
    bytes: "egg",
    datetime.datetime: "2025-10-01T00:00:00Z",
    datetime.date: "2025-10-01",
}
STRANGERS = {
    "respx": ("respx",),
    "inline_snapshot": ("inline_snapshot",),
    "http_snapshot": ("http_snapshot", "http_snapshot.httpx"),
}
"""Libraries that the suites import for tests without a server, which are not run here; and the
modules of each."""
EXPECTED: list[Any] = []
"""Every type that was expected, by number."""


def example(kind: Any, depth: int = 0) -> Any:
    """A JSON value that the SDK reads as this type."""
    kind = getattr(kind, "__value__", kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return example(inner[0], depth)
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return None if type(None) in inner else example(_telling(inner), depth)
    if kind is None or kind is type(None):
        return None
    plain = origin or kind
    if not isinstance(plain, type) or isinstance(kind, TypeVar):
        return {}
    if issubclass(plain, pydantic.BaseModel):
        return _fields(kind, depth)
    if plain.__name__ in ("list", "Sequence", "Iterable"):
        return [example(inner[0], depth + 1)] if inner and depth < DEEPEST else []
    return next((value for known, value in SCALARS.items() if issubclass(plain, known)), {})


def _telling(variants: tuple[Any, ...]) -> Any:
    """The variant that says most: anything before a string."""
    return next((variant for variant in variants if variant is not str), variants[0])


def _fields(model: Any, depth: int) -> dict[str, Any]:
    """The fields that a model cannot do without."""
    return {
        field.alias or name: example(field.rebuild_annotation(), depth + 1)
        for name, field in model.model_fields.items()
        if not name.startswith("_") and type(None) not in get_args(field.annotation)
    }


class Mock(BaseHTTPRequestHandler):
    """Answers every method on every path with an example of what is expected."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests' own report is read."""

    def answer(self) -> None:
        self._take_body()
        number = self.headers.get("x-expects")
        kind = EXPECTED[int(number)] if number else object
        value = example(kind)
        body = value.encode() if kind is str else json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain" if kind is str else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _take_body(self) -> None:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer


class MockServer(ThreadingHTTPServer):
    """A thread for each connection; one that breaks off is nobody's fault."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: an SDK closes its connections when it likes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Stand in for what is not installed: modules, and the option one of them brings."""
    absent = [library for library in STRANGERS if importlib.util.find_spec(library) is None]
    for library in absent:
        sys.modules.update({name: MagicMock() for name in STRANGERS[library]})
    if "http_snapshot" in absent:
        parser.addoption("--http-record", action="store_true")


def pytest_configure(config: pytest.Config) -> None:
    """Make the SDK say what it expects, and listen."""
    config.addinivalue_line("markers", "respx: answered by respx, without a server")
    base = importlib.import_module(f"{os.environ['SUITE_PACKAGE']}._base_client")
    for client in (base.SyncAPIClient, base.AsyncAPIClient):
        client.request = _telling_request(client.request, base.is_given)
    server = MockServer(("127.0.0.1", int(os.environ["SUITE_PORT"])), Mock)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _telling_request(request: Any, is_given: Any) -> Any:
    """The client's method with the expected type's number among the headers."""

    def told(self: Any, cast_to: Any, options: Any, **rest: Any) -> Any:
        EXPECTED.append(cast_to)
        headers = dict(options.headers) if is_given(options.headers) else {}
        headers["x-expects"] = str(len(EXPECTED) - 1)
        return request(self, cast_to, options.model_copy(update={"headers": headers}), **rest)

    return told
