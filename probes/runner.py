"""Runs a plan against a target, so many at a time; writes each verdict as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from classifiers.verdict import Classifier
from probes.attempt import Asker, Limits, Means
from probes.http import async_client
from probes.http_line import HttpLine
from probes.line import Line
from probes.plan import Plan
from probes.problem import TargetRefusing, TargetUnreachable
from probes.recorder import Recorder
from probes.runfile import RunWriter
from probes.summary import RunSummary
from probes.target import Target, TargetKind
from probes.todo import Todo
from probes.trial import Trial


async def run_probes(
    plan: Plan,
    target: Target,
    *,
    cascade: Classifier,
    run: RunWriter,
    limits: Limits,
    on_trial: Callable[[Trial], None],
    means: Means | None = None,
) -> RunSummary:
    """Ask what the run does not hold yet; write each trial the moment its verdict is there.

    ``on_trial`` is called on the event loop after each. A trial that is already recorded, an error
    too, is not asked again. Once ``run.winding_down`` is set no new attempt is begun, and those
    under way end and are recorded; cancelling stops at once and loses nothing that was recorded.
    The trials of a run that is complete stand in the order of its plan. Raises TargetUnreachable,
    TargetRefusing, and RunProblem where the file cannot be written. Memory does not grow with the
    number of trials but for their keys.
    """
    todo = Todo(
        (attempt for attempt in plan.attempts() if attempt.key not in run.recorded),
        run.winding_down,
    )
    async with line_to(target, limits) as line:
        asker = Asker(
            line,
            run.header,
            limits=limits,
            means=means or Means(),
            winding_down=run.winding_down,
        )
        recorder = Recorder(cascade, run, on_trial=on_trial)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(recorder.run())
                failed = await _ask_all(todo, asker, recorder, at_once=limits.concurrency)
                recorder.close()
        except ExceptionGroup as problems:
            raise _first(problems) from None
    if failed is not None:
        raise failed
    if run.tally.all.trials >= plan.planned:
        await asyncio.to_thread(run.finish, (attempt.key for attempt in plan.attempts()))
    return run.summary()


@asynccontextmanager
async def line_to(target: Target, limits: Limits) -> AsyncIterator[Line]:
    """The way to the target, open for as many requests at a time as the limits allow."""
    if target.kind is TargetKind.LITELLM:
        from probes.litellm_line import close_litellm, open_litellm

        line = await open_litellm(target, timeout_seconds=limits.timeout_seconds)
        try:
            yield line
        finally:
            await close_litellm(line)
        return
    async with async_client(
        target.url,
        timeout_seconds=limits.timeout_seconds,
        connections=limits.concurrency,
        headers={**target.headers(), "accept-encoding": "gzip"},
    ) as client:
        yield HttpLine(client, target.url, most_bytes=limits.reply_bytes)


async def _ask_all(
    todo: Todo, asker: Asker, recorder: Recorder, *, at_once: int
) -> Exception | None:
    """Ask until nothing is left to do; the problem for which the target is asked no further.

    What was answered until then is handed over either way; what is still held only where the plan
    is at its end.
    """
    failed: Exception | None = None
    try:
        async with asyncio.TaskGroup() as askers:
            for _ in range(at_once):
                askers.create_task(_work(todo, asker, recorder))
    except* (TargetUnreachable, TargetRefusing) as problems:
        failed = _first(problems)
    if failed is None and not todo.winding_down:
        for answered in todo.held:
            await recorder.take(answered)
    return failed


async def _work(todo: Todo, asker: Asker, recorder: Recorder) -> None:
    """One of the run's concurrent askers."""
    while (attempt := todo.take()) is not None:
        answer = await asker.ask(attempt)
        if answer is None:
            return
        for ready in todo.admit(attempt, answer):
            await recorder.take(ready)


def _first(problems: ExceptionGroup[Exception]) -> Exception:
    """The first problem in a group of them, however deep."""
    first = problems.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
