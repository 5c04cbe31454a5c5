"""A report as one self-contained HTML page: no script, no network, light and dark."""

from __future__ import annotations

from probes.published import shipped
from probes.rendering.page.changes_card import changes_card, samples_card
from probes.rendering.page.frontier_card import frontier_card
from probes.rendering.page.markup import moment, text
from probes.rendering.page.published_card import published_card
from probes.rendering.page.rates_card import compared_card, estimates_card, rates_card, tiles
from probes.rendering.page.settings_card import settings_card
from probes.rendering.page.style import STYLE
from probes.report import COVERS, Report, RunReport

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if a reply found a way into the markup, nothing would run and nothing would be loaded."""

_UNFOLDED = 3
"""Runs whose categories and settings are open; those of more are folded."""
_NOTES_OPEN = 6

_MARK = (
    '<svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" '
    'height="32" rx="7" fill="#0f766e"/><path d="M9 7v16h16" fill="none" stroke="#fff" '
    'stroke-width="2.4" stroke-linecap="round"/><circle cx="14" cy="12" r="3.2" fill="#fde68a"/>'
    "</svg>"
)


def render_html(report: Report) -> str:
    """The whole page. It holds a bounded number of replies, whatever the size of the runs."""
    published = report.published or shipped()
    title = _title(report)
    several = len(report.runs) > 1
    fold = len(report.runs) > _UNFOLDED
    cards = [
        *_notices(report),
        *(map(tiles, report.runs) if not several else ()),
        frontier_card(report, published),
        *([compared_card(report.runs)] if several else ()),
        *map(changes_card, report.changes),
        *(rates_card(run, named=several, fold=fold) for run in report.runs),
        estimates_card(report.runs),
        *(() if report.published is None else (published_card(report.published),)),
        *map(samples_card, report.runs),
        *(settings_card(run, fold=fold) for run in report.runs),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title} – Candor</title><style>{STYLE}</style></head>\n<body>"
        f'<header><div class="brand">{_MARK}<span><b>Candor</b> refusal report</span></div>'
        f'<h1>{title}</h1><p class="lead">{_lead(report)}</p></header>\n<main>'
        f"{''.join(cards)}</main>\n{_foot(report)}</body></html>\n"
    )


def _title(report: Report) -> str:
    titles = list(dict.fromkeys(run.header.title for run in report.runs))
    if not titles:
        return "OR-Bench, published results"
    return text(", ".join(titles) if len(titles) <= 3 else f"{len(titles)} targets")


def _lead(report: Report) -> str:
    if not report.runs:
        return text(report.published.source if report.published else "")
    trials = sum(run.summary.trials for run in report.runs)
    sets = dict.fromkeys(stamp.name for run in report.runs for stamp in run.header.sets)
    created = [run.header.created for run in report.runs]
    when = dict.fromkeys((moment(min(created)), moment(max(created))))
    judges = dict.fromkeys(run.header.classifier for run in report.runs)
    parts = [", ".join(sets), f"{trials:,} trials", " to ".join(when)]
    return text(" · ".join([*parts, f"judged by {', '.join(judges)}"]))


def _notices(report: Report) -> list[str]:
    """What keeps the figures from being whole; where a rate is withheld, that stands first."""
    named = len(report.runs) > 1
    lines: dict[bool, list[str]] = {True: [], False: []}
    for run in report.runs:
        whose = f"{run.header.title}: " if named else ""
        lines[_withheld(run)] += [whose + note for note in run.notes]
    lines[False] += report.notes if named else ()
    partial = any(run.summary.trials < run.header.planned for run in report.runs)
    grave = "No rate is published where none can be believed."
    return [
        *_notice("grave", lines[True], grave),
        *_notice("warn" if partial else "plain", lines[False], ""),
    ]


def _notice(kind: str, lines: list[str], head: str) -> list[str]:
    if not lines:
        return []
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    said = f"<p><b>{head}</b></p>" if head else ""
    listed = f"<ul>{items}</ul>"
    if len(lines) > _NOTES_OPEN and not head:
        listed = f"<details><summary>{len(lines)} notes</summary>{listed}</details>"
    return [f'<section class="notice {kind}" role="note">{said}{listed}</section>']


def _withheld(run: RunReport) -> bool:
    return any(rate.value is None for rate in run.summary.rates if rate.category is None)


def _foot(report: Report) -> str:
    published = report.published or shipped()
    return (
        f"<footer><p>{COVERS}</p><p>Published results: {text(published.source)}. The paper mixes "
        "two releases of the sets; only the models marked † were asked today's.</p></footer>"
    )
