"""A set's public home on loopback: it redirects, resumes, breaks off and lies, as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What one path answers.

    ``cuts`` are the bytes after which the first answers break off, one an answer; ``resumes`` is
    whether a Range is honoured.
    """

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    resumes: bool = True


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    range: str
    authorization: str


class FakeHome(ThreadingHTTPServer):
    """Serves ``pages`` by path and remembers what it was ``asked``."""

    daemon_threads = True

    def __init__(self, pages: dict[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHome
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("range", "")
        authorization = self.headers.get("authorization", "")
        self.server.asked.append(Asked(self.path, wanted, authorization))
        page = self.server.pages.get(self.path, Page(b"nothing here", 404))
        status, start = page.status, 0
        same = self.headers.get("if-range") == page.headers.get("etag")
        if wanted and page.resumes and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            status = 206 if start < len(page.content) else 416
        self.send_response(status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if status == 206:
            size = len(page.content)
            self.send_header("content-range", f"bytes {start}-{size - 1}/{size}")
        body = page.content[start:]
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        cut = page.cuts.pop(0) if page.cuts else len(body)
        self.wfile.write(body[:cut])
        if cut < len(body):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def home_of(**pages: Page) -> Iterator[FakeHome]:
    """A home with these pages; a name's double underscore is a dot, so set__csv is /set.csv."""
    server = FakeHome({f"/{name.replace('__', '.')}": page for name, page in pages.items()})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
