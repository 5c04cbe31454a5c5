"""The simulated model: a scripted upstream that ships with the product and knows its own truth."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.simulated.model import Drift, FakeModel
    from gateway.simulated.persona import Persona, truth_rate
    from gateway.simulated.server import FakeServer, serve_forever
    from gateway.simulated.truth import TruthRecord

__all__ = [
    "Drift",
    "FakeModel",
    "FakeServer",
    "Persona",
    "TruthRecord",
    "serve_forever",
    "truth_rate",
]

_HOMES = {
    "Drift": "model",
    "FakeModel": "model",
    "FakeServer": "server",
    "Persona": "persona",
    "TruthRecord": "truth",
    "serve_forever": "server",
    "truth_rate": "persona",
}
"""Which module each name lives in: imported when it is asked for, so that `candor --help`, which
imports this package for its one command, does not wait for a web server."""


def __getattr__(name: str) -> Any:
    """The public name, from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
