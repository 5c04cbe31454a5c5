"""A client on a raw socket that sends what a script says and keeps all that comes back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence

from tests.differential.case import PATIENCE_SECONDS, Case, Hear, Script, Step, method_of
from tests.differential.http1 import Reader
from tests.differential.run import Run
from tests.differential.wires import End, NeverArrived, Wire


class ScriptedClient:
    """Plays a client's part of a run on one connection."""

    def __init__(self, port: int, run: Run) -> None:
        self.wire = Wire(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS))
        self._run = run
        self._sent = Reader()
        self.reader = Reader([method_of(each.request) for each in run.exchanges])
        self.end: End | None = None

    def play(self, case: Case, requests: Sequence[Script]) -> None:
        """Everything the case says, up to the last reply or the connection's end."""
        try:
            self._converse(case, requests)
        except (TimeoutError, NeverArrived, ValueError) as problem:
            self._run.seen.complaints.append(f"client: {problem or 'waited in vain'}")
        finally:
            self._run.down.tell_over()
            self.wire.close()
            if any(isinstance(step, Hear) for each in self._run.exchanges for step in each.reply):
                self._run.played.wait(PATIENCE_SECONDS)
            seen = self._run.seen
            seen.replies, seen.surplus = self.reader.messages, self.reader.surplus
            seen.end = End.WHOLE if self._answered(len(requests)) else self.end or End.FIN

    def _converse(self, case: Case, requests: Sequence[Script]) -> None:
        for number, request in enumerate(requests, 1):
            for step in request:
                self.step(step)
            if not case.pipelined:
                self.read_replies(number)
        self.read_replies(len(requests))
        if case.closes:
            self._run.seen.closed = self.end or self.wire.end()

    def step(self, step: bytes | Step | Hear) -> None:
        if isinstance(step, Hear):
            self._run.seen.heard["client"] += self.wire.hear(
                step.count, self.reader.take(step.count)
            )
        elif isinstance(step, bytes):
            self._sent.feed(step)
            self.send(step)
        elif step is Step.ARRIVED:
            self._run.up.wait(self._sent.mark)
        elif step is Step.CONTINUE:
            self._read_until(lambda: bool(self.reader.messages))
        elif step is Step.REPLY:
            self.read_replies(1)
        elif step is Step.FIN:
            self.wire.fin()
        elif step is Step.RST:
            self.wire.rst()

    def send(self, piece: bytes) -> None:
        """Sends what need not be HTTP."""
        with contextlib.suppress(ConnectionError):
            self.wire.send(piece)

    def read_replies(self, count: int) -> None:
        self._read_until(lambda: self._answered(count))

    def read_body(self, count: int) -> None:
        """Reads until so much of the first reply's body is here."""
        self._read_until(
            lambda: bool(self.reader.finals) and len(self.reader.finals[0].body) >= count
        )

    def _answered(self, count: int) -> bool:
        finals = self.reader.finals
        return len(finals) >= count and finals[count - 1].complete

    def _read_until(self, holds: Callable[[], bool]) -> None:
        while self.end is None and not holds():
            try:
                piece = self.wire.receive()
            except ConnectionError:
                self.end = End.RST
                return
            if not piece:
                self.end = End.FIN
                self.reader.feed_end()
                return
            self.reader.feed(piece)
            self._run.down.tell(self.reader.mark)
