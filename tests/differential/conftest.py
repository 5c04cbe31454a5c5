"""The real `candor serve` between a raw client and a scripted upstream, once for all cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.differential.roads import Roads, configuration
from tests.differential.upstream import ScriptedUpstream
from tests.running import serving


@pytest.fixture(scope="session")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roads]:
    """Starts a gateway when the first case asks for its road."""
    near, far = ScriptedUpstream(), ScriptedUpstream()
    folder: Path = tmp_path_factory.mktemp("differential")
    with ExitStack() as stack:

        def start(road: str) -> int:
            file = folder / f"{road}.yaml"
            file.write_text(yaml.safe_dump(configuration(road, far.port)))
            running = stack.enter_context(serving("--config", str(file), home=folder / road))
            return int(running.url.rpartition(":")[2])

        yield Roads(near, far, start)
    near.close()
    far.close()
