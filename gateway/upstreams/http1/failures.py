"""What went wrong with a connection, in one readable line, in the words that probes use."""

from __future__ import annotations

import errno
import socket
import ssl

_ERRNO_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EMFILE: "this gateway has no file descriptor left",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.EADDRNOTAVAIL: "this machine has no local port left for the address",
}


def words_for(problem: Exception | None, host: str) -> str:
    """Why the connection to ``host`` failed or ended; None is an end by FIN."""
    if problem is None:
        return "the server closed the connection"
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"TLS: certificate verify failed: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {problem.reason or problem}"
    if isinstance(problem, (socket.gaierror, UnicodeError)):
        return f"the name {host} does not resolve"
    if isinstance(problem, OSError) and problem.errno in _ERRNO_WORDS:
        return _ERRNO_WORDS[problem.errno]
    if isinstance(problem, ConnectionError):
        return "connection reset"
    first_line = (str(problem).strip().splitlines() or [""])[0][:200]
    return f"{type(problem).__name__}: {first_line}".rstrip(": ")
