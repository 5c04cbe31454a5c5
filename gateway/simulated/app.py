"""The simulated model over HTTP: an ASGI application with its truth beside it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace

import orjson

from gateway.simulated.chance import token
from gateway.simulated.delivery import Gone, Receive, Scope, Send, deliver, read_body, until_gone
from gateway.simulated.faults import FaultProblem, Faults, read_faults
from gateway.simulated.model import FakeModel
from gateway.simulated.persona import Persona
from gateway.simulated.reply import End, Reply, error_reply, json_reply, reply_for
from gateway.simulated.truth import record_json
from gateway.simulated.wire import BadRequest, Call, Stamp, model_document, models_json, read_call

RECEIVED_KEPT = 256
"""Requests that an application remembers."""
COMPLETIONS = {"/v1/chat/completions": False, "/v1/completions": True}
"""Path of a completion, and whether it is the legacy one."""
MODELS = "/v1/models"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived, byte for byte, its header names in lower case.

    ``request_id`` is the one that its reply carries in ``x-request-id``.
    """

    request_id: str
    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")


class FakeApp:
    """Answers like OpenAI's API under /v1, and shows the model's truth under /truth.

    ``received`` holds the newest requests under /v1; ``hangups`` counts clients that left before
    their reply was complete.
    """

    def __init__(self, model: FakeModel) -> None:
        self.model = model
        self.received: deque[Received] = deque(maxlen=RECEIVED_KEPT)
        self.hangups = 0
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        body = await read_body(receive)
        if body is None:
            self.hangups += 1
            return
        request = self._received(scope, body)
        gone: Gone = asyncio.ensure_future(until_gone(receive))
        try:
            reply = await self._reply(request, gone)
            dressed = _dressed(reply, request, time.perf_counter() - began)
            if not await deliver(dressed, scope, send, gone=gone):
                self.hangups += 1
        finally:
            gone.cancel()

    def _received(self, scope: Scope, body: bytes) -> Received:
        self._count += 1
        ident = f"req_{token(self.model.seed, 'call', str(self._count))}"
        headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
        request = Received(
            ident, scope["method"], scope["path"], scope["query_string"], headers, body
        )
        if request.path.startswith("/v1/"):
            self.received.append(request)
        return request

    async def _reply(self, request: Received, gone: Gone) -> Reply:
        if request.path in COMPLETIONS:
            if request.method != "POST":
                return error_reply(f"Not allowed: {request.method} {request.path}", status=405)
            return await self._completion(request, gone)
        if request.path.startswith(MODELS):
            return _models(request)
        return self._aside(request)

    async def _completion(self, request: Received, gone: Gone) -> Reply:
        try:
            faults = read_faults(request.header("x-fake") or self.model.faults)
            call = read_call(request.body, legacy=COMPLETIONS[request.path])
        except FaultProblem as problem:
            return error_reply(str(problem), status=400, code="fake_fault_unknown")
        except BadRequest as problem:
            return error_reply(
                str(problem), status=problem.status, param=problem.param, code=problem.code
            )
        times = self.model.ledger.ask(call.persona, call.prompt)
        if faults.times is not None and times > faults.times:
            faults = Faults()
        if faults.delay:
            await asyncio.wait([gone], timeout=faults.delay)
        if gone.done():
            return Reply(end=End.ABORT)
        return self._complete(call, faults, request)

    def _complete(self, call: Call, faults: Faults, request: Received) -> Reply:
        model = self.model
        ident = request.request_id.removeprefix("req_")
        stamp = Stamp(f"chatcmpl-{ident[:29]}", int(model.clock()))
        answer = model.answer(call.prompt, model.temper(call.persona), faults)
        if faults.spoils:
            model.ledger.spoil(faults.spoils)
        else:
            ids = (request.request_id, request.header("idempotency-key"))
            model.record(answer, call.prompt, call.persona, ids=ids)
        return reply_for(answer, call, stamp, faults)

    def _aside(self, request: Received) -> Reply:
        """What the model tells about itself, beside the API."""
        ledger = self.model.ledger
        match request.method, request.path:
            case "GET", "/truth":
                if b"records=1" in request.query:
                    rows = [record_json(record) for record in ledger.records()]
                    return json_reply(orjson.dumps(rows))
                return json_reply(orjson.dumps(ledger.summary()))
            case "DELETE", "/truth":
                ledger.reset()
                return Reply(204)
            case "POST", "/drift":
                self.model.drift_now()
                return Reply(204)
        return _nowhere(request)


def _models(request: Received) -> Reply:
    name = request.path.removeprefix(MODELS)
    if request.method != "GET":
        return error_reply(f"Not allowed: {request.method} {request.path}", status=405)
    if not name.strip("/"):
        return json_reply(models_json())
    try:
        return json_reply(orjson.dumps(model_document(Persona(name.removeprefix("/")))))
    except ValueError:
        message = f"The model '{name.removeprefix('/')}' does not exist."
        return error_reply(message, status=404, param="model", code="model_not_found")


def _nowhere(request: Received) -> Reply:
    message = f"Invalid URL ({request.method} {request.path})"
    return error_reply(message, status=404, code="unknown_url")


def _dressed(reply: Reply, request: Received, seconds: float) -> Reply:
    """The reply with the headers that OpenAI sends beside it."""
    told = {
        "x-request-id": request.request_id,
        "openai-version": "2020-10-01",
        "openai-organization": "simulated",
        "openai-processing-ms": str(int(seconds * 1000)),
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "6ms",
    }
    length = () if reply.length is None else ((b"content-length", str(reply.length).encode()),)
    extra = tuple((name.encode(), value.encode()) for name, value in told.items())
    return replace(reply, headers=(*reply.headers, *length, *extra))
