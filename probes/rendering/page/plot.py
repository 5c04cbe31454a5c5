"""The frontier as inline SVG: over-refusal across, safe refusal up, intervals as crosses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probes.frontier import FrontierPoint
from probes.published import Published, PublishedModel, Release
from probes.rates import Rate
from probes.rendering.figures import counts
from probes.rendering.page.frame import TICKS, Frame, ground
from probes.rendering.page.marks import mark
from probes.rendering.page.markup import SERIES, bracket, percent, text
from probes.rendering.page.places import Box, Name, Place, places

_NAME_LIMIT = 30
_ARROW_FROM = 26.0
"""Units between two marks from which on an arrow fits between them."""
_NARROW_HOLDS = 10
"""Points whose names a narrow drawing has room for; those of more are shown on touch."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A point to be drawn: both rates measured, with its name and its look."""

    name: str
    over: Rate
    safe: Rate
    kind: str
    shape: int

    @property
    def x(self) -> float:
        """Its over-refusal rate."""
        return self.over.value or 0.0

    @property
    def y(self) -> float:
        """Its safe refusal rate."""
        return self.safe.value or 0.0

    def told(self) -> str:
        """The point in words, for a tooltip and for who does not see it."""
        return "; ".join(
            (self.name, _told("over-refusal", self.over), _told("safe refusal", self.safe))
        )


@dataclass(frozen=True, slots=True)
class Move:
    """Where a target stood in an earlier run, and where it stands now."""

    before: Dot
    now: Dot


def own_dots(points: Sequence[FrontierPoint]) -> list[Dot]:
    """The points that have both rates; each keeps the colour and shape of its place in the list."""
    return [
        Dot(point.title, over, safe, f"own series-{index % SERIES}", index % 4)
        for index, point in enumerate(points)
        if (over := point.over_refusal) is not None
        and (safe := point.safe_refusal) is not None
        and over.value is not None
        and safe.value is not None
    ]


def published_dots(published: Published) -> list[Dot]:
    """The published models: circles for June 2024, diamonds for today's release."""
    return [_published_dot(model) for model in published.models]


def _published_dot(model: PublishedModel) -> Dot:
    current = model.release is Release.CURRENT
    name = f"{model.name} †" if current else model.name
    shape = 2 if current else 0
    return Dot(name, model.over_refusal, model.safe_refusal, f"past {model.release}", shape)


def plot(own: Sequence[Dot], past: Sequence[Dot], moves: Sequence[Move] = ()) -> str:
    """The drawing for wide pages and the one for narrow ones; style shows one of them.

    The names of ``own`` stand beside their points. Those of ``past`` are shown on hover, unless
    nothing else is drawn. An arrow leads from where a target stood before to where it stands.
    """
    floor = _floor([*own, *past, *(move.before for move in moves)])
    room = 0 if own else 70  # above the plot, for the names of those that refuse nearly everything
    wide = Frame("wide", 760, 540 + room, Box(76, 26 + room, 734, 482 + room), 13.5, floor=floor)
    narrow = Frame("narrow", 372, 412, Box(48, 40, 352, 360), 12.0, floor=floor)
    return "".join(_drawing(frame, own, past, moves) for frame in (wide, narrow))


def _floor(dots: Iterable[Dot]) -> float:
    lowest = min((dot.safe.low for dot in dots if dot.safe.low is not None), default=0.0)
    return next((floor for floor in TICKS if lowest > floor), 0.0)


def _drawing(frame: Frame, own: Sequence[Dot], past: Sequence[Dot], moves: Sequence[Move]) -> str:
    named = own or past
    top = 2 if frame.key == "wide" else 24
    bounds = Box(frame.box.left + 2, top, frame.width - 2, frame.box.bottom - 2)
    asked = [_name(frame, dot) for dot in named]
    crowded = frame.key == "narrow" and len(named) > _NARROW_HOLDS
    found = [None] * len(named) if crowded else places(asked, bounds, mark=7 if own else 4)
    drawn = [_point(frame, dot, None, quiet=True) for dot in (past if own else ())]
    drawn += [_moved(frame, move) for move in moves]
    drawn += [
        _point(frame, dot, place, quiet=False) for dot, place in zip(named, found, strict=True)
    ]
    title = f"Over-refusal against safe refusal: {len(named)} points"
    told = f'role="group" aria-label="{title}"'
    return (
        f'<svg class="plot {frame.key}" viewBox="0 0 {frame.width} {frame.height}" {told}>'
        f"{ground(frame)}{''.join(drawn)}</svg>"
    )


def _name(frame: Frame, dot: Dot) -> Name:
    own = "own" in dot.kind
    letters = frame.letters if own else 11
    width = (0.64 if own else 0.58) * letters * len(_short(dot.name)) + 6
    return Name(frame.across(dot.x), frame.up(dot.y), width, letters * 1.3)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LIMIT else f"{name[: _NAME_LIMIT - 1]}…"


def _point(frame: Frame, dot: Dot, place: Place | None, *, quiet: bool) -> str:
    x, y = frame.across(dot.x), frame.up(dot.y)
    told = text(dot.told())
    parts = [f"<title>{told}</title>"]
    parts += [] if quiet else [_cross(frame, dot)]
    parts += [mark(dot.shape, x, y, size=4.2 if "past" in dot.kind else 7)]
    if place is not None:
        parts += [_leader(place, x, y)] if place.led else []
        parts += [_placed(place, x, _short(dot.name))]
    else:
        left = dot.x > 0.6
        side = "end" if left else "start"
        parts += [_label(x - 9 if left else x + 9, y - 7, _short(dot.name), side, late=True)]
    focus = "" if quiet else ' tabindex="0"'
    return f'<g class="point {dot.kind}" role="img" aria-label="{told}"{focus}>{"".join(parts)}</g>'


def _placed(place: Place, x: float, name: str) -> str:
    """The name, held at the end that is nearer to its point: letters are never quite as wide."""
    box, y = place.box, place.box.bottom - 4
    if box.left >= x:
        return _label(box.left + 2, y, name, "start")
    if box.right <= x:
        return _label(box.right - 2, y, name, "end")
    return _label((box.left + box.right) / 2, y, name, "middle")


def _moved(frame: Frame, move: Move) -> str:
    """A hollow mark, and a line that ends short of the other with an arrowhead."""
    start = (frame.across(move.before.x), frame.up(move.before.y))
    end = (frame.across(move.now.x), frame.up(move.now.y))
    far, angle = math.dist(start, end), math.atan2(end[1] - start[1], end[0] - start[0])
    line = ""
    if far > _ARROW_FROM:
        (x0, y0), (x, y) = _along(start, angle, 8), _along(start, angle, far - 12)
        wings = (_along((x, y), angle + turn, 8) for turn in (2.6, -2.6))
        heads = "".join(f"M{left:.1f} {top:.1f}L{x:.1f} {y:.1f}" for left, top in wings)
        line = f'<path class="arrow" d="M{x0:.1f} {y0:.1f}L{x:.1f} {y:.1f}{heads}"/>'
    return line + _point(frame, move.before, None, quiet=False)


def _along(point: tuple[float, float], angle: float, far: float) -> tuple[float, float]:
    return (point[0] + far * math.cos(angle), point[1] + far * math.sin(angle))


def _label(x: float, y: float, name: str, anchor: str, *, late: bool = False) -> str:
    kind = "name late" if late else "name"
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(name)}</text>'
    )


def _leader(place: Place, x: float, y: float) -> str:
    end = place.end((x, y))
    return f'<path class="leader" d="M{x:.1f} {y:.1f}L{end[0]:.1f} {end[1]:.1f}"/>'


def _cross(frame: Frame, dot: Dot) -> str:
    ends = (dot.over.low, dot.over.high, dot.safe.low, dot.safe.high)
    if any(end is None for end in ends):
        return ""
    x, y = frame.across(dot.x), frame.up(dot.y)
    left, right = frame.across(dot.over.low or 0.0), frame.across(dot.over.high or 0.0)
    low, high = frame.up(dot.safe.low or 0.0), frame.up(dot.safe.high or 0.0)
    drawn = f"M{left:.1f} {y:.1f}H{right:.1f}M{x:.1f} {low:.1f}V{high:.1f}"
    drawn += f"M{left:.1f} {y - 4:.1f}v8M{right:.1f} {y - 4:.1f}v8"
    drawn += f"M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"
    return f'<path class="cross" d="{drawn}"/>'


def _told(name: str, rate: Rate) -> str:
    return f"{name} {percent(rate.value)} {bracket(rate.low, rate.high)}, {counts(rate)}"
