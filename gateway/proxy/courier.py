"""Carries a planned call to a deployment, and to others where the first does not do.

One try is a wait for a head; what follows it is decided in attempts.py. As soon as a reply is
chosen its head and its bytes go to the client, and from then on nothing is tried again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable

from gateway.proxy.answering import answer_here, log_cut, ours
from gateway.proxy.attempts import (
    HELD,
    Because,
    Course,
    FallBack,
    Outcome,
    Retry,
    after,
    begin,
    broke,
    replied,
)
from gateway.proxy.call import Call, ClientGone, ClientSilent
from gateway.proxy.errors import Answer, circuit_open, client_silent, timed_out, unreachable
from gateway.proxy.headers import Headers, reply_headers
from gateway.proxy.holding import Held, Question, hold
from gateway.proxy.plane import Plane
from gateway.proxy.planning import Passage
from gateway.proxy.record import CallRecord
from gateway.upstreams.base import (
    Landed,
    Reply,
    UpstreamBroken,
    UpstreamProblem,
    UpstreamTimeout,
)


class Courier:
    """One call on its way."""

    __slots__ = (
        "_began", "_call", "_course", "_deadline", "_handed", "_limit", "_plan", "_plane",
        "_record",
    )  # fmt: skip

    def __init__(self, plane: Plane, plan: Passage, call: Call, *, record: CallRecord) -> None:
        self._plane = plane
        self._plan = plan
        self._call = call
        self._record = record
        self._began = 0.0
        self._handed = False
        """Whether a reply's head has gone to the client: from then on there is no other."""
        self._limit: asyncio.Timeout | None = None
        """What ends the current try, where its rules bound it: until the reply's head is here."""
        self._course: Course | None = None
        """How far it has come, from its first failure on."""
        # The clock that every event loop goes by; asking for the loop costs a system call.
        limit = plan.route.rules.timeout_seconds
        self._deadline = None if limit is None else time.monotonic() + limit

    async def carry(self) -> None:
        """Asks until there is a reply to pass on, and passes it on to its end."""
        self._record.asked()
        try:
            while True:
                reply, outcome = await self._try()
                if reply is not None and outcome is _FINE:
                    await self._hand_on(reply)
                    return
                if await self._settled(reply, outcome):
                    return
        except ClientGone:
            return
        except ClientSilent:
            seconds = self._plane.limits.client_timeout_seconds
            answer_here(client_silent(seconds).answer, self._call, self._record)

    async def _settled(self, reply: Reply | None, outcome: Outcome) -> bool:
        """What follows a try that did not go well; whether nothing more is to be tried."""
        if self._handed:
            log_cut("upstream_broke", self._record, str(outcome.problem))
            self._call.client.cut()
            return True
        decision = after(
            self._course or begin(self._plan.route, replayable=self._plan.request is not None),
            outcome,
            ready=self._ready,
            seconds_left=self._seconds_left(),
            chance=random.random,
        )
        if isinstance(decision, Retry | FallBack):
            self._tell(decision, reply)
            if reply is not None:
                reply.close()
            if isinstance(decision, Retry):
                await asyncio.sleep(decision.after_seconds)
            self._course = decision.course
            return False
        if reply is not None:
            await self._hand_on(reply)
        else:
            answer_here(self._failed(outcome), self._call, self._record)
        return True

    async def _try(self) -> tuple[Reply | None, Outcome]:
        """One try at the current deployment; raises ClientGone or ClientSilent."""
        course, route = self._course, self._plan.route
        deployment = route.deployment if course is None else course.deployment
        name = deployment.name
        on_refusal = route.content_policy_fallbacks if course is None else course.left_on_refusal
        holds = on_refusal and self._plan.request and self._record.head.endpoint.judged
        health = self._plane.health
        began = self._began = time.monotonic()
        if not health.allows(name, began):
            return None, HELD
        try:
            request = self._plan.call_to(deployment, self._deadline)
            if not holds:
                request.landing = self
            opening = self._plane.upstreams[name].open(request)
            limit = route.rules.try_timeout_seconds
            reply = await (opening if limit is None else self._within(limit, opening))
        except UpstreamProblem as problem:
            self._blame(problem)
            return None, broke(problem)
        except BaseException:  # the edge of a try: it has no outcome, and its slot is free again
            health.release(name, began=began)
            raise
        health.replied(name, reply.status, time.monotonic(), began=began)
        refused = False
        if holds and self._plan.request and reply.status != 101:
            reply = await hold(reply, Question(self._record.head.path, self._plan.request))
            refused = reply.refused
        if reply.status < 400 and not refused:
            return reply, _FINE
        return reply, replied(reply.status, reply.headers, unix_now=time.time(), refused=refused)

    async def _within(self, seconds: float, opening: Awaitable[Reply]) -> Reply:
        """The reply if its head is here in time; raises UpstreamTimeout."""
        try:
            async with asyncio.timeout(seconds) as self._limit:
                return await opening
        except TimeoutError:
            raise UpstreamTimeout(f"timed out: the try took longer than {seconds:g} s") from None
        finally:
            self._limit = None

    def _tell(self, decision: Retry | FallBack, reply: Reply | None) -> None:
        """Counts what is about to be hidden from the client, before it is."""
        observer, record = self._plane.observer, self._record
        if isinstance(decision, Retry):
            observer.retried(record.deployment)
            return
        served_by = decision.deployment.name
        if decision.because is Because.REFUSAL and isinstance(reply, Held):
            observer.hidden(record.hidden(reply.status, reply.headers, reply.kept), served_by)
        observer.fell_back(record.deployment, served_by)
        record.deployment = served_by

    def landed(self, reply: Landed) -> None:
        """Hands on at once what nothing can stand in the way of."""
        if self._limit is not None:
            if self._limit.expired():
                return  # The try is over: what follows it may be another one.
            self._limit.reschedule(None)
        if reply.status < 400 and reply.status != 101:
            self._begin(reply)
            reply.start(self._call.client)

    def _begin(self, reply: Reply) -> None:
        """Sends the client the head."""
        self._handed = True
        client, record = self._call.client, self._record
        record.replied()
        headers = reply_headers(reply.framing, reply.headers)
        passed = headers + ours(record)
        if reply.status == 101:
            client.tunnel(reply, [*passed, *_switching(reply)], record)
        else:
            client.begin(reply, passed, record)
        record.answered(reply.status, headers)

    async def _hand_on(self, reply: Reply) -> None:
        client, record = self._call.client, self._record
        try:
            if not self._handed:
                self._begin(reply)
            await reply.pass_to(client)
            if not client.ended:
                client.end()
                record.completed()
        except UpstreamBroken as problem:
            self._blame(problem)
            log_cut("upstream_broke", record, str(problem))
            client.cut(by_reset=problem.reset)
        finally:
            reply.close()

    def _blame(self, problem: UpstreamProblem) -> None:
        """Tells the deployment's circuit how a try ended without a whole reply."""
        course, health = self._course, self._plane.health
        name = (self._plan.route if course is None else course).deployment.name
        if problem.blameless:
            health.release(name, began=self._began)
        else:
            health.record(name, False, time.monotonic(), began=self._began)

    def _failed(self, outcome: Outcome) -> Answer:
        """Why there is no reply."""
        name, problem = self._record.deployment, outcome.problem
        if problem is None:
            rests = self._plane.health.rests_for(name, time.monotonic())
            return circuit_open(name, rests).answer
        told = timed_out if isinstance(problem, UpstreamTimeout) else unreachable
        return told(name, str(problem)).answer

    def _ready(self, name: str) -> bool:
        return self._plane.health.ready(name, time.monotonic())

    def _seconds_left(self) -> float:
        return float("inf") if self._deadline is None else self._deadline - time.monotonic()


_FINE = Outcome(200)


def _switching(reply: Reply) -> Headers:
    """The two headers of a 101 that are about the connection and yet must go through."""
    protocol = [value for name, value in reply.headers if name.lower() == b"upgrade"]
    return [(b"Upgrade", protocol[0] if protocol else b"websocket"), (b"Connection", b"Upgrade")]
