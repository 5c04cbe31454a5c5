"""Downloading a set's file whole, or one line that says why not."""

from __future__ import annotations

from probes.http import ClientError, client, describe

LIMIT_BYTES = 64 * 1024 * 1024
"""Far above any published set; what is bigger is not the file that was asked for."""

TIMEOUT_SECONDS = 30.0


def download(url: str) -> bytes:
    """The bytes at the URL, redirects followed (a dataset's home sends one on to its storage).

    Raises OSError, with one readable line, on anything but a whole reply of status 200 and at most
    ``LIMIT_BYTES``.
    """
    try:
        with (
            client(url, timeout_seconds=TIMEOUT_SECONDS) as opened,
            opened.stream("GET", url, follow_redirects=True) as reply,
        ):
            if reply.status_code != 200:
                raise OSError(f"the server answered with status {reply.status_code}")
            received = bytearray()
            for chunk in reply.iter_bytes():
                received += chunk
                if len(received) > LIMIT_BYTES:
                    raise OSError(f"the reply is larger than {LIMIT_BYTES // 1024**2} MiB")
            return bytes(received)
    except ClientError as problem:
        raise OSError(describe(problem)) from problem
