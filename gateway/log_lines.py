"""What is logged goes to stderr: readable on a terminal, JSON anywhere else."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging() -> None:
    """Set up the log lines of this process, ours and those of the libraries."""
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
