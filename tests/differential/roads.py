"""The two roads a case is sent along: straight to the upstream, and through a gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.differential.case import Case, Exchange, Road, answering, asking
from tests.differential.client import ScriptedClient
from tests.differential.comparing import differences
from tests.differential.run import Run, Seen
from tests.differential.upstream import ScriptedUpstream

CLIENT_KEY = "sk-of-the-client"
UPSTREAM_KEY = "sk-of-the-upstream"
HASTY_SECONDS = 0.2
"""How long the deployment ``hasty`` lets its upstream stay silent within a reply."""


def configuration(road: str, port: int) -> dict[str, object]:
    """What the gateway of a road is configured with. Every call is mirrored: observing must not
    be seen either."""
    base = f"http://127.0.0.1:{port}/v1"
    everywhere = {
        "mirror": {"sample": 1.0},
        "classifier": {"cascade": ["native", "phrases"]},
    }
    if road == Road.PLAIN:
        deployments = [{"name": "everything", "model": "*", "upstream": {"base_url": base}}]
        return {**everywhere, "deployments": deployments}
    azure = base.replace("/v1", "/openai")
    deployments = [
        _deployment("keyless", base),
        _deployment("renaming", base, model="gpt-real-2"),
        _deployment("keyed", base, api_key=UPSTREAM_KEY),
        _deployment("api-keyed", base, api_key=UPSTREAM_KEY, key_header="api-key"),
        _deployment("x-api-keyed", base, api_key=UPSTREAM_KEY, key_header="x-api-key"),
        _deployment("hasty", base),
        _deployment("azure", azure, api_key=UPSTREAM_KEY),
    ]
    keys = [{"name": "team", "key": CLIENT_KEY}]
    routes = {"hasty": {"idle_timeout_seconds": HASTY_SECONDS}}
    return {**everywhere, "keys": keys, "deployments": deployments, "routes": routes}


def _deployment(name: str, base_url: str, **upstream: str) -> dict[str, object]:
    return {"name": name, "model": name, "upstream": {"base_url": base_url, **upstream}}


class Roads:
    """An upstream at the end of each road; ``start`` gives the port of a road's gateway."""

    def __init__(
        self, near: ScriptedUpstream, far: ScriptedUpstream, start: Callable[[str], int]
    ) -> None:
        self.near = near
        self.far = far
        self._start = start
        self._ports: dict[str, int] = {}

    def port(self, road: Road) -> int:
        """The port of the gateway that stands in this road."""
        if road not in self._ports:
            self._ports[road] = self._start(road)
        return self._ports[road]

    def differences(self, case: Case) -> list[str]:
        """What distinguishes the case sent through the gateway from the same sent straight."""
        port = self.port(case.road)
        return differences(case, self.direct(case), self.through(case, port))

    def direct(self, case: Case) -> Seen:
        """The case as it looks without a gateway."""
        requests = [each.direct or each.request for each in case.exchanges]
        return _played(case, self.near, self.near.port, requests)

    def through(self, case: Case, port: int) -> Seen:
        """The case as it looks with one."""
        return _played(case, self.far, port, [each.request for each in case.exchanges])

    @contextmanager
    def opened(self, road: Road, *exchanges: Exchange) -> Iterator[tuple[ScriptedClient, Run]]:
        """A client of the gateway, for a test that acts out its part step by step."""
        port = self.port(road)
        self.far.run = run = Run(list(exchanges))
        client = ScriptedClient(port, run)
        try:
            yield client, run
        finally:
            client.wire.close()

    def still_answers(self, road: Road) -> Run:
        """The run of an ordinary call that is the only one the upstream saw meanwhile."""
        with self.opened(road, Exchange((asking(),), (answering(),))) as (client, run):
            client.step(asking())
            client.read_replies(1)
        assert [reply.status for reply in client.reader.finals] == [200]
        assert len(run.seen.requests) == 1
        return run


def _played(case: Case, upstream: ScriptedUpstream, port: int, requests: list) -> Seen:
    upstream.run = run = Run(list(case.exchanges))
    ScriptedClient(port, run).play(case, requests)
    return run.seen
