"""A reply's bytes become its head, its parts and its end; no socket and no clock in here.

llhttp, through httptools, does the grammar and is strict by default: a reply with two lengths, a
folded header or a bare line feed is refused, as nginx refuses most of them. One with both a length
and chunks is read by its chunks (RFC 9112, 6.3), as every client would, and is the last one of its
connection. What llhttp leaves open is settled here: interim replies are
handed on, trailers and chunk extensions dropped, a HEAD's reply has no body, heads have a bound,
and what follows the end of a reply is never read as another one.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpResponseParser,
)

from gateway.upstreams.base import Framing, Headers, Hints
from gateway.upstreams.spelling import one_of

MAX_HEAD_BYTES = 65_536
"""Largest head of a reply with all the interim ones before it, and the most that may frame nothing
between two parts of a body (trailers, chunk extensions): h11's bound for a head."""


_FRAMING = one_of(b"content-length", b"transfer-encoding", b"keep-alive")


class ReplyGarbled(Exception):
    """What came is not an HTTP/1.1 reply to what was asked; its text is one readable line."""


def _dropped(piece: bytes) -> None:
    """Takes a part that nobody wants."""


class ReplyReader:
    """Reads the replies of one connection, one after another. ``expect`` comes before each.

    ``take`` is called with each part of the body as it arrives, inside ``feed``. ``begun`` is true
    from the end of the head, ``complete`` from the end of the reply; ``reusable`` says then whether
    the connection is fit for another. After a 101, ``tunnel`` is true and parts are raw bytes.
    ``touched`` says whether any byte of the reply has come.
    """

    __slots__ = (
        "_budget",
        "_headless",
        "_interim",
        "_parser",
        "_problem",
        "begun",
        "complete",
        "framing",
        "headers",
        "hints",
        "keep_alive",
        "reason",
        "reusable",
        "status",
        "take",
        "touched",
        "tunnel",
    )

    def __init__(self) -> None:
        self._parser = self._new_parser()
        self._problem: ReplyGarbled | None = None
        self.hints: Hints | None = None
        self.take: Callable[[bytes], None] = _dropped
        self.begun = True
        self.complete = True
        self.reusable = True
        self.touched = False
        self.tunnel = False
        self._clear()

    def expect(self, take: Callable[[bytes], None], *, headless: bool) -> None:
        """The next bytes are a new reply, one to a HEAD if ``headless``.

        Only for a connection whose last reply was complete and left it reusable.
        """
        self._headless = headless
        self._budget = MAX_HEAD_BYTES
        self.take = take
        self.begun = self.complete = self.touched = False

    def feed(self, piece: bytes) -> None:
        """Reads on; raises ReplyGarbled, after which this reader is of no more use.

        What ``take`` raises goes through. Bytes after the end of the reply only cost the
        connection its reuse.
        """
        if self.tunnel:
            self.take(piece)
            return
        if self.complete:
            self.reusable = self.reusable and not piece
            return
        if self.begun:
            self._budget -= len(piece)
            self._parse(piece)
            if self._budget < 0 and not self.complete:
                raise ReplyGarbled("its body is framed by more bytes than it has")
        else:
            self._feed_head(piece)

    def end(self) -> bool:
        """The upstream ended its side; whether that is a clean end of the reply."""
        if self.begun and (self.tunnel or self.framing is Framing.UNTIL_CLOSE):
            self.complete = True
        self.reusable = False
        return self.complete

    def drop(self) -> None:
        """Whatever still comes goes to nobody, and nobody is held on to."""
        self.take = _dropped
        self.hints = None

    def on_message_begin(self) -> None:
        """A head begins, of a reply that was asked for or of one too many."""
        if self.complete:
            self.reusable = False
            raise ReplyGarbled("bytes came after its end")
        self._clear()

    def on_status(self, reason: bytes) -> None:
        """The reason phrase; it is told in pieces where it came so."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer, which goes no further."""
        if not self.begun:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete: what kind of reply is it, and how will its end be told?"""
        self.status = status = self._parser.get_status_code()
        if 200 <= status < 600:
            self._settle(status)
            self.begun = True
            self._budget = MAX_HEAD_BYTES
        elif status == 101:
            self._switch()
        elif 100 <= status < 200:
            self._interim = True
        else:
            raise self._fault(f"it answered with the odd status {status}")

    def on_body(self, piece: bytes) -> None:
        """A part of the body, as much of it as was there."""
        if self._interim:
            raise self._fault("an interim reply of its had a body")
        self._budget = MAX_HEAD_BYTES
        self.take(piece)

    def on_message_complete(self) -> None:
        """The end of the reply, or of an interim one before it."""
        if self._interim and self.hints is not None and self.status != 100:
            self.hints.interim(self.status, self.reason, self.headers)
        if self.begun:
            self.complete = True

    def _new_parser(self) -> HttpResponseParser:
        parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(lenient_chunked_length=True)
        return parser

    def _clear(self) -> None:
        """Nothing is known of the reply yet."""
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.framing = Framing.NONE
        self.keep_alive = b""
        self._interim = False

    def _settle(self, status: int) -> None:
        """How the body ends (RFC 9112, 6.3), and whether the connection may be used again."""
        coding = length = None
        known = _FRAMING
        for name, value in [pair for pair in self.headers if known[pair[0]]]:
            lower = known[name]
            if lower == b"content-length":
                length = value
            elif lower == b"keep-alive":
                self.keep_alive = value
            elif coding is not None or value.strip().lower() != b"chunked":
                raise self._fault("its transfer coding is not chunked")
            else:
                coding = value
        self.reusable = self._parser.should_keep_alive()
        if self._headless or status in (204, 304):
            # A length is told of what was left out, and fits; a 204 has nothing to leave out.
            self.framing = Framing.NONE
            if not self._headless and (coding or (status == 204 and length not in (None, b"0"))):
                self.reusable = False
        elif coding is not None:
            self.framing = Framing.CHUNKED
            if length is not None or self._parser.get_http_version() == "1.0":
                self.reusable = False
        else:
            self.framing = Framing.UNTIL_CLOSE if length is None else Framing.LENGTH

    def _switch(self) -> None:
        """A 101: from here on there is no HTTP."""
        if not self._parser.should_upgrade():
            raise self._fault("it switched protocols and does not say to which")
        self.begun = self.tunnel = True
        self.reusable = False

    def _feed_head(self, piece: bytes) -> None:
        """Reads within the head, never past its bound, and after a HEAD never past its end."""
        self.touched = True
        start = 0
        while start < len(piece) and not self.begun:
            end = min(len(piece), start + self._budget)
            if self._headless:
                end = piece.find(b"\n", start, end) + 1 or end
            part = piece[start:end] if end - start < len(piece) else piece
            self._budget -= end - start
            self._parse(part)
            start = end
            if not self.begun and self._budget <= 0:
                raise ReplyGarbled(f"its head is larger than {MAX_HEAD_BYTES} bytes")
        if self._headless and self.begun and not self.tunnel:
            # The parser waits for a body that does not come, so the next reply gets a new one.
            self._parser = self._new_parser()
            self.complete = True
        if start < len(piece):
            self.feed(piece[start:])

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade as switched:
            self.complete = False
            rest = piece[switched.args[0] :]
            if rest:
                self.take(rest)
        except HttpParserCallbackError as stopped:
            if not self.complete:
                raise (self._problem or stopped.__context__ or stopped) from None
        except HttpParserError as fault:
            if not self.complete:
                raise ReplyGarbled(str(fault) or "unreadable") from None
            self.reusable = False

    def _fault(self, text: str) -> ReplyGarbled:
        """The same problem for the parser to stop at and for the caller to see."""
        self._problem = ReplyGarbled(text)
        return self._problem
