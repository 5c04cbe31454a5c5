"""The relay: everything under /v1, bytes through and a tee beside.

Plain ASGI and not FastAPI, because here every layer is paid for on every chunk, and because
frameworks decode what must pass as it is. Nothing that watches a call can delay or break it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from gateway.config import Settings
from gateway.proxy.admission import Admission
from gateway.proxy.asgi import (
    ClientBody,
    ClientGone,
    ClientSilent,
    Receive,
    ReplyUnsendable,
    Scope,
    Send,
    guarded,
    refuse_websocket,
    unless,
)
from gateway.proxy.clock import Clock
from gateway.proxy.endpoints import endpoint_of
from gateway.proxy.errors import (
    Answer,
    client_silent,
    overloaded,
    shutting_down,
    timed_out,
    unreachable,
)
from gateway.proxy.headers import Headers, reply_headers, value_of
from gateway.proxy.observer import UNROUTED, GuardedObserver, Observer, Traffic
from gateway.proxy.planning import Asked, Passage, Planner
from gateway.proxy.record import CallHead, CallRecord
from gateway.proxy.routing import Router
from gateway.upstreams.base import (
    Upstream,
    UpstreamBroken,
    UpstreamReply,
    UpstreamTimeout,
    UpstreamUnreachable,
)


class Relay:
    """The ASGI application that serves /v1 and all below it.

    ``upstreams`` holds one upstream per deployment name. ``in_flight`` counts calls that have not
    ended.
    """

    def __init__(
        self,
        router: Router,
        admission: Admission,
        upstreams: Mapping[str, Upstream],
        *,
        observer: Observer,
        settings: Settings,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._limits = settings.server.limits
        self._mirror = settings.mirror
        since = int(self._clock.wall())
        self._planner = Planner(router, admission, self._limits, since=since)
        self._upstreams = upstreams
        self._observer = GuardedObserver(observer)
        self._log = structlog.get_logger()
        self.in_flight = 0

    @property
    def observer_failures(self) -> int:
        """How often an observer raised where it must not."""
        return self._observer.failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Returns without ending the reply where the upstream's broke off.

        The server then breaks the client's connection, as the upstream broke ours: the end of a
        broken reply must not look like the end of a whole one.
        """
        if scope["type"] != "http":
            await refuse_websocket(scope, receive, send)
            return
        # A copy: the server adds trailers to its own list, which are nobody's headers.
        scope = {**scope, "headers": list(scope["headers"])}
        send = guarded(send)
        record = CallRecord(self._head(scope), self._clock, self._mirror)
        body = ClientBody(receive, timeout_seconds=self._limits.client_timeout_seconds)
        self.in_flight += 1
        try:
            plan = await self._plan(scope, body, record)
            self._observer.arrived(record.deployment, record.head.endpoint)
            try:
                await self._carry_out(plan, body, send, record=record)
            finally:
                self._observer.finished(record.finished())
        except asyncio.CancelledError:
            await self._give_up(send, record)
        finally:
            self.in_flight -= 1

    async def _give_up(self, send: Send, record: CallRecord) -> None:
        """The server ends and waits no longer. It is this call's task, so nobody is told on."""
        self._log_cut("cut_at_shutdown", record, "the drain's time is over")
        if not record.begun:
            await self._answer(shutting_down().answer, send, record)

    def _head(self, scope: Scope) -> CallHead:
        probe = value_of(scope["headers"], b"x-candor-traffic") == Traffic.PROBE
        return CallHead(
            request_id=self._clock.new_id(),
            endpoint=endpoint_of(scope["method"], scope["path"]),
            path=scope["path"],
            traffic=Traffic.PROBE if probe else Traffic.LIVE,
        )

    async def _plan(
        self, scope: Scope, body: ClientBody, record: CallRecord
    ) -> Passage | Answer | None:
        """What to do with the call; None where its client left before it was all there."""
        head = record.head
        if self.in_flight > self._limits.max_concurrency:
            return overloaded(self._limits.max_concurrency).answer
        try:
            asked = Asked(head.request_id, head.endpoint, scope, body)
            plan = await self._planner.plan(asked)
        except ClientGone:
            return None
        except ClientSilent:
            return client_silent(self._limits.client_timeout_seconds).answer
        finally:
            record.body_read()
        if isinstance(plan, Passage):
            self._note(plan, record)
        return plan

    def _note(self, plan: Passage, record: CallRecord) -> None:
        """Writes down where the call goes, and keeps its bytes if somebody wants them."""
        record.deployment = plan.deployment.name
        head = record.head
        if plan.request is None or not head.endpoint.judged or head.traffic is not Traffic.LIVE:
            return
        if self._observer.wants(head.request_id, record.deployment, head.endpoint):
            record.keep(plan.request)

    async def _carry_out(
        self, plan: Passage | Answer | None, body: ClientBody, send: Send, *, record: CallRecord
    ) -> None:
        if isinstance(plan, Answer):
            await self._answer(plan, send, record)
        elif plan is not None:
            await unless(body.gone(), self._pass(plan, send, record))

    async def _pass(self, plan: Passage, send: Send, record: CallRecord) -> None:
        """Asks the upstream once and hands its reply on as it comes."""
        name = plan.deployment.name
        record.asked()
        try:
            async with self._upstreams[name].send(plan.call) as reply:
                await self._hand_on(reply, send, record)
            # Only now: the end of the reply tells the server that the client may be let go.
            await send({"type": "http.response.body", "body": b""})
            record.completed()
        except UpstreamTimeout as problem:
            await self._answer(timed_out(name, str(problem)).answer, send, record)
        except UpstreamUnreachable as problem:
            await self._answer(unreachable(name, str(problem)).answer, send, record)
        except ClientSilent:
            seconds = self._limits.client_timeout_seconds
            await self._answer(client_silent(seconds).answer, send, record)
        except ClientGone:
            return
        except UpstreamBroken as problem:
            self._log_cut("upstream_broke", record, str(problem))
        except ReplyUnsendable as problem:
            self._log_cut("reply_not_sent", record, str(problem))

    def _log_cut(self, event: str, record: CallRecord, reason: str) -> None:
        """One line about a call whose reply has no end."""
        request_id = record.head.request_id
        self._log.warning(event, deployment=record.deployment, request_id=request_id, reason=reason)

    async def _hand_on(self, reply: UpstreamReply, send: Send, record: CallRecord) -> None:
        headers = reply_headers(reply.status, reply.headers)
        record.answered(reply.status, headers)
        headers += _ours(record)
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        record.head_passed()
        async for chunk in reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            record.passed(chunk)

    async def _answer(self, answer: Answer, send: Send, record: CallRecord) -> None:
        headers = answer.headers + _ours(record)
        record.answered(answer.status, [])
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        except ReplyUnsendable as problem:
            self._log_cut("reply_not_sent", record, str(problem))
        else:
            record.completed()


def _ours(record: CallRecord) -> Headers:
    """The headers that every reply under /v1 gets."""
    headers = [(b"x-candor-request-id", record.head.request_id.encode("latin-1"))]
    if record.deployment != UNROUTED:
        headers.append((b"x-candor-deployment", record.deployment.encode("ascii")))
    return headers
