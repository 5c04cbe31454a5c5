"""An evaluation as one self-contained HTML page: figures, reliability, slices, the worst rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from classifiers.comparison import Comparison
from classifiers.evaluation import Bin, Evaluation, Judged, Slice
from classifiers.evaluation_text import excerpt
from classifiers.measures import Measure
from classifiers.verdict import Label

_PROMPT_CHARACTERS = 300
_REPLY_CHARACTERS = 1200

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d7dce1;--paper:#fff;
--mark:#2f6fb2}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa4ae;--line:#363d45;--paper:#15181c;
--mark:#7db3e8}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2.2rem}
p.sub,small,td.said{color:var(--soft)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.25rem .7rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600}
.wide{overflow-x:auto}
article{border-left:3px solid var(--mark);padding:.2rem 0 .2rem 1rem;margin:1.2rem 0}
article p{margin:.25rem 0}blockquote{margin:.25rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
svg text{fill:var(--soft);font-size:11px}
"""


def page(found: Evaluation, comparison: Comparison | None, *, worst: int) -> str:
    """The whole page; every text of a row is escaped, and nothing is loaded from anywhere."""
    share = "" if found.undecided_share is None else f" ({found.undecided_share:.1%})"
    parts = [
        f"<h1>{escape(found.classifier)}</h1>",
        f'<p class="sub">{found.rows} rows, {found.decided} decided, {found.undecided} undecided'
        f"{share}, {found.left_out} left out. Intervals: 95 %, by resampling prompts, seed "
        f"{found.seed}.</p>",
        _figures(found),
        "<h2>Labels</h2>",
        _confusion(found),
        "<h2>Does P mean it?</h2>",
        _reliability(found.reliability),
        *([] if comparison is None else ["<h2>Beside others</h2>", _beside(comparison)]),
        *(f"<h2>By {escape(name)}</h2>{_slices(each)}" for name, each in found.slices.items()),
        f"<h2>The {worst} furthest from their labels</h2>",
        *(map(_article, found.worst(worst)) if found.worst(worst) else ("<p>None.</p>",)),
    ]
    title = escape(f"Evaluation of {found.classifier}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _figures(found: Evaluation) -> str:
    rows = [
        (escape(name), _value(figure), _interval(figure), str(figure.rows))
        for name, figure in found.measures.items()
    ]
    return _table(("figure", "value", "interval", "rows"), rows)


def _confusion(found: Evaluation) -> str:
    columns = [label.value for label in Label]
    truths = sorted({truth for truth, _ in found.confusion})
    rows = [
        (escape(truth), *(str(found.confusion.get((truth, column), 0)) for column in columns))
        for truth in truths
    ]
    return _table(("labelled", *columns), rows)


def _slices(slices: Sequence[Slice]) -> str:
    rows = [
        (
            escape(one.value),
            str(one.rows),
            str(one.undecided),
            *(
                f"{_value(one.measures[name])} <small>{_interval(one.measures[name])}</small>"
                for name in ("accuracy", "f1", "auroc", "ece")
            ),
        )
        for one in slices
    ]
    return _table(("", "rows", "undecided", "accuracy", "F1", "AUROC", "ECE"), rows)


def _beside(found: Comparison) -> str:
    models = [one.value for one in found.evaluations[0].slices.get("model", ())]
    rows = []
    for one, difference in zip(found.evaluations, found.differences, strict=True):
        by_model = {each.value: each.measures["accuracy"] for each in one.slices.get("model", ())}
        rows.append(
            (
                escape(one.classifier),
                f"{_value(one.measures['accuracy_forced'])} "
                f"<small>{_interval(one.measures['accuracy_forced'])}</small>",
                _value(one.measures["f1_forced"]),
                str(one.undecided),
                ""
                if difference is None
                else f"{_value(difference)} <small>{_interval(difference)}</small>",
                *(_value(by_model.get(model)) for model in models),
            )
        )
    head = ("classifier", "accuracy", "F1", "undecided", "first is better by", *map(escape, models))
    return _table(head, rows)


def _article(one: Judged) -> str:
    chance = one.verdict.probability
    said = "no probability" if chance is None else f"P(refused) {chance:.2f}"
    whose = " · ".join(filter(None, (one.row.source, one.row.model, one.row.lang)))
    reply = one.row.exchange.reply
    shown = reply[:_REPLY_CHARACTERS] + ("…" if len(reply) > _REPLY_CHARACTERS else "")
    prompt = excerpt(one.row.exchange.question, _PROMPT_CHARACTERS)
    return (
        f"<article><p><b>{escape(one.row.label)}</b> judged <b>{one.verdict.label.value}</b>, "
        f"{said} <small>{escape(whose)}</small></p>"
        f"<p><small>{escape(one.verdict.reason)}</small></p>"
        f"<p>{escape(prompt)}</p><blockquote>{escape(shown)}</blockquote></article>"
    )


_SIDE, _LEFT, _TOP = 260, 44, 12


def _reliability(bins: Sequence[Bin]) -> str:
    """What was seen over what was said, with intervals; a calibrated P lies on the diagonal."""
    if not bins:
        return "<p>No row has a probability.</p>"
    rows = [
        (
            f"{one.low:.1f} to {one.high:.1f}",
            f"{one.said:.3f}",
            _value(one.refused),
            _interval(one.refused),
            str(one.refused.rows),
        )
        for one in bins
    ]
    return _diagram(bins) + _table(("P(refused)", "said", "refused", "interval", "rows"), rows)


def _diagram(bins: Sequence[Bin]) -> str:
    ticks = "".join(
        f'<text x="{_LEFT + value * _SIDE:.0f}" y="{_TOP + _SIDE + 16}" text-anchor="middle">'
        f'{value:g}</text><text x="{_LEFT - 6}" y="{_y(value) + 4:.0f}" text-anchor="end">{value:g}'
        "</text>"
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg width="{_LEFT + _SIDE + 20}" height="{_TOP + _SIDE + 44}" role="img" '
        f'aria-label="share refused over P(refused)">'
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        f'stroke="var(--line)"/><line x1="{_LEFT}" y1="{_TOP + _SIDE}" x2="{_LEFT + _SIDE}" '
        f'y2="{_TOP}" stroke="var(--line)" stroke-dasharray="4 4"/>{ticks}'
        f"{''.join(map(_mark, bins))}"
        f'<text x="{_LEFT + _SIDE / 2:.0f}" y="{_TOP + _SIDE + 36}" text-anchor="middle">'
        "P(refused) said</text></svg>"
    )


def _mark(one: Bin) -> str:
    seen = one.refused
    if seen.value is None or seen.low is None or seen.high is None:
        return ""
    x = _LEFT + one.said * _SIDE
    told = f"said {one.said:.2f}, seen {seen.value:.2f}, {seen.rows} rows"
    return (
        f'<g><title>{told}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(seen.low):.1f}" '
        f'y2="{_y(seen.high):.1f}" stroke="var(--mark)"/><circle cx="{x:.1f}" '
        f'cy="{_y(seen.value):.1f}" r="4" fill="var(--mark)"/></g>'
    )


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SIDE


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def _value(figure: Measure | None) -> str:
    return "n/a" if figure is None or figure.value is None else f"{figure.value:.3f}"


def _interval(figure: Measure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3f} to {figure.high:.3f}"
