"""What changed since the other run, with both replies side by side; and trials to look at."""

from __future__ import annotations

from collections.abc import Callable

from probes.case import Expectation
from probes.changes import Changed, Changes, Direction, PairedRate
from probes.paired import Difference, Pairs
from probes.rates import RateName
from probes.rendering.figures import p_text, unmoved
from probes.rendering.page.markup import card, day, excerpt, label_chip, moment, text, whose
from probes.report import TITLES, RunReport
from probes.samples import Samples
from probes.trial import Trial

_PROMPT, _REPLY = 400, 700
"""Characters of a prompt and of a reply that a page shows."""

_WORSE = {
    (RateName.OVER_REFUSAL, Direction.NEWLY_REFUSED),
    (RateName.SAFE_REFUSAL, Direction.NEWLY_ANSWERED),
}
_WORDS = {
    (RateName.OVER_REFUSAL, Direction.NEWLY_REFUSED): "Harmless prompts newly refused",
    (RateName.OVER_REFUSAL, Direction.NEWLY_ANSWERED): "Harmless prompts newly answered",
    (RateName.SAFE_REFUSAL, Direction.NEWLY_REFUSED): "Harmful prompts newly refused",
    (RateName.SAFE_REFUSAL, Direction.NEWLY_ANSWERED): "Harmful prompts newly answered",
}


def changes_card(changes: Changes) -> str:
    """The paired differences, then the changed prompts by direction, those for the worse first."""
    before, after = changes.before, changes.after
    if before.title == after.title:
        title = f"Changed since {_when(changes)(before.created)}: {text(after.title)}"
    else:
        title = f"From {text(before.title)} to {text(after.title)}"
    if changes.problem:
        said = f'<p class="quiet">Not compared: {text(changes.problem)}.</p>'
    else:
        rows = "".join(map(_differences, changes.rates))
        said = f"{_table(rows)}{''.join(_lists(changes))}"
    runs = f"run <code>{text(before.run_id)}</code> to <code>{text(after.run_id)}</code>"
    return card(title, runs, said)


def _table(rows: str) -> str:
    return (
        '<div class="wide-table"><table><thead><tr><th></th><th class="number">newly refused</th>'
        '<th class="number">newly answered</th><th class="number">difference</th>'
        '<th class="number">95% interval</th><th class="number">McNemar, exact</th>'
        '<th class="number">prompts decided in both</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _differences(one: PairedRate) -> str:
    """The row of the whole rate, and one of each category that moved."""
    whole = None if one.difference is None else one.difference.p_value
    rows = [_row(TITLES[one.pairs.rate], one.pairs, one.difference, p_value=whole)]
    rows += [
        _row(
            f"<small>{text(each.category)}</small>",
            each.pairs,
            each.difference,
            p_value=each.adjusted_p,
        )
        for each in one.moved
    ]
    if said := unmoved(one):
        rows.append(f'<tr class="unmoved"><td colspan="7"><small>{said}.</small></td></tr>')
    return "".join(rows)


def _row(name: str, pairs: Pairs, found: Difference | None, *, p_value: float | None) -> str:
    figures = ["–", "–", "–"]
    if found is not None and p_value is not None:
        figures = [
            f"<strong>{100 * found.value:+.1f} points</strong>",
            f"[{100 * found.low:+.1f}, {100 * found.high:+.1f}]",
            f"p {'' if p_value < 0.0001 else '= '}{text(p_text(p_value))}",
        ]
    unpaired = f"<small>{pairs.unpaired:,} not on both sides</small>" if pairs.unpaired else ""
    turned = [f"{len(pairs.newly_refused):,}", f"{len(pairs.newly_answered):,}"]
    cells = [*turned, *figures, f"{pairs.count:,}{unpaired}"]
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{name}</th>{numbers}</tr>'


def _lists(changes: Changes) -> list[str]:
    order = sorted(_WORDS, key=lambda which: which not in _WORSE)
    return [_list(changes, *which) for which in order if changes.count(*which)]


def _list(changes: Changes, rate: RateName, direction: Direction) -> str:
    count, shown = changes.count(rate, direction), changes.shown(rate, direction)
    worse = (rate, direction) in _WORSE
    chip = f'<span class="chip {"worse" if worse else "better"}">{count:,}</span>'
    return (
        f"<details{' open' if worse else ''}><summary>{_WORDS[rate, direction]} {chip}</summary>"
        f"{''.join(_changed(one, changes) for one in shown)}{_rest(count, len(shown))}</details>"
    )


def _changed(one: Changed, changes: Changes) -> str:
    said = _when(changes)
    before = _side(f"before, {said(changes.before.created)}", one.before)
    after = _side(f"after, {said(changes.after.created)}", one.after)
    return f'<article>{_asked(one.after)}<div class="sides">{before}{after}</div></article>'


def _when(changes: Changes) -> Callable[[float], str]:
    """Days tell the runs apart, or else times do."""
    return day if day(changes.before.created) != day(changes.after.created) else moment


def _asked(trial: Trial) -> str:
    case = trial.case
    return (
        f'<p class="asked" dir="auto">{excerpt(case.prompt, _PROMPT)} '
        f'<span class="chip soft">{text(case.category)}</span></p>'
    )


def _side(when: str, trial: Trial) -> str:
    return (
        f'<div class="side"><p class="meta">{label_chip(trial)} <span>{text(when)}</span></p>'
        f'<blockquote dir="auto">{excerpt(trial.reply, _REPLY) or _wordless(trial)}</blockquote>'
        "</div>"
    )


def _wordless(trial: Trial) -> str:
    """Why there is no text to show: a refusal may be all in how the reply ended."""
    reason = trial.finish_reason or (trial.verdict.reason if trial.verdict else "")
    return f'<i class="more">no text{f" ({text(reason)})" if reason else ""}</i>'


def _rest(count: int, shown: int) -> str:
    if count <= shown:
        return ""
    return f'<p class="quiet">{count - shown:,} more are left out of this page.</p>'


def samples_card(run: RunReport) -> str:
    """A few harmless prompts that were refused and harmful ones that were answered, folded."""
    lists = "".join(_samples(found) for found in run.samples)
    if not lists:
        return ""
    beside = f"{whose(run.header, run.file)}; one of each category first"
    return card(f"To look at: {text(run.header.title)}", beside, lists)


def _samples(found: Samples) -> str:
    harmless = found.expectation is Expectation.COMPLY
    said = "Harmless prompts refused" if harmless else "Harmful prompts answered"
    articles = "".join(
        f"<article>{_asked(trial)}{_side(_why(trial), trial)}</article>" for trial in found.shown
    )
    return (
        f'<details><summary>{said} <span class="chip worse">{found.count:,}</span></summary>'
        f"{articles}{_rest(found.count, len(found.shown))}</details>"
    )


def _why(trial: Trial) -> str:
    return "" if trial.verdict is None else trial.verdict.reason
