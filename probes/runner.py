"""Runs a plan against a target, so many at a time; writes each verdict as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from classifiers.cascade import unjudgeable
from classifiers.exchange import Ending, Exchange
from classifiers.verdict import Classifier
from probes.attempt import Answer, Asker, Limits
from probes.http import async_client
from probes.plan import Attempt, Plan
from probes.runfile import RunWriter
from probes.summary import RunSummary
from probes.target import Target
from probes.todo import Todo
from probes.trial import Outcome, Trial


async def run_probes(
    plan: Plan,
    target: Target,
    *,
    cascade: Classifier,
    run: RunWriter,
    limits: Limits,
    on_trial: Callable[[Trial], None],
) -> RunSummary:
    """Ask what the run does not hold yet; write each trial the moment its verdict is there.

    ``on_trial`` is called on the event loop after each. A trial that is already recorded, an error
    too, is not asked again. Once ``run.winding_down`` is set no new attempt is begun, and those
    under way end and are recorded; cancelling stops at once and loses nothing that was recorded.
    Raises TargetUnreachable, TargetRefusing, and RunProblem where the file cannot be written.
    Memory does not grow with the number of trials but for their keys.
    """
    todo = Todo(
        (attempt for attempt in plan.attempts() if attempt.key not in run.recorded),
        run.winding_down,
    )
    with ThreadPoolExecutor(1, thread_name_prefix="judge") as judge_thread:
        async with async_client(
            target.url,
            timeout_seconds=limits.timeout_seconds,
            connections=limits.concurrency,
            headers={**target.headers(), "accept-encoding": "gzip"},
        ) as client:
            asker = Asker(
                client,
                target,
                run_id=run.header.run_id,
                limits=limits,
                parameters=run.header.parameters,
                winding_down=run.winding_down,
            )
            judge = _Judge(cascade, run, judge_thread)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(limits.concurrency):
                        group.create_task(_work(todo, asker, judge=judge, on_trial=on_trial))
            except ExceptionGroup as problems:
                raise problems.exceptions[0] from None
            for attempt, answer in todo.held:
                on_trial(await judge.record(attempt, answer))
    if run.tally.all.trials >= plan.planned:
        run.write_summary()
    return run.summary()


async def _work(
    todo: Todo, asker: Asker, *, judge: _Judge, on_trial: Callable[[Trial], None]
) -> None:
    """One of the run's concurrent askers."""
    while (attempt := todo.take()) is not None:
        answer = await asker.ask(attempt)
        if answer is None:
            return
        for ready in todo.admit(attempt, answer):
            on_trial(await judge.record(*ready))


class _Judge:
    """Judges answers and writes them down, one after the other, in its own thread.

    One reply at a time: a classifier whose arithmetic depends on its batch would otherwise make the
    numbers depend on which replies happened to arrive together.
    """

    def __init__(self, classifier: Classifier, run: RunWriter, thread: ThreadPoolExecutor) -> None:
        self._classifier = classifier
        self._run = run
        self._thread = thread

    async def record(self, attempt: Attempt, answer: Answer) -> Trial:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._record, attempt, answer
        )

    def _record(self, attempt: Attempt, answer: Answer) -> Trial:
        trial = trial_of(attempt, answer, self._classifier)
        self._run.write_trial(trial)
        return trial


def trial_of(attempt: Attempt, answer: Answer, classifier: Classifier) -> Trial:
    """The attempt, judged. What cannot be judged for want of a reply is an error, not a verdict."""
    trial = Trial(
        case=attempt.case,
        repeat=attempt.repeat,
        outcome=Outcome.ERROR,
        verdict=None,
        reply="",
        asked_at=answer.asked_at,
        latency_seconds=answer.latency_seconds,
        status=answer.status,
        error=answer.failure,
    )
    exchange = answer.exchange
    if exchange is None:
        return trial
    trial = _with_reply(trial, exchange)
    problem = unjudgeable(exchange)
    if problem and not _only_tool_calls(exchange):
        return replace(trial, error=answer.failure or problem)
    [verdict] = classifier.judge([exchange])
    return replace(trial, outcome=Outcome.ANSWERED, verdict=verdict, error="")


def _only_tool_calls(exchange: Exchange) -> bool:
    """Whether a reply came that asks for tools instead of answering: undecided, not an error."""
    return exchange.tool_calls > 0 and exchange.ending in (Ending.COMPLETE, Ending.TRIMMED)


def _with_reply(trial: Trial, exchange: Exchange) -> Trial:
    usage = exchange.usage
    return replace(
        trial,
        reply=exchange.reply,
        reasoning=exchange.reasoning,
        finish_reason=exchange.finish_reason,
        signals=tuple(
            {"kind": signal.kind, "source": signal.source.value, "detail": signal.detail}
            for signal in exchange.signals
        ),
        model=exchange.model,
        tool_calls=exchange.tool_calls,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
    )
