"""An upstream on a raw socket that answers what a script says, when it says so."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from tests.differential.case import PATIENCE_SECONDS, Hear, Script, Step
from tests.differential.http1 import Message, Reader
from tests.differential.run import Run
from tests.differential.wires import NeverArrived, Wire


class ScriptedUpstream:
    """Answers what ``run`` says, to whoever asks; a request that is not expected gets a 599."""

    def __init__(self) -> None:
        self.run = Run([])
        self.wires: list[Wire] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self.wires:
            wire.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            wire = Wire(accepted)
            wire.socket.settimeout(None)
            self.wires.append(wire)
            threading.Thread(target=_Hosting(self, wire).serve, daemon=True).start()


class _Hosting:
    """One connection of an upstream."""

    def __init__(self, upstream: ScriptedUpstream, wire: Wire) -> None:
        self._upstream = upstream
        self._wire = wire
        self._reader = Reader()
        self._place = 0

    def serve(self) -> None:
        run = None
        try:
            while True:
                self._until(lambda: len(self._reader.messages) > self._place)
                run = self._upstream.run
                if not self._answer(run, self._reader.messages[self._place]):
                    return
                self._place += 1
        except (EOFError, OSError):
            pass
        except (ValueError, NeverArrived) as problem:
            if run is not None:
                run.seen.complaints.append(f"upstream: {problem}")
        finally:
            self._wire.close()

    def _answer(self, run: Run, message: Message) -> bool:
        """Plays the exchange that this request is the turn of; false where that ends it all."""
        run.seen.requests.append(message)
        number = len(run.seen.requests)
        if number > len(run.exchanges):
            self._wire.send(b"HTTP/1.1 599 Not Expected\r\nContent-Length: 0\r\n\r\n")
            return False
        exchange = run.exchanges[number - 1]
        if (message.get(b"expect") or b"").lower() == b"100-continue" and not exchange.early:
            self._wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not exchange.early:
            self._read_whole(run, message, number)
        goes_on = self._play(exchange.reply, run) and message.complete
        if number == len(run.exchanges):
            run.played.set()
        self._reader.stay()
        return goes_on

    def _read_whole(self, run: Run, message: Message, number: int) -> None:
        run.up.tell((number, len(message.body)))
        while not message.complete:
            try:
                self._more(run)
            except (EOFError, ConnectionError):
                run.left_at = time.perf_counter()
                run.cut.set()
                raise
            run.up.tell((number, sum(map(len, message.pieces))))

    def _play(self, script: Script, run: Run) -> bool:
        for step in script:
            if isinstance(step, bytes):
                run.answered.feed(step)
                self._wire.send(step)
            elif step is Step.ARRIVED:
                run.down.wait(run.answered.mark)
            elif step is Step.SILENCE:
                run.left_how = self._wire.end()
                run.left_at = time.perf_counter()
                run.left.set()
                return False
            elif isinstance(step, Hear):
                run.seen.heard["upstream"] += self._wire.hear(
                    step.count, self._reader.take(step.count)
                )
            else:
                self._wire.rst() if step is Step.RST else self._leave()
                return False
        return True

    def _leave(self) -> None:
        """Ends the connection in order: what is unread would turn the FIN into an RST."""
        self._wire.fin()
        with contextlib.suppress(OSError):
            self._wire.socket.settimeout(PATIENCE_SECONDS)
            self._wire.end()
        self._wire.close()

    def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._more(None)

    def _more(self, run: Run | None) -> None:
        piece = self._wire.receive()
        if not piece:
            raise EOFError
        (run or self._upstream.run).touched += len(piece)
        self._reader.feed(piece)
