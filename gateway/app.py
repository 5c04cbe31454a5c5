"""The whole application on one screen: which path is answered by whom.

/v1/* /openai/*             the relay: never here, http_protocol.py takes them off before
/livez /readyz /metrics     open, for whoever watches the process
/api/*                      the control API and its docs; needs the admin token
/                           the console; needs the admin token
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client.registry import CollectorRegistry
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope as StarletteScope

from gateway.metrics import exposition
from gateway.readiness import Readiness

CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the console may load: its own files and nothing else (W3C CSP Level 3)."""

Guard = Callable[[Request], None]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def framework(
    *,
    watching: APIRouter,
    api: APIRouter,
    guard: Guard,
    console: Path | None,
    lifespan: Lifespan,
) -> FastAPI:
    """Everything but the relay's paths. ``guard`` stands before the console; ``api`` has its own.

    ``console`` is the folder of the console's files, None to serve none.
    """
    app = FastAPI(
        title="Candor",
        description="How often a model refuses what it should answer, and the other way round.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.include_router(watching)
    app.include_router(api)
    if console is not None:
        app.mount("/", ConsoleFiles(console, guard), name="console")
    return app


def watching_router(registry: CollectorRegistry, readiness: Readiness) -> APIRouter:
    """Liveness, readiness and metrics. Neither of the first two asks anything else: a store or an
    upstream that is down is no reason to take a gateway out that still relays."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def alive() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        status, report = readiness.report()
        return JSONResponse(report, status)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        accept = request.headers.get("accept")
        body, content_type = await run_in_threadpool(exposition, registry, accept)
        return Response(body, media_type=None, headers={"content-type": content_type})

    return router


class ConsoleFiles(StaticFiles):
    """The console's files, for whom the guard lets pass, under a strict content policy."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        super().__init__(directory=folder, html=True)
        self._guard = guard

    async def get_response(self, path: str, scope: StarletteScope) -> Response:
        """One file; raises HTTPException 401, 403 or 404."""
        self._guard(Request(scope))
        response = await super().get_response(path, scope)
        response.headers["content-security-policy"] = CONSOLE_POLICY
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["cache-control"] = "no-cache"
        return response
