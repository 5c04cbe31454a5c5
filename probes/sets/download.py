"""Downloading a set's file whole: watched, taken up again where it broke, or one line why not.

What has come so far lies in a part file with its entity tag beside it, so that a pull that was
killed goes on where it ended. A part is only continued where the server says that its file is
still the same (``If-Range``, RFC 9110 section 13.1.5); otherwise it begins anew.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from probes.http import ClientError, Response, client, describe
from probes.sets.problem import SetProblem

LIMIT_BYTES = 64 * 1024 * 1024
"""Far above any published set; what is bigger is not the file that was asked for."""

TIMEOUT_SECONDS = 30.0

ATTEMPTS = 3
"""How often a connection that broke midway is taken up again, within one pull."""

Watch = Callable[[int, int | None], None]
"""Told the bytes that are here and those that there will be, None where the server does not say."""

_STATUS_WORDS = {
    401: "it asks for a login; for Hugging Face put a token into HF_TOKEN",
    403: "it does not allow it; for Hugging Face put a token into HF_TOKEN",
    404: "there is no such file there",
    429: "too many requests; try again later",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a file that is here already, open for appending."""

    path: Path
    file: IO[bytes]

    @property
    def size(self) -> int:
        return self.file.seek(0, 2)

    @property
    def tag(self) -> str:
        """The entity tag of the file that this is a part of; empty where it cannot go on."""
        try:
            return _tag_of(self.path).read_text(encoding="ascii") if self.size else ""
        except (OSError, ValueError):
            return ""

    def restart(self, tag: str) -> None:
        """Throws away what is here; the tag is written only once nothing stale is left."""
        _tag_of(self.path).unlink(missing_ok=True)
        self.file.truncate(0)
        # A weak tag does not promise the same bytes.
        if tag and tag.isascii() and not tag.startswith("W/"):
            _tag_of(self.path).write_text(tag, encoding="ascii")

    def whole(self) -> bytes:
        """The bytes, now that they are all here; they leave the disk."""
        self.file.seek(0)
        raw = self.file.read()
        self.restart("")
        return raw

    def kept(self) -> str:
        """What to say of a part that another pull can go on from."""
        return f"; {self.size:,} bytes are kept, run it again to go on" if self.tag else ""


def download(
    url: str, part: Path, *, token: str | None = None, watch: Watch | None = None
) -> bytes:
    """The bytes at the URL, redirects followed (a dataset's home sends one on to its storage).

    ``part`` is where they gather; it is gone when this returns, and stays when the connection
    breaks, for the next call to go on from. ``token`` is sent to the URL's own host and to no host
    that it redirects to. Raises OSError, with one readable line, on anything but a whole file of at
    most ``LIMIT_BYTES``, and SetProblem where ``part`` cannot be written.
    """
    with _writable(part), _alone(part) as opened:
        for attempt in range(1, ATTEMPTS + 1):
            before = opened.size
            try:
                _receive(url, opened, token=token, watch=watch)
                return opened.whole()
            except _Stale:
                opened.restart("")
            except ClientError as problem:
                if attempt == ATTEMPTS or opened.size <= before:
                    raise _Refused(describe(problem) + opened.kept()) from problem
        raise _Refused("the server does not go on with the file that it began")


def _receive(url: str, part: _Part, *, token: str | None, watch: Watch | None) -> None:
    """One request: the whole file, or the rest of it, into the part."""
    headers = {"accept-encoding": "identity"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if part.tag:
        headers |= {"range": f"bytes={part.size}-", "if-range": part.tag}
    with (
        client(url, timeout_seconds=TIMEOUT_SECONDS, headers=headers) as opened,
        opened.stream("GET", url, follow_redirects=True) as reply,
    ):
        _check(reply, url, part)
        if reply.status_code != 206:
            # The tag of a compressed reply is not that of the bytes that are kept here.
            part.restart("" if _coded(reply) else reply.headers.get("etag", ""))
        total = _total(reply, part.size)
        for chunk in reply.iter_bytes():
            part.file.write(chunk)
            size = part.size
            if size > LIMIT_BYTES:
                part.restart("")
                raise _Refused(f"the reply is larger than {LIMIT_BYTES // 1024**2} MiB")
            if watch is not None:
                watch(size, total)


class _Refused(OSError):
    """The server's answer is no whole file; the message is the line that is shown."""


class _Stale(Exception):
    """The server has no rest for the part that is here: it must begin anew."""


def _check(reply: Response, url: str, part: _Part) -> None:
    """Raises _Refused where the answer is not the file, _Stale where it does not fit the part."""
    status = reply.status_code
    if status == 206 and reply.headers.get("content-range", "").startswith(f"bytes {part.size}-"):
        return
    if status in (206, 416):
        raise _Stale
    if status != 200:
        words = _STATUS_WORDS.get(status, "")
        raise _Refused(
            f"the server answered with status {status}" + (f": {words}" if words else "")
        )
    if reply.headers.get("content-type", "").lower().startswith("text/html"):
        hint = "; take the address with /resolve/ or /raw/" if "/blob/" in url else ""
        raise _Refused(f"the server answered with a web page, not a file{hint}")


def _total(reply: Response, here: int) -> int | None:
    """The size of the whole file, as far as the server says."""
    length = reply.headers.get("content-length", "")
    return here + int(length) if length.isdecimal() and not _coded(reply) else None


def _coded(reply: Response) -> bool:
    return reply.headers.get("content-encoding", "identity") != "identity"


def _tag_of(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


@contextmanager
def _writable(part: Path) -> Iterator[None]:
    """Turns what the disk refuses into a SetProblem; what the server refuses passes."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as problem:
        if isinstance(problem, _Refused) or problem.errno is None:
            raise
        raise SetProblem(f"{part.parent} cannot be written to ({problem.strerror})") from problem


@contextmanager
def _alone(part: Path) -> Iterator[_Part]:
    """The part, opened for this pull alone; the lock ends with the process, however it ends."""
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise SetProblem(
                f"{part.parent.name} is being pulled by another command; wait for it"
            ) from problem
        opened = _Part(part, file)
        try:
            yield opened
        finally:
            if not opened.tag:
                part.unlink(missing_ok=True)
                _tag_of(part).unlink(missing_ok=True)
                with suppress(OSError):
                    part.parent.rmdir()  # goes only where nothing else is in it
