"""Runs the assembled gateway on a socket until a signal ends it."""

from __future__ import annotations

import logging
import math
import signal
import socket
import sys

import structlog
import uvicorn

from gateway.config import Settings
from gateway.http_protocol import protocol_within
from gateway.wiring import assemble
from probes.home import candor_home


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; calls in flight get the configured time to end."""
    _configure_logging()
    # The server takes the signal first, drains, and hands it on to this: a clean end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = assemble(settings, candor_home())
    limits = settings.server.limits
    config = uvicorn.Config(
        app,
        http=protocol_within(limits),
        loop="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(limits.drain_seconds),
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
    logging.getLogger("uvicorn.error").addFilter(_not_told_already)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def _not_told_already(line: logging.LogRecord) -> bool:
    """Leaves out what the server says of a reply without an end: the relay has said why."""
    return "without completing response" not in line.getMessage()
