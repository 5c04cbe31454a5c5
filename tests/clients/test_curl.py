"""curl, which sends and shows what SDKs hide: HEAD, HTTP/1.0, Expect, compression, framing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.sides import ADDED, Sides
from tests.services import binary
from tests.waiting import wait_until

OF_THE_FRAMING = {*ADDED, "transfer-encoding"}
WRITTEN = "%{http_code} %{http_version} %{num_connects} %{content_type}\\n"
JSON = ("-H", "content-type: application/json")
ASKED = ("-d", '{"model":"gpt-1", "model" : "gpt-1","messages":[],"n":1e-7}')
STREAM = ("-d", '{"model": "gpt-1", "messages": [], "stream": true}')


@pytest.fixture(scope="module")
def curl() -> str:
    return binary("curl", "apt-get install curl")


def get(curl: str, *arguments: str, paths: tuple[str, ...], folder: Path) -> Any:
    """A way of asking: status lines, headers and body as curl writes them down."""

    def ask(root: str) -> Any:
        head, body = folder / "head", folder / "body"
        body.write_bytes(b"")
        files = ("-D", str(head), "-o", str(body))
        urls = [part for path in paths for part in (*files, root + path)]
        command = [curl, "-sS", "--max-time", "30", "-w", WRITTEN, *arguments, *urls]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = [done.returncode, done.stderr, done.stdout, shown(head)]
        return told if "-I" in arguments else [*told, body.read_bytes()]

    return ask


def shown(file: Path) -> list[str]:
    """The head's lines without those that may differ, sorted."""
    lines = file.read_text(encoding="latin-1").splitlines()
    return sorted(line for line in lines if line.partition(":")[0].lower() not in OF_THE_FRAMING)


CHAT = ("/v1/chat/completions",)
CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "get": ((), ("/v1/models",)),
    "get with query": (("-G", "--data-urlencode", "after=ü &"), ("/v1/batches?limit=2&x&y=%2F",)),
    "post": ((*JSON, *ASKED), CHAT),
    "post without a type": (ASKED, CHAT),
    "stream": (("-N", *JSON, *STREAM), CHAT),
    "head": (("-I",), ("/v1/models",)),
    "head of a missing page": (("-I",), ("/v1/nowhere",)),
    "options": (("-X", "OPTIONS", "-H", "origin: https://example.com"), CHAT),
    "delete": (("-X", "DELETE"), ("/v1/models/ft:gpt-scripted",)),
    "http 1.0": (("--http1.0", *JSON, *ASKED), CHAT),
    "http 1.0 stream": (("--http1.0", "-N", *JSON, *STREAM), CHAT),
    "http 2 is offered": (("--http2",), ("/v1/models",)),
    "compressed": (("--compressed", *JSON, *ASKED), CHAT),
    "compressed and kept so": (("-H", "accept-encoding: gzip", *JSON, *ASKED), CHAT),
    "form": (
        ("-F", "model=whisper-1", "-F", "file=@{sound};filename=a b.mp3;type=audio/mpeg"),
        ("/v1/audio/transcriptions",),
    ),
    "chunked upload": (
        ("-H", "transfer-encoding: chunked", "-F", "purpose=batch", "-F", "file=@{sound}"),
        ("/v1/files",),
    ),
    "chunked question": (("-H", "transfer-encoding: chunked", *JSON, *ASKED), CHAT),
    "download": ((), ("/v1/files/file-a/content",)),
    "three on one connection": ((), ("/v1/models", "/v1/files", "/v1/models/gpt-scripted")),
    "error": ((*JSON, "-d", '{"model": "error-429", "messages": []}'), CHAT),
    "not found": ((), ("/v1/nowhere/at%20all",)),
    "no body": (("-X", "POST"), ("/v1/batches/batch_1/cancel",)),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 300 kB with every byte value in it."""
    file = tmp_path_factory.mktemp("curl") / "sound"
    file.write_bytes(bytes(range(256)) * 1200)
    return file


@pytest.mark.parametrize("name", CASES)
def test_curl_writes_down_the_same(scripted: Sides, curl, name, sound, tmp_path):
    arguments, paths = CASES[name]
    filled = [part.replace("{sound}", str(sound)) for part in arguments]
    answer = scripted.same(get(curl, *filled, paths=paths, folder=tmp_path))
    assert answer[:2] == [0, ""]


def test_an_offer_of_http_2_does_not_cost_a_request_its_body(scripted: Sides, curl, tmp_path):
    """uvicorn by itself loses the body here, so the offer is made to the gateway alone."""
    plain = get(curl, *JSON, *ASKED, paths=CHAT, folder=tmp_path)(scripted.direct)
    offered = get(curl, "--http2", *JSON, *ASKED, paths=CHAT, folder=tmp_path)(scripted.through)
    assert offered == plain


def test_a_connection_is_kept_for_the_next_request(scripted: Sides, curl, tmp_path):
    arguments, paths = CASES["three on one connection"]
    written = scripted.same(get(curl, *arguments, paths=paths, folder=tmp_path))[2]
    assert [line.split(" ")[2] for line in written.splitlines()] == ["1", "0", "0"]


def test_a_large_body_is_sent_once_it_is_asked_for(scripted: Sides, curl, tmp_path):
    """curl waits for 100 Continue before it sends more than a megabyte."""
    large = tmp_path / "large"
    large.write_bytes(b'{"model": "gpt-1", "messages": [], "x": "' + b"x" * 3_000_000 + b'"}')

    def ask(root: str) -> Any:
        command = [curl, "-sv", "--expect100-timeout", "20", *JSON, "--data-binary", f"@{large}"]
        done = subprocess.run(
            [*command, root + CHAT[0]], capture_output=True, text=True, timeout=60, check=False
        )
        lines = [
            line for line in done.stderr.splitlines() if line.startswith(("< HTTP", "> Expect"))
        ]
        return [done.returncode, lines, done.stdout]

    _, lines, _ = scripted.same(ask)
    assert lines == ["> Expect: 100-continue", "< HTTP/1.1 100 Continue", "< HTTP/1.1 200 OK"]


def test_the_first_event_is_there_while_the_stream_goes_on(scripted: Sides, curl):
    before = scripted.provider.hangups

    def ask(root: str) -> Any:
        command = [
            curl,
            "-sN",
            "--max-time",
            "15",
            *JSON,
            "-d",
            '{"model": "silent", "stream": true}',
            root + CHAT[0],
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            child.terminate()
        return first

    assert scripted.same(ask).startswith(b"data: ")
    wait_until(lambda: scripted.provider.hangups == before + 2, what="hangups")
