"""The card of the frontier: the plot, its key, and what others published, behind switches."""

from __future__ import annotations

from collections.abc import Sequence

from probes.frontier import FrontierPoint
from probes.published import Published, Release
from probes.rates import Rate, RateName
from probes.rendering.page.marks import past_symbol, symbol
from probes.rendering.page.markup import counted, moment, text, valued
from probes.rendering.page.plot import Dot, Move, own_dots, plot, published_dots
from probes.report import Report

_SETS = ("or-bench-hard", "or-bench-toxic")
"""What Candor calls the sets that the published models were asked, in the order of their sizes."""


_FEW = 2
"""Points whose figures stand in the key; those of more stand in the table of runs."""
_MANY = 8
"""Points whose key stands above the switches; that of more stands below, where it may be long."""


def frontier_card(report: Report, published: Published) -> str:
    """The frontier of the report's targets before the published ones; these alone if it has none.

    Both switches begin on where the targets were asked OR-Bench's own sets or the published
    results were asked for; the models of June 2024 saw another release all the same.
    """
    own, past = own_dots(report.frontier), published_dots(published)
    moves = _moves(report, own)
    if report.runs and not own:
        return _nothing_to_draw(report)
    alike = _asked_todays(report, published)
    shown = alike or report.published is not None
    only = "" if own else " only"
    key = _key(report.frontier) if own else _correlations(published)
    switches = _switches(published, own=bool(own), alike=alike, shown=shown)
    moved = '<p class="quiet moved">Hollow: the run before.</p>' if moves else ""
    beside = [key + moved, switches]
    beside = beside if len(own) <= _MANY else beside[::-1]
    return (
        f'<section class="card frontier{only}" aria-labelledby="frontier"><div class="head">'
        '<h2 id="frontier">Refusal frontier</h2>'
        '<p class="quiet">Does it answer what it should, and refuse what it should?</p></div>'
        f'<div class="split"><figure>{plot(own, past, moves)}</figure>'
        f"<div>{''.join(beside)}</div></div>"
        "</section>"
    )


def _moves(report: Report, own: Sequence[Dot]) -> list[Move]:
    """Where a target stood in the run before its newest, if the two are compared."""
    stood = {run.header.run_id: run for run in report.runs}
    found = []
    for one in report.changes:
        now = next((dot for dot in own if dot.name == one.after.title), None)
        before = stood.get(one.before.run_id)
        if one.problem or one.before.title != one.after.title or now is None or before is None:
            continue
        rates = {rate.rate: rate for rate in before.summary.rates if rate.category is None}
        over, safe = rates.get(RateName.OVER_REFUSAL), rates.get(RateName.SAFE_REFUSAL)
        if over and safe and over.value is not None and safe.value is not None:
            name = f"{one.before.title}, {moment(one.before.created)}"
            found.append(Move(Dot(name, over, safe, f"{now.kind} before", now.shape), now))
    return found


def _asked_todays(report: Report, published: Published) -> bool:
    """Whether a run asked today's release of one of the two sets, or a sample of it."""
    sizes = dict(zip(_SETS, published.sizes[Release.CURRENT], strict=True))
    stamps = [stamp for run in report.runs for stamp in run.header.sets]
    return any(sizes.get(stamp.name) == stamp.rows for stamp in stamps)


def _nothing_to_draw(report: Report) -> str:
    lacking = sorted({said for point in report.frontier for said in _lacking(point)})
    return (
        '<section class="card"><h2>Refusal frontier</h2><p class="quiet">Nothing to draw: a point '
        f"needs both rates, and there is {text(', '.join(lacking) or 'no run')}.</p></section>"
    )


def _lacking(point: FrontierPoint) -> list[str]:
    pairs = (("over-refusal", point.over_refusal), ("safe refusal", point.safe_refusal))
    return [f"no {said} rate" for said, rate in pairs if rate is None or rate.value is None]


def _key(points: Sequence[FrontierPoint]) -> str:
    """Which mark is whose, with the figures where there are only a few."""
    items = [
        f'<li><div class="who">{symbol(index)}<span>{text(point.title)}</span></div>'
        f"{_figures(point, short=len(points) > _FEW)}</li>"
        for index, point in enumerate(points)
    ]
    tight = " tight" if len(points) > _FEW else ""
    return f'<ul class="key{tight}">{"".join(items)}</ul>'


def _figures(point: FrontierPoint, *, short: bool) -> str:
    if short:
        lacking = ", ".join(_lacking(point))
        return f'<p class="absent">{lacking}</p>' if lacking else ""
    over, safe = point.over_refusal, point.safe_refusal
    sets = f"<p><small>{text(', '.join(point.sets))}</small></p>"
    return f"{_line('Over-refusal', over)}{_line('Safe refusal', safe)}{sets}"


def _line(name: str, rate: Rate | None) -> str:
    said = '<span class="absent">not asked</span>' if rate is None else valued(rate)
    counts = "" if rate is None else f"<br><small>{counted(rate)}</small>"
    return f'<p><span class="name">{name}</span> {said}{counts}</p>'


def _correlations(published: Published) -> str:
    rows = "".join(
        f'<tr><th scope="row">{text(one.over)}<small>{one.found.count} models</small></th>'
        f'<td class="number"><strong>{one.found.value:.4f}</strong>'
        f'<small class="interval">{_span(one.found.low, one.found.high)}</small></td></tr>'
        for one in published.correlations()
        if one.found.value is not None
    )
    return (
        '<table><thead><tr><th scope="col">Who refuses more of the harmless refuses more of the '
        'harmful</th><th scope="col" class="number">Spearman</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"


def _switches(published: Published, *, own: bool, alike: bool, shown: bool) -> str:
    june, current = (published.of(release) for release in (Release.JUNE_2024, Release.CURRENT))
    sizes = published.sizes
    state = " checked" if shown or not own else ""
    other = "The runs here were asked other prompts: for orientation only."
    other = "" if alike or not own else f"<p>{other}</p>"
    hover = " (point at one for its name)" if own else ""
    compare = "the only ones that compare with a run of today's files"
    return (
        f'<div class="switches"><p class="quiet">Published results, OR-Bench 2024{hover}</p>'
        f'<label><input type="checkbox" id="current"{state}> <span>{past_symbol(Release.CURRENT)} '
        f"{len(current)} models † on today's release ({_size(sizes[Release.CURRENT])}): {compare}"
        "</span></label>"
        f'<label><input type="checkbox" id="june2024"{state}> <span>'
        f"{past_symbol(Release.JUNE_2024)} {len(june)} models on the release of June 2024 "
        f"({_size(sizes[Release.JUNE_2024])}): other prompts in part</span></label>"
        f'{other}<p class="quiet">Cross: 95 % interval. Dashed: refuses without telling prompts '
        "apart. Shaded: where to be.</p></div>"
    )


def _size(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]:,} + {sizes[1]:,} prompts"
