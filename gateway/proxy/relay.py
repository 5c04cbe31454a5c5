"""The relay: everything under /v1, bytes through and a tee beside.

Neither FastAPI nor ASGI, because both are paid for on every call and every chunk: measured against
nginx's processor time, FastAPI with httpx costs 200 times as much, a raw ASGI application 6.5
times, and protocols that speak to each other, as here, some 3.5 times. So one task carries a call
from its head to its end, and the bytes between move by plain calls from one connection to the
other. Nothing that watches a call can delay or break it.
"""

from __future__ import annotations

import asyncio

import structlog

from gateway.limits import Allowance, Exceeded, estimate_tokens
from gateway.proxy.answering import answer_here, log_cut
from gateway.proxy.call import Call, ClientGone, ClientSilent
from gateway.proxy.clock import Clock
from gateway.proxy.courier import Courier
from gateway.proxy.errors import (
    Answer,
    client_silent,
    crashed,
    limit_exceeded,
    overloaded,
    shutting_down,
)
from gateway.proxy.observer import Traffic
from gateway.proxy.plane import Plane
from gateway.proxy.planning import Asked, Passage
from gateway.proxy.record import CallHead, CallRecord


class Relay:
    """Serves the calls of every connection. ``in_flight`` counts those that have not ended."""

    def __init__(self, plane: Plane, clock: Clock | None = None) -> None:
        self.plane = plane
        self._clock = clock or Clock()
        self._log = structlog.get_logger()
        self.in_flight = 0

    async def serve(self, call: Call) -> None:
        """Serves one call to its end, however it ends. Never raises."""
        plane = self.plane
        head = call.head
        address = head.address
        probe = head.fields.first.get(b"x-candor-traffic") == b"probe"
        traffic = Traffic.PROBE if probe else Traffic.LIVE
        known = CallHead(self._clock.new_id(), address.endpoint, address.path, traffic)
        record = CallRecord(known, self._clock, plane.mirror)
        self.in_flight += 1
        try:
            plan = await self._plan(plane, Asked(known.request_id, call), record)
            plane.observer.arrived(record.deployment, known.endpoint)
            try:
                if isinstance(plan, Answer):
                    answer_here(plan, call, record)
                elif plan is not None and plan.client.allowance is not None:
                    allowance = plan.client.allowance
                    await _within(plane, allowance, plan, call=call, record=record)
                elif plan is not None:
                    await Courier(plane, plan, call, record=record).carry()
            finally:
                plane.observer.finished(record.finished())
        except asyncio.CancelledError:
            if not call.gone:
                # The server ends and waits no longer. It is this call's task: nobody is told on.
                log_cut("cut_at_shutdown", record, "the drain's time is over")
                answer_here(shutting_down().answer, call, record)
        except Exception as problem:  # the edge of a call: a bug ends one reply and nothing else
            # The type alone: the text of an exception may quote a prompt.
            self._log.error(
                "call_crashed", request_id=known.request_id, error=type(problem).__name__
            )
            answer_here(crashed().answer, call, record)
        finally:
            self.in_flight -= 1

    async def _plan(
        self, plane: Plane, asked: Asked, record: CallRecord
    ) -> Passage | Answer | None:
        """What to do with the call; None where its client left before it was all there."""
        if self.in_flight > plane.limits.max_concurrency:
            return overloaded(plane.limits.max_concurrency).answer
        try:
            plan = plane.planner.at_once(asked) or await plane.planner.plan(asked)
        except ClientGone:
            return None
        except asyncio.CancelledError:
            if asked.call.gone:
                return None
            raise
        except ClientSilent:
            return client_silent(plane.limits.client_timeout_seconds).answer
        finally:
            record.body_read()
        if isinstance(plan, Passage):
            _note(plane, plan, record)
        return plan


async def _within(
    plane: Plane, allowance: Allowance, plan: Passage, *, call: Call, record: CallRecord
) -> None:
    """Lets the call go if its client's limits allow, and settles what it cost."""
    tokens = 0 if plan.request is None else estimate_tokens(plan.request)
    lease = await plane.limiter.admit(allowance, tokens)
    if isinstance(lease, Exceeded):
        answer_here(limit_exceeded(lease).answer, call, record)
        return
    counted = allowance.needs_usage
    if counted and plan.request is not None:
        record.keep(plan.request, mirrored=False)
    try:
        await Courier(plane, plan, call, record=record).carry()
    finally:
        plane.settling.settle(lease, record, model=plan.model, counted=counted)


def _note(plane: Plane, plan: Passage, record: CallRecord) -> None:
    """Writes down where the call goes, and keeps its bytes if somebody wants them."""
    record.deployment = plan.route.deployment.name
    head = record.head
    if plan.request is None or not head.endpoint.judged or head.traffic is not Traffic.LIVE:
        return
    if plane.observer.wants(head.request_id, record.deployment, head.endpoint):
        record.keep(plan.request)
