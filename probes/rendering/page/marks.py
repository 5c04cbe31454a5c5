"""The marks of points: colour alone would not do, so the shape tells targets apart as well."""

from __future__ import annotations

from probes.published import Release
from probes.rendering.page.markup import SERIES


def mark(shape: int, x: float, y: float, *, size: float) -> str:
    """A circle, a square, a diamond or a triangle around a place."""
    if shape == 0:
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
    if shape == 1:
        half = 0.92 * size
        corner = f'x="{x - half:.1f}" y="{y - half:.1f}"'
        return (
            f'<rect class="mark" {corner} width="{2 * half:.1f}" height="{2 * half:.1f}" rx="1.5"/>'
        )
    reach = 1.28 * size
    drawn = (
        f"M{x:.1f} {y - reach:.1f}l{reach:.1f} {reach:.1f}l-{reach:.1f} {reach:.1f}"
        f"l-{reach:.1f} -{reach:.1f}z"
        if shape == 2
        else f"M{x:.1f} {y - 1.2 * size:.1f}l{reach:.1f} {2.2 * size:.1f}h-{2 * reach:.1f}z"
    )
    return f'<path class="mark" d="{drawn}"/>'


def symbol(index: int) -> str:
    """The mark of the point of that place in the list, for a legend."""
    drawn = mark(index % 4, 11, 11, size=7)
    return (
        f'<svg class="symbol series-{index % SERIES}" viewBox="0 0 22 22" width="16" height="16" '
        f'aria-hidden="true">{drawn}</svg>'
    )


def past_symbol(release: Release) -> str:
    """The mark of published models of the release, for a legend."""
    drawn = mark(2 if release is Release.CURRENT else 0, 11, 11, size=5.5)
    return (
        f'<svg class="symbol past {release}" viewBox="0 0 22 22" width="16" height="16" '
        f'aria-hidden="true">{drawn}</svg>'
    )
