"""The bar while a run goes: how far, how fast, at what rate and at what cost."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from probes.progress import ProgressBar, running_rates
from probes.runfile import RunWriter
from tests.probes.trials import C, E, R, a_header, trials_of


def test_the_rates_stand_with_their_counts_the_errors_and_the_cost(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run.jsonl", a_header()) as run:
        for trial in trials_of([R, C, C, C, E]):
            run.write_trial(trial)
        assert running_rates(run) == "over-refusal 25.0 % of 4 · 1 error"
        [dear] = trials_of([C], category="hate")
        run.write_trial(replace(dear, cost_usd=0.25))
        assert running_rates(run).endswith("over-refusal 20.0 % of 5 · 1 error · $0.2500")


def test_the_bar_shows_how_far_the_run_is_and_is_gone_at_its_end(tmp_path: Path) -> None:
    shown = StringIO()
    console = Console(file=shown, force_terminal=True, width=160)
    bar = ProgressBar(console, "the target")
    with RunWriter.create(tmp_path / "run.jsonl", a_header()) as run:
        earlier, *trials = trials_of([R, C, C, C])
        run.write_trial(earlier)
        bar.begin(run, 4)
        for trial in trials:
            run.write_trial(trial)
            bar.trial(trial)
        bar.stopping()
        bar.end()
    text = shown.getvalue()
    assert "the target" in text and "1/4" in text and "2/4" in text
    assert "ending (Ctrl-C again: at once)" in text
    assert text.rstrip().endswith("\x1b[2K")
