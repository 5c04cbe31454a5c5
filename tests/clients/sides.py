"""The same question asked twice, directly and through the gateway, and the two answers."""

from __future__ import annotations

import difflib
import importlib
import itertools
import os
import pprint
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from probes.http import Client, ClientError
from tests.clients.upstream import FakeProvider, Received
from tests.services import ROOT, free_port
from tests.waiting import wait_until

T = TypeVar("T")
OF_THE_HOP = {"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"}
CHANGES = {*OF_THE_HOP, "http2-settings", "idempotency-key"}
"""Request headers that need not be alike: of the hop, or drawn at random by the client."""
ADDED = {"x-candor-request-id", "x-candor-deployment", "date", "connection", "keep-alive"}
"""Reply headers that need not be alike: the gateway's own, of the moment, or of the hop."""


@dataclass(frozen=True)
class Sides:
    """Two ways to one upstream, as roots without a path: its own address and the gateway's."""

    direct: str
    through: str
    provider: FakeProvider | None = None

    def both(self, ask: Callable[[str], T]) -> tuple[T, T]:
        """What a client that is pointed at either side makes of its answer.

        Where the upstream remembers what it is asked, both ways must have brought it the same.
        """
        first, asked_directly = self._asking(lambda: plain(ask(self.direct)))
        second, asked_through = self._asking(lambda: plain(ask(self.through)))
        assert asked_through == asked_directly, difference(asked_directly, asked_through)
        return first, second

    async def both_async(self, ask: Callable[[str], Awaitable[T]]) -> tuple[T, T]:
        """The same for a client that waits on an event loop."""
        return plain(await ask(self.direct)), plain(await ask(self.through))

    def same(self, ask: Callable[[str], T]) -> T:
        """The one answer that both ways give; fails where they differ."""
        direct, through = self.both(ask)
        assert through == direct, difference(direct, through)
        return through

    def _asking(self, act: Callable[[], T]) -> tuple[T, list[Any]]:
        if self.provider is None:
            return act(), []
        before = len(self.provider.received)
        answer = act()
        return answer, [asked(request) for request in self.provider.received[before:]]


def difference(direct: Any, through: Any) -> str:
    """Where two answers, or what was asked for them, part; the first lines of it."""
    first, second = [pprint.pformat(value, width=100).splitlines() for value in (direct, through)]
    lines = difflib.unified_diff(first, second, "directly", "through the gateway", n=1, lineterm="")
    return "\n".join(line[:400] for line in itertools.islice(lines, 60))


def asked(request: Received) -> tuple[Any, ...]:
    """A request without what a hop changes."""
    headers = sorted((key, value) for key, value in request.headers if key not in CHANGES)
    return request.method, request.path, request.query, headers, request.body


def plain(value: Any) -> Any:
    """An SDK's value as dictionaries, lists, strings and numbers, so that it can be compared."""
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="python", warnings=False))
    if isinstance(value, BaseException):
        return failure(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def failure(problem: BaseException) -> dict[str, Any]:
    """What a caller can read out of an SDK's exception."""
    names = ("status_code", "code", "param", "type", "body", "request_id", "message")
    told = {name: plain(getattr(problem, name, None)) for name in names}
    return {"class": type(problem).__name__, **told}


def failed(answer: Any) -> bool:
    """Whether what came of a question was an exception."""
    return isinstance(answer, dict) and "status_code" in answer


def outcome(act: Callable[[], T]) -> T | BaseException:
    """The value, or what was raised in its place."""
    try:
        return act()
    except Exception as problem:  # the edge at which an SDK's failure becomes a thing to compare
        return problem


def shown(headers: Any) -> list[tuple[str, str]]:
    """A reply's headers, less those that may differ, sorted."""
    pairs = headers.multi_items() if hasattr(headers, "multi_items") else headers.items()
    return sorted((key.lower(), value) for key, value in pairs if key.lower() not in ADDED)


def without(value: Any, *names: str) -> Any:
    """The value less the keys that a server draws anew for each reply."""
    if isinstance(value, dict):
        return {key: without(part, *names) for key, part in value.items() if key not in names}
    if isinstance(value, list):
        return [without(part, *names) for part in value]
    return value


def missing(what: str) -> NoReturn:
    """Skip the test for want of something, or fail it where everything must be there."""
    if os.environ.get("CANDOR_REQUIRE_SERVICES") == "1":
        pytest.fail(what)
    pytest.skip(what)


def needed(module: str) -> Any:
    """An importable module of the dev extra; skips, or fails, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(f"{module} is not installed; make test installs it with the dev extra")


@contextmanager
def llama_server(folder: Path) -> Iterator[str]:
    """llama.cpp's server with the tiny model, as its root URL; skips where it is not installed."""
    needed("xllamacpp")
    from tests.clients.tiny_llama import write_model

    model = folder / "tiny-llama.gguf"
    write_model(model)
    port = free_port()
    log = folder / "llama.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "tests.clients.llama_server", str(model), str(port)]
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    root = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: child.poll() is not None or healthy(root), what=log.name)
        assert child.poll() is None, log.read_text(errors="replace")
        yield root
    finally:
        child.terminate()
        child.wait(20)


def healthy(root: str) -> bool:
    """Whether llama.cpp's server has its model loaded."""
    try:
        with Client(timeout=5.0) as client:
            return client.get(f"{root}/health").status_code == 200
    except ClientError:
        return False
