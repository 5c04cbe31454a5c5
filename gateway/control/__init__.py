"""The control API behind /api: what was measured, read from the store."""

from gateway.control.access import admin_guard
from gateway.control.router import control_router

__all__ = ["admin_guard", "control_router"]
