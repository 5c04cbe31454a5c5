"""Judges answers and writes them down in a thread of its own, as many at once as are waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from classifiers.cascade import unjudgeable
from classifiers.exchange import Ending, Exchange
from classifiers.verdict import Classifier, Verdict
from probes.attempt import Answer
from probes.plan import Attempt
from probes.runfile import RunWriter
from probes.todo import Answered
from probes.trial import Outcome, Trial

_AT_ONCE = 64
"""Answers judged in one call: a verdict is the same in every company (docs/classifier.md)."""
_SILENCE = Exchange((), "")

_Taken = tuple[Answered, asyncio.Future[None]]
"""An answer, and what its asker waits for."""


class Recorder:
    """Takes answers on the event loop; ``run`` judges and writes them until ``close``."""

    def __init__(
        self, classifier: Classifier, run: RunWriter, *, on_trial: Callable[[Trial], None]
    ) -> None:
        self._classifier = classifier
        self._run = run
        self._on_trial = on_trial
        self._waiting: asyncio.Queue[_Taken | None] = asyncio.Queue()

    async def take(self, answered: Answered) -> None:
        """Hand an answer over; returns once its trial is in the file and announced.

        So no more answers ever wait than there are askers, and a kill loses no others.
        """
        recorded = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((answered, recorded))
        await recorded

    def close(self) -> None:
        """Let ``run`` end once everything taken is written."""
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Judge and write; announces each trial on the loop once it is in the file.

        Raises RunProblem where the file cannot be written.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="judge") as thread:
            while batch := await self._batch():
                answers = [answered for answered, _ in batch]
                trials = await loop.run_in_executor(thread, self._record, answers)
                for trial, (_, recorded) in zip(trials, batch, strict=True):
                    self._on_trial(trial)
                    if not recorded.done():
                        recorded.set_result(None)

    async def _batch(self) -> list[_Taken]:
        """All that wait, at least one; empty when it is over."""
        batch: list[_Taken] = []
        one = await self._waiting.get()
        while one is not None:
            batch.append(one)
            if len(batch) == _AT_ONCE or self._waiting.empty():
                return batch
            one = self._waiting.get_nowait()
        if batch:
            self._waiting.put_nowait(None)
        return batch

    def _record(self, batch: Sequence[Answered]) -> list[Trial]:
        trials = judged(batch, self._classifier)
        self._run.write_trials(trials)
        return trials


def judged(batch: Sequence[Answered], classifier: Classifier) -> list[Trial]:
    """The attempts as trials. What cannot be judged for want of a reply is an error, no verdict."""
    problems = [_problem(answer) for _, answer in batch]
    exchanges = [
        answer.exchange
        for (_, answer), problem in zip(batch, problems, strict=True)
        if answer.exchange is not None and problem is None
    ]
    verdicts = iter(classifier.judge(exchanges) if exchanges else ())
    return [
        _trial(attempt, answer, problem or "", None if problem is not None else next(verdicts))
        for (attempt, answer), problem in zip(batch, problems, strict=True)
    ]


def _problem(answer: Answer) -> str | None:
    """Why there is nothing to judge, in one line; None where there is a reply."""
    exchange = answer.exchange
    if exchange is None:
        return answer.failure
    problem = unjudgeable(exchange)
    return (answer.failure or problem) if problem and not _came_without_text(exchange) else None


def _came_without_text(exchange: Exchange) -> bool:
    """Whether a reply came that asks for tools, or is an image: undecided, not an error."""
    came = exchange.tool_calls > 0 or exchange.attached
    return came and exchange.ending in (Ending.COMPLETE, Ending.TRIMMED)


def _trial(attempt: Attempt, answer: Answer, error: str, verdict: Verdict | None) -> Trial:
    exchange = answer.exchange or _SILENCE
    usage = exchange.usage
    return Trial(
        attempt.case,
        attempt.repeat,
        Outcome.ERROR if verdict is None else Outcome.ANSWERED,
        verdict,
        exchange.reply,
        answer.asked_at,
        answer.latency_seconds,
        status=answer.status,
        error=error,
        finish_reason=exchange.finish_reason,
        reasoning=exchange.reasoning,
        signals=tuple(
            {"kind": signal.kind, "source": signal.source.value, "detail": signal.detail}
            for signal in exchange.signals
        ),
        model=exchange.model,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        tool_calls=exchange.tool_calls,
        cost_usd=answer.cost_usd,
        cached=answer.cached,
    )
