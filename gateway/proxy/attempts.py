"""What to do after a try: deliver what came, try again, ask another deployment, or give up.

Pure decisions. Whoever makes the tries says how the last one ended, which deployments may be asked
now and how long the call may still take, and gets a value back. Nothing is decided once the first
byte of a reply has reached the client: from there on the reply is the client's.

What is retried follows the openai SDK: no connection, a timeout, 408, 409, 429 and everything from
500 up, unless x-should-retry says otherwise. Waits are drawn by full jitter, from nothing to a
bound that doubles (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from gateway.config import DeploymentSettings
from gateway.proxy.routing import Route
from gateway.upstreams.base import (
    Headers,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnreachable,
)

BASE_SECONDS = 0.5
"""Bound of the first wait: the openai SDK's first wait."""
CAP_SECONDS = 8.0
"""Bound of every wait: the openai SDK's."""
LONGEST_ASKED_SECONDS = 60.0
"""Longest wait that an upstream may ask for; beyond it the deployment is not tried again. It was
the openai SDK's bound, which is 120 s by now; but whoever waits here has set no such bound."""

_RETRIABLE = frozenset({408, 409, 429})


class Because(StrEnum):
    """Why another deployment is asked."""

    FAILURE = "failure"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended: with a status or with a problem, or it was never made.

    ``asked_seconds`` is the wait that the upstream asks for, and ``should_retry`` what it says
    about trying again, None where it says nothing. ``refused`` is true of a reply in which the
    provider's filter refuses; the refusal has been counted by then.
    """

    status: int | None = None
    problem: UpstreamProblem | None = None
    asked_seconds: float | None = None
    should_retry: bool | None = None
    refused: bool = False

    @property
    def retriable(self) -> bool:
        """Whether the same request may well succeed another time."""
        if self.status is None:
            return isinstance(self.problem, UpstreamUnreachable | UpstreamTimeout)
        if self.should_retry is not None:
            return self.should_retry
        return failing(self.status)

    @property
    def failure(self) -> bool:
        """Whether another deployment may do better."""
        if self.status is None:
            return self.problem is None or self.retriable
        return self.retriable or failing(self.status)


HELD = Outcome()
"""The deployment's circuit is open, so the try was never made."""


def failing(status: int) -> bool:
    """Whether a status says that the upstream failed, and not that the request is wrong."""
    return status >= 500 or status in _RETRIABLE


def replied(status: int, headers: Headers, *, unix_now: float, refused: bool = False) -> Outcome:
    """A reply's head as an Outcome; ``unix_now`` is what Retry-After's dates are compared with."""
    if status < 400:
        return Outcome(status, refused=refused)
    asked = should = None
    for name, value in headers:
        match name.lower():
            case b"retry-after-ms":
                # Finer than Retry-After, and meant to be read instead of it.
                asked = _scaled(_number(value), 0.001) or asked
            case b"retry-after" if asked is None:
                asked = _until(value, unix_now)
            case b"x-should-retry":
                should = {b"true": True, b"false": False}.get(value.strip().lower())
    return Outcome(status, asked_seconds=asked, should_retry=should, refused=refused)


def broke(problem: UpstreamProblem) -> Outcome:
    """A try that ended without a reply."""
    return Outcome(problem=problem)


def _number(value: bytes) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    # What is over already is no instruction: then the usual wait is due.
    return number if number > 0 else None


def _scaled(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


def _until(value: bytes, unix_now: float) -> float | None:
    """Retry-After in seconds (RFC 9110, 10.2.3): a number, or the date at which to come back."""
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    # HTTP's dates are in GMT whether they say so or not.
    left = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - unix_now
    return left if left > 0 else None


@dataclass(frozen=True, slots=True)
class Course:
    """How far a call has come: whom it asks, for the which time, and who is left to ask.

    ``replayable`` says that the request can be sent again: its body is held whole.
    """

    route: Route
    deployment: DeploymentSettings
    left: tuple[DeploymentSettings, ...]
    left_on_refusal: tuple[DeploymentSettings, ...]
    replayable: bool = True
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Deliver:
    """The reply that came is the client's, verbatim."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Wait, then ask the same deployment again."""

    after_seconds: float
    course: Course

    @property
    def deployment(self) -> DeploymentSettings:
        """Whom to ask."""
        return self.course.deployment


@dataclass(frozen=True, slots=True)
class FallBack:
    """Ask another deployment at once."""

    course: Course
    because: Because

    @property
    def deployment(self) -> DeploymentSettings:
        """Whom to ask."""
        return self.course.deployment


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no reply to deliver: the client gets an error of the gateway's own."""


Decision = Deliver | Retry | FallBack | GiveUp

_DELIVER = Deliver()
_GIVE_UP = GiveUp()


def begin(route: Route, *, replayable: bool = True) -> Course:
    """The course of a call before its first try."""
    return Course(
        route, route.deployment, route.fallbacks, route.content_policy_fallbacks, replayable
    )


def after(
    course: Course,
    outcome: Outcome,
    *,
    ready: Callable[[str], bool],
    seconds_left: float,
    chance: Callable[[], float],
) -> Decision:
    """What follows a try.

    ``ready`` tells whether a deployment may be asked now, ``seconds_left`` how long the call may
    still take (infinity where nothing limits it), and ``chance`` gives a number from 0 to below 1.
    No deployment is asked more than ``1 + retries`` times, and no wait goes past the call's end.
    """
    otherwise: Decision = _GIVE_UP if outcome.status is None else _DELIVER
    tried = outcome is not HELD
    if seconds_left <= 0 or (tried and not course.replayable):
        return otherwise
    if outcome.refused:
        return _asked_instead(course, ready, refused=True) or otherwise
    if not outcome.failure:
        return otherwise
    if tried and outcome.retriable and course.tries <= course.route.rules.retries:
        wait = _wait(course.tries, outcome.asked_seconds, chance)
        if wait < seconds_left and ready(course.deployment.name):
            return Retry(wait, replace(course, tries=course.tries + 1))
    return _asked_instead(course, ready, refused=False) or otherwise


def _wait(tries: int, asked_seconds: float | None, chance: Callable[[], float]) -> float:
    """Seconds before the next try; infinite where the upstream asks for too many."""
    if asked_seconds is not None:
        return asked_seconds if asked_seconds <= LONGEST_ASKED_SECONDS else math.inf
    return chance() * min(CAP_SECONDS, BASE_SECONDS * 2.0 ** (tries - 1))


def _asked_instead(
    course: Course, ready: Callable[[str], bool], *, refused: bool
) -> FallBack | None:
    """The next deployment that may be asked; those before it in the list are passed over.

    After a refusal only those that are named for refusals are asked, whatever happens then: an
    ordinary fallback could be the very one that refuses.
    """
    candidates: Sequence[DeploymentSettings] = course.left_on_refusal if refused else course.left
    for place, entry in enumerate(candidates):
        if ready(entry.name):
            rest = tuple(candidates[place + 1 :])
            on_refusal = rest if refused else _without(course.left_on_refusal, entry)
            moved = replace(
                course, deployment=entry, left=rest, left_on_refusal=on_refusal, tries=1
            )
            return FallBack(moved, Because.REFUSAL if refused else Because.FAILURE)
    return None


def _without(
    entries: tuple[DeploymentSettings, ...], but: DeploymentSettings
) -> tuple[DeploymentSettings, ...]:
    return tuple(entry for entry in entries if entry.name != but.name)
