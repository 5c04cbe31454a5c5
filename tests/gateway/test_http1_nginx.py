"""The client against a server that nobody here wrote: nginx."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import LimitSettings
from gateway.upstreams.base import Framing
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.asking import GET, HEAD, POST, FakeSource, on_each_loop, streaming, taken
from tests.services import binary, free_port
from tests.waiting import wait_until

LARGE = bytes(range(256)) * 20_000

CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
  access_log off; keepalive_requests 7; client_max_body_size 1k;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
    location /v1/echo {{ return 200 $arg_name; }}
    location /v1/none {{ return 204; }}
    location /v1/chunks {{ ssi on; ssi_types *; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory) -> Iterator[str]:
    program = binary("nginx", "apt-get install nginx-light")
    folder: Path = tmp_path_factory.mktemp("nginx")
    files = folder / "files" / "v1"
    files.mkdir(parents=True)
    (files / "large").write_bytes(LARGE)
    (files / "chunks").write_text("one <!--# echo var='request_method' --> two")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port))
    command = [program, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(config)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


@on_each_loop
async def test_a_thousand_calls_survive_connections_that_end_after_every_seventh(nginx):
    upstream = PassthroughUpstream(nginx, LimitSettings())

    async def caller(number: int) -> None:
        for count in range(50):
            name = b"%d-%d" % (number, count)
            reply = await upstream.open(replace(POST, path=b"/echo", query=b"name=" + name))
            assert (reply.status, await taken(reply)) == (200, name)

    await asyncio.gather(*[caller(number) for number in range(20)])
    await upstream.aclose()


@on_each_loop
async def test_every_framing_of_a_reply_comes_through(nginx):
    upstream = PassthroughUpstream(nginx, LimitSettings())
    for path, framing, body in (
        (b"/large", Framing.LENGTH, LARGE),
        (b"/chunks", Framing.CHUNKED, b"one GET two"),
        (b"/none", Framing.NONE, b""),
    ):
        for _ in range(3):
            reply = await upstream.open(replace(GET, path=path))
            assert (reply.framing, await taken(reply)) == (framing, body)
        bare = await upstream.open(replace(HEAD, path=path))
        assert (bare.status, bare.framing, await taken(bare)) == (
            204 if path == b"/none" else 200,
            Framing.NONE,
            b"",
        )
    await upstream.aclose()


@on_each_loop
async def test_a_body_that_is_too_large_is_answered_while_it_is_still_on_its_way(nginx):
    upstream = PassthroughUpstream(nginx, LimitSettings())
    source = FakeSource(early=[b"x" * 1000])
    size = (b"Content-Length", b"1000000")
    reply = await upstream.open(replace(streaming(source, size), path=b"/echo"))
    assert (reply.status, b"413" in await taken(reply)) == (413, True)
    reply = await upstream.open(replace(GET, path=b"/echo", query=b"name=next"))
    assert await taken(reply) == b"next"
    await upstream.aclose()
