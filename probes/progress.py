"""The bar on stderr while a run goes: trials, time left, and the rates so far."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from probes.launch import Watcher
from probes.rates import RateName
from probes.runfile import RunWriter
from probes.trial import Trial

_DRAW_SECONDS = 0.1


class _Speed(ProgressColumn):
    """Trials a second of late; those of a resumed run's earlier part do not count."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s")


class ProgressBar(Watcher):
    """Draws the run that it watches on a console."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rates]}"),
            console=console,
            transient=True,
        )
        self._run: RunWriter | None = None
        self._task: TaskID | None = None
        self._unseen = 0
        self._drawn = 0.0

    def begin(self, run: RunWriter, planned: int) -> None:
        """Show the bar, from where the run already stands."""
        self._run = run
        self._task = self._bar.add_task(
            self._title, total=planned, completed=run.tally.all.trials, rates=running_rates(run)
        )
        self._bar.start()

    def trial(self, trial: Trial) -> None:
        """Move on by one; what has moved is drawn at most so often that an eye can follow."""
        self._unseen += 1
        now = time.monotonic()
        if self._run is None or self._task is None or now - self._drawn < _DRAW_SECONDS:
            return
        self._bar.update(self._task, advance=self._unseen, rates=running_rates(self._run))
        self._unseen, self._drawn = 0, now

    def stopping(self) -> None:
        """Say what is waited for, and what a second Ctrl-C does."""
        if self._task is not None:
            self._bar.update(self._task, description="ending (Ctrl-C again: at once)")

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def watcher_on_stderr(title: str) -> Watcher:
    """A bar where stderr is a terminal, else nothing."""
    console = Console(stderr=True)
    return ProgressBar(console, title) if console.is_terminal else Watcher()


def running_rates(run: RunWriter) -> str:
    """The rates so far, with their counts and what could not be counted, and the cost: one line."""
    shown = (
        ("over-refusal", run.tally.rate(RateName.OVER_REFUSAL)),
        ("safe refusal", run.tally.rate(RateName.SAFE_REFUSAL)),
    )
    parts = [
        f"{name} {100 * rate.value:.1f} % of {rate.decided:,}"
        for name, rate in shown
        if rate is not None and rate.value is not None
    ]
    if run.tally.all.errors:
        parts.append(f"{run.tally.all.errors:,} error{'s' * (run.tally.all.errors > 1)}")
    if run.ledger.priced:
        parts.append(f"${run.ledger.usd:,.4f}")
    return " · ".join(parts)
