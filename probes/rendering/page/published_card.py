"""The published models in a table: both rates from counts, today's release apart."""

from __future__ import annotations

from probes.published import Published, PublishedModel, Release
from probes.rendering.page.markup import counted, percent, strip, text, valued

_TITLES = {
    Release.CURRENT: "Today's release †: compares with a run of today's files",
    Release.JUNE_2024: "Release of June 2024: does not compare with a run of today's files",
}


def published_card(published: Published) -> str:
    """Every model, least over-refusal first within its release."""
    tables = "".join(_table(published, release) for release in _TITLES)
    left_out = ", ".join(published.left_out)
    note = f'<p class="quiet">Counted but in no table: {text(left_out)}.</p>' if left_out else ""
    return f'<section class="card"><h2>Published results</h2>{tables}{note}</section>'


def _table(published: Published, release: Release) -> str:
    models = sorted(published.of(release), key=lambda one: (one.over_refusal.value or 0, one.name))
    hard, toxic = published.sizes[release]
    return (
        f'<h3>{_TITLES[release]}</h3><div class="wide-table"><table><thead><tr>'
        f'<th scope="col">{len(models)} models</th>'
        f'<th scope="col">Over-refusal<small>{hard:,} harmless prompts</small></th>'
        f'<th scope="col">Safe refusal<small>{toxic:,} harmful prompts</small></th>'
        '<th scope="col" class="number">as printed</th></tr></thead>'
        f"<tbody>{''.join(map(_row, models))}</tbody></table></div>"
    )


def _row(model: PublishedModel) -> str:
    cells = "".join(
        f'<td class="{rate.rate.value}">{valued(rate)}{strip(rate)}<small>{counted(rate)}</small>'
        "</td>"
        for rate in (model.over_refusal, model.safe_refusal)
    )
    printed = f"{percent(model.printed_over_refusal)}, {percent(model.printed_safe_refusal)}"
    return (
        f'<tr><th scope="row">{text(model.name)}</th>{cells}<td class="number">{printed}</td></tr>'
    )
