"""What a run measured: both rates large, every category as a bar, and every other estimate."""

from __future__ import annotations

from collections.abc import Sequence

from probes.rates import Rate, RateName
from probes.rendering.figures import beside
from probes.rendering.page.markup import (
    ASKED,
    BETTER,
    bracket,
    card,
    counted,
    percent,
    strip,
    text,
    valued,
    whose,
)
from probes.report import TITLES, RunReport
from probes.statistics.estimate import Estimate, EstimateKind

_SCALES = (0.1, 0.25, 0.5, 1.0)
"""Where a scale of bars may end: the first that holds every interval."""


def tiles(run: RunReport) -> str:
    """The whole rates in large figures, each with interval, counts, bounds and its other mean."""
    made = [_tile(run, rates[0]) for rates in run.by_rate().values() if rates[0].category is None]
    return f'<div class="tiles">{"".join(made)}</div>'


def _tile(run: RunReport, rate: Rate) -> str:
    title = f"{TITLES[rate.rate]}"
    asked = "; ".join(filter(None, (ASKED.get(rate.rate), BETTER.get(rate.rate))))
    figure = (
        '<strong class="absent">no rate published</strong>'
        if rate.value is None
        else f"<strong>{percent(rate.value)}</strong>"
        f'<span class="interval">{bracket(rate.low, rate.high)} {rate.confidence:.0%}</span>'
    )
    beside = [
        f"<p><small>{_kind(one)} <strong>{percent(one.value)}</strong> "
        f"{bracket(one.low, one.high)}</small></p>"
        for one in run.summary.estimates
        if one.rate is rate.rate and one.kind is EstimateKind.MEAN_OVER_CATEGORIES and one.value
    ]
    return (
        f'<section class="card tile {rate.rate.value}"><div class="head"><h2>{title}</h2>'
        f'<span class="quiet">{asked}</span></div>'
        f'<div class="figure">{figure}</div>{strip(rate)}'
        f"<p>{counted(rate)} <small>· mean over prompts</small></p>{''.join(beside)}"
        f"{_bounds(rate)}</section>"
    )


def _bounds(rate: Rate) -> str:
    """Best and worst case; nothing where every trial was decided."""
    open_ones = rate.undecided + rate.errors
    if not open_ones or rate.value is None or rate.lowest is None or rate.highest is None:
        return ""
    return (
        f"<p><small>{open_ones:,} not decided: all counted one way or the other, the rate is "
        f"{100 * rate.lowest:.1f} to {percent(rate.highest)}</small></p>"
    )


def rates_card(run: RunReport, *, named: bool, fold: bool = False) -> str:
    """Every category of every rate as a bar; the rates beside each other."""
    groups = [_bars(name, rates) for name, rates in run.by_rate().items()]
    title = f": {text(run.header.title)}" if named else ""
    asked = f"{whose(run.header, run.file)}. " if named else ""
    beside = f"{asked}Worst first. Darker band: {_confidence(run)} interval."
    body = f'<div class="pair">{"".join(groups)}</div>'
    return card(f"By category{title}", beside, body, fold=fold)


def _confidence(run: RunReport) -> str:
    return f"{run.summary.rates[0].confidence:.0%}" if run.summary.rates else "95%"


def _bars(name: RateName, rates: Sequence[Rate]) -> str:
    highest = max((rate.high for rate in rates if rate.high is not None), default=1.0)
    top = next(scale for scale in _SCALES if highest <= scale)
    whole = [rate for rate in rates if rate.category is None]
    parts = sorted((rate for rate in rates if rate.category is not None), key=_worst_first)
    rows = "".join(_row(rate, top) for rate in (*whole, *parts))
    return (
        f'<div><table class="bars {name.value}"><thead><tr>'
        f'<th scope="col">{TITLES[name]}</th><th scope="col"><span class="scale"><span>0</span>'
        f'<span>{100 * top:.0f} %</span></span></th><th scope="col">rate</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _worst_first(rate: Rate) -> tuple[bool, float, str]:
    """Those without a value last."""
    value = rate.value or 0.0
    worse = value if rate.rate is RateName.SAFE_REFUSAL else -value
    return (rate.value is None, worse, rate.category or "")


def _row(rate: Rate, top: float) -> str:
    name, kind = ("all", ' class="whole"') if rate.category is None else (text(rate.category), "")
    why = f' title="{text(rate.note)}"' if rate.note else ""
    interval = f'<small class="interval">{bracket(rate.low, rate.high)}</small>'
    value = '<span class="absent">no rate</span>' if rate.value is None else percent(rate.value)
    return (
        f'<tr{kind}{why}><th scope="row">{name}<small>{counted(rate)}</small></th>'
        f'<td class="bar">{strip(rate, top)}</td><td>{value}{interval}</td></tr>'
    )


def estimates_card(runs: Sequence[RunReport]) -> str:
    """Every estimate beside the rates; empty where there is none."""
    rows = [_estimate(run, one, named=len(runs) > 1) for run in runs for one in beside(run)]
    if not rows:
        return ""
    run_head = "<th>run</th>" if len(runs) > 1 else ""
    table = (
        f'<div class="wide-table"><table><thead><tr>{run_head}<th>rate</th><th>estimate</th>'
        '<th class="number">value</th><th class="number">interval</th><th class="number">over</th>'
        f"<th>method</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    return card("Other ways to count", "Each figure says what it is a mean over.", table)


def _estimate(run: RunReport, one: Estimate, *, named: bool) -> str:
    title = f"<td>{text(run.header.title)}<small>{text(run.file)}</small></td>" if named else ""
    category = f" · {text(one.category)}" if one.category else ""
    note = f"<small>{text(one.note)}</small>" if one.note else ""
    return (
        f"<tr>{title}<td>{TITLES[one.rate]}{category}</td><td>{_kind(one)}</td>"
        f'<td class="number">{percent(one.value)}</td>'
        f'<td class="number">{bracket(one.low, one.high)}</td>'
        f'<td class="number">{one.count:,} {one.counted}</td>'
        f'<td class="said">{text(one.method)}{note}</td></tr>'
    )


def _kind(one: Estimate) -> str:
    return one.kind.value.replace("_", " ")


def compared_card(runs: Sequence[RunReport]) -> str:
    """Several runs in a table: both whole rates of each, with what was not decided."""
    rows = []
    for run in runs:
        whole = {rates[0].rate: rates[0] for rates in run.by_rate().values()}
        cells = "".join(_cell(whole.get(name), name) for name in _whole_names(runs))
        rows.append(
            f'<tr><th scope="row"><b>{text(run.header.title)}</b><small>'
            f"{whose(run.header, run.file)}</small></th>{cells}</tr>"
        )
    heads = "".join(
        f'<th scope="col">{TITLES[name]}<small>{BETTER.get(name, "")}</small></th>'
        for name in _whole_names(runs)
    )
    return (
        '<section class="card"><h2>Runs</h2><div class="wide-table"><table class="runs"><thead><tr>'
        f"<th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _whole_names(runs: Sequence[RunReport]) -> list[RateName]:
    return [name for name in RateName if any(name in run.by_rate() for run in runs)]


def _cell(rate: Rate | None, name: RateName) -> str:
    if rate is None:
        return '<td class="absent">not asked</td>'
    return (
        f'<td class="{name.value}">{valued(rate)}{strip(rate)}<small>{counted(rate)}</small></td>'
    )
