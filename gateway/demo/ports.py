"""A port that can be listened on."""

from __future__ import annotations

import socket


def usable_port(wanted: int, host: str = "127.0.0.1") -> int:
    """The wanted port where it is free, else another; either may be taken again before its use."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted
