"""Where the names of points go so that none lies on another name or on a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]

_ANGLES = (0, 180, -32, 32, -148, 148, -90, 90, -60, 60, -120, 120, -75, 75, -105, 105, -15, 15)
"""Degrees around a point, those first that read best; negative is upward."""
_DISTANCES = (12.0, 26.0, 40.0, 56.0, 74.0, 94.0, 116.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the plot, in its units."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, point: Point) -> bool:
        """Whether the point lies in it."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def within(self, other: Box) -> bool:
        """Whether it lies inside the other."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


@dataclass(frozen=True, slots=True)
class Name:
    """A name of that size to be put near the point (x, y)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands; ``led`` says that it is so far off that a line should lead to it."""

    box: Box
    led: bool

    def end(self, point: Point) -> Point:
        """Where a line from the point meets the name."""
        x = min(max(point[0], self.box.left), self.box.right)
        middle = (self.box.top + self.box.bottom) / 2
        beside = x in (self.box.left, self.box.right)
        edge = self.box.bottom if middle < point[1] else self.box.top
        return (x, middle if beside else edge)


def places(names: Sequence[Name], bounds: Box, *, mark: float = 8.0) -> list[Place | None]:
    """A place for each name, in the order given; None where none is free within reach.

    Greedy, from the most crowded point on: there choices are fewest. A place costs its distance,
    and more where its line would cross another, a name or a point. ``mark`` is half the size of a
    point's mark. The same names always get the same places.
    """
    marks = [Box(one.x - mark, one.y - mark, one.x + mark, one.y + mark) for one in names]
    ground = _Ground(marks, bounds)
    found: list[Place | None] = [None] * len(names)
    for index in sorted(range(len(names)), key=lambda index: _crowding(names, index)):
        name = names[index]
        free = [place for place in _candidates(name) if ground.is_free(place.box)]
        if free:
            best = min(free, key=lambda place: ground.cost(place, (name.x, name.y)))
            found[index] = best
            ground.take(best, (name.x, name.y))
    return found


_CROSSING, _COVERING = 90.0, 60.0
"""What it costs, in the plot's units, to cross a line, and to pass over a name or a point."""


@dataclass(slots=True)
class _Ground:
    """What the names placed so far leave free."""

    marks: list[Box]
    bounds: Box
    taken: list[Box] = field(default_factory=list)
    lines: list[tuple[Point, Point]] = field(default_factory=list)

    def is_free(self, box: Box) -> bool:
        return box.within(self.bounds) and not any(map(box.meets, (*self.taken, *self.marks)))

    def take(self, place: Place, point: Point) -> None:
        self.taken.append(place.box)
        if place.led:
            self.lines.append((point, place.end(point)))

    def cost(self, place: Place, point: Point) -> float:
        under = sum(_passes(line, place.box) for line in self.lines)
        if not place.led:
            return _COVERING * under
        line = (point, place.end(point))
        crossed = sum(_cross(line, other) for other in self.lines)
        others = [box for box in self.marks if not box.holds(point)]
        over = sum(_passes(line, box) for box in (*self.taken, *others))
        return math.dist(*line) + 10 + _CROSSING * crossed + _COVERING * (over + under)


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two line segments cross."""
    (a, b), (c, d) = one, other
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _passes(line: tuple[Point, Point], box: Box) -> bool:
    """Whether a line passes through a box: it crosses one of its diagonals or ends in it."""
    falling = ((box.left, box.top), (box.right, box.bottom))
    rising = ((box.left, box.bottom), (box.right, box.top))
    return _cross(line, falling) or _cross(line, rising) or box.holds(line[0])


def _crowding(names: Sequence[Name], index: int) -> float:
    own = names[index]
    near = sum(math.hypot(own.x - one.x, own.y - one.y) < own.width for one in names)
    return -near


def _candidates(name: Name) -> Iterator[Place]:
    for step, distance in enumerate(_DISTANCES):
        for angle in _ANGLES:
            x = name.x + distance * math.cos(math.radians(angle))
            y = name.y + distance * math.sin(math.radians(angle))
            upright = abs(angle) == 90
            left = x - name.width / 2 if upright else x if abs(angle) < 90 else x - name.width
            top = y - name.height / 2
            yield Place(Box(left, top, left + name.width, top + name.height), led=step > 0)
