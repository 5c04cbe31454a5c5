"""Upstreams with the real gateway before them, started once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.simulated import FakeModel, FakeServer
from tests.clients.realtime_server import realtime_server
from tests.clients.sides import Sides, llama_server
from tests.clients.upstream import FakeProvider
from tests.running import serving


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """OpenAI, Azure and Anthropic as a script."""
    home = tmp_path_factory.mktemp("scripted")
    with (
        FakeProvider() as provider,
        serving("--upstream", f"{provider.root}/v1", home=home) as gateway,
    ):
        yield Sides(provider.root, gateway.url, provider)


@pytest.fixture(scope="session")
def azure(scripted: Sides, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """The same script as a resource of Azure's, which is asked by Azure's own paths."""
    home = tmp_path_factory.mktemp("azure")
    config = home / "candor.yaml"
    upstream = f"upstream: {{base_url: {scripted.direct}/openai}}"
    config.write_text(f"deployments: [{{name: azure, {upstream}}}]\n", encoding="utf-8")
    with serving("--config", str(config), home=home) as gateway:
        yield Sides(scripted.direct, gateway.url, scripted.provider)


@pytest.fixture(scope="session")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """A server of WebSockets, as OpenAI's Realtime API is one."""
    home = tmp_path_factory.mktemp("realtime")
    with (
        realtime_server() as root,
        serving("--upstream", f"{root}/v1", home=home) as gateway,
    ):
        yield Sides(root, gateway.url)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sides, FakeServer]]:
    """The simulated model, which breaks on request."""
    home = tmp_path_factory.mktemp("simulated")
    with (
        FakeServer(FakeModel([])) as server,
        serving("--upstream", server.base_url, home=home) as gateway,
    ):
        yield Sides(server.root_url, gateway.url), server


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """llama.cpp's server, which nobody here wrote."""
    home = tmp_path_factory.mktemp("llama")
    with (
        llama_server(home) as root,
        serving("--upstream", f"{root}/v1", home=home / "gateway") as gateway,
    ):
        yield Sides(root, gateway.url)
