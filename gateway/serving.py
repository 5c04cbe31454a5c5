"""Runs the assembled gateway on a socket until a signal ends it."""

from __future__ import annotations

import logging
import signal
import socket
import sys

import structlog
import uvicorn

from gateway.config import Settings
from gateway.wiring import assemble
from probes.home import candor_home

DRAIN_SECONDS = 30
"""How long calls in flight may take to end after SIGTERM: Kubernetes' default grace period."""


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; calls in flight get DRAIN_SECONDS to end."""
    _configure_logging()
    # The server takes the signal first, drains, and hands it on to this: a clean end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = assemble(settings, candor_home())
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    structlog.get_logger().info(
        "serving",
        url=f"http://{shown}:{port}",
        deployments=[deployment.name for deployment in settings.deployments],
    )
    uvicorn.Server(config).run(sockets=[listener])


def _configure_logging() -> None:
    """Log lines to stderr: readable on a terminal, JSON anywhere else."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
