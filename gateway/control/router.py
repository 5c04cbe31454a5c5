"""The routes of the control API. They read the store and nothing else, so they answer at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute

from classifiers.verdict import Label
from gateway.control.access import admin_guard
from gateway.control.frontier import frontier_points
from gateway.control.intake import RunRefused, costs_of, read_posted, record_of, tallies_of
from gateway.control.reference import POLICY, reference_page
from gateway.control.views import (
    DeploymentsView,
    DeploymentView,
    ExchangesView,
    ExchangeView,
    FrontierView,
    LiveView,
    PostedView,
    RateView,
    RunsView,
    RunView,
)
from gateway.mirror.collector import live_refusal
from gateway.store import Store, StoreProblem
from probes.rates import Counts, RateName, rate_from

MAX_RUN_BYTES = 64 * 1024 * 1024
"""Largest run file: some 20,000 trials with replies of 2 KB; OR-Bench Hard has 1,319 rows."""

Configured = Callable[[], Mapping[str, str]]
"""Tells the configured deployments: by name, the model that each serves."""
Requests = Callable[[], Mapping[str, int]]
"""Calls that ended, by deployment."""
Deployment = Annotated[str | None, Query(description="One deployment alone.")]
LabelFilter = Annotated[
    Label | Literal["refused"] | None, Query(description="One label, or the three refusals.")
]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]


class StoreRoute(APIRoute):
    """A route whose store may fail: that is a 503 with its one line, not a traceback."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler behind that answer."""
        inner = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await inner(request)
            except StoreProblem as problem:
                raise HTTPException(503, str(problem)) from problem

        return answer


def control_router(
    store: Store,
    *,
    deployments: Configured,
    requests: Requests,
    admin_token: str | None,
    max_run_bytes: int = MAX_RUN_BYTES,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """The API under ``/api``, with its own reference.

    ``deployments`` tells which are configured now.
    """
    guard = Depends(admin_guard(admin_token))
    router = APIRouter(prefix="/api", route_class=StoreRoute, dependencies=[guard])
    _add_measured(router, store, deployments, requests=requests)
    _add_runs(router, store, max_run_bytes, clock=clock)
    _add_reference(router)
    return router


def _add_measured(
    router: APIRouter, store: Store, deployments: Configured, *, requests: Requests
) -> None:
    @router.get("/frontier", tags=["measured"])
    def frontier() -> FrontierView:
        """Over-refusal against safe refusal, a point per deployment; and live refusal rates."""
        live = _live(store, deployments())
        return FrontierView(
            points=frontier_points(store.latest_runs()),
            live=[LiveView(deployment=name, refusal=rate) for name, rate in live.items()],
        )

    @router.get("/deployments", tags=["measured"])
    def list_deployments() -> DeploymentsView:
        """The configured deployments with their calls and live refusal rates."""
        configured, counted = deployments(), requests()
        live = _live(store, configured)
        return DeploymentsView(
            deployments=[
                DeploymentView(
                    name=name, model=model, requests=counted.get(name, 0), refusal=live[name]
                )
                for name, model in configured.items()
            ]
        )

    @router.get("/exchanges", tags=["measured"])
    def exchanges(
        deployment: Deployment = None, label: LabelFilter = None, limit: Limit = 50
    ) -> ExchangesView:
        """Sampled calls with their verdicts, the latest first, their texts redacted."""
        found = store.latest_exchanges(deployment=deployment, labels=_labels(label), limit=limit)
        return ExchangesView(exchanges=[ExchangeView.of(record) for record in found])


def _add_runs(
    router: APIRouter, store: Store, max_run_bytes: int, *, clock: Callable[[], float]
) -> None:
    @router.get("/runs", tags=["runs"])
    def list_runs(deployment: Deployment = None, limit: Limit = 50) -> RunsView:
        """Probe runs with their rates, the latest begun first."""
        found = store.runs(deployment=deployment, limit=limit)
        return RunsView(runs=[RunView.of(record) for record in found])

    @router.post("/runs", tags=["runs"], status_code=201)
    async def post_run(request: Request, response: Response) -> PostedView:
        """Take a finished run file (its bytes as the body); a run that is here already stays."""
        with tempfile.NamedTemporaryFile(prefix="candor-run-") as file:
            await _receive(request, file, max_run_bytes)
            posted = await to_thread.run_sync(_keep, store, Path(file.name), clock())
        response.status_code = 201 if posted.added else 200
        return posted


def _add_reference(router: APIRouter) -> None:
    @router.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff"}
        return HTMLResponse(reference_page(request.app.openapi()), headers=headers)


async def _receive(request: Request, file: Any, limit: int) -> None:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise HTTPException(413, f"the run file is larger than {limit} bytes")
        await to_thread.run_sync(_write, file, chunk)


def _write(file: BinaryIO, chunk: bytes) -> None:
    file.write(chunk)
    file.flush()


def _keep(store: Store, path: Path, posted_at: float) -> PostedView:
    try:
        run = read_posted(path, posted_at)
    except RunRefused as problem:
        raise HTTPException(400, str(problem)) from problem
    record = record_of(run, posted_at)
    added = store.add_run(record, tallies_of(run, record.deployment), costs_of(run))
    return PostedView(run_id=record.run_id, deployment=record.deployment, added=added)


def _live(store: Store, deployments: Mapping[str, str]) -> dict[str, RateView]:
    """The live refusal rate of every configured deployment, and of every other that has one."""
    unmeasured = rate_from(RateName.REFUSAL, None, Counts())
    rates = live_refusal(store.verdict_tallies(), store.capture_tallies())
    found = dict.fromkeys(deployments, unmeasured) | rates
    return {name: RateView.of(rate) for name, rate in found.items()}


def _labels(label: Label | Literal["refused"] | None) -> list[str] | None:
    if label is None:
        return None
    if label == "refused":
        return [each.value for each in Label if each.refused]
    return [Label(label).value]
