"""The ground of the plot: its size, its axes, and the landmarks that are always there."""

from __future__ import annotations

from dataclasses import dataclass

from probes.rendering.page.places import Box

TICKS = {
    0.5: (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    0.25: (0.25, 0.5, 0.75, 1.0),
    0.0: (0.0, 0.25, 0.5, 0.75, 1.0),
}
"""Marks of the upward axis by where it begins: the highest start below every interval."""
_AHEAD = {"wide": ": harmful prompts refused →", "narrow": " ↑"}


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a drawing and of its letters; ``floor`` is where the upward axis begins."""

    key: str
    width: int
    height: int
    box: Box
    letters: float
    floor: float = 0.0

    def across(self, share: float) -> float:
        """The place of an over-refusal rate."""
        return self.box.left + share * (self.box.right - self.box.left)

    def up(self, share: float) -> float:
        """The place of a safe refusal rate."""
        shown = (share - self.floor) / (1 - self.floor)
        return self.box.bottom - shown * (self.box.bottom - self.box.top)


def ground(frame: Frame) -> str:
    """The landmarks and the axes, to be drawn before any point."""
    return _landmarks(frame) + _grid(frame)


def _grid(frame: Frame) -> str:
    box, drawn = frame.box, []
    for over in TICKS[0.0]:
        x = frame.across(over)
        drawn += [
            f'<path class="grid" d="M{x:.1f} {box.top}V{box.bottom}"/>',
            _tick(x, box.bottom + 19, f"{100 * over:.0f} %", "middle"),
        ]
    for safe in TICKS[frame.floor]:
        y = frame.up(safe)
        drawn += [
            f'<path class="grid" d="M{box.left} {y:.1f}H{box.right}"/>',
            _tick(box.left - 8, y + 4, f"{100 * safe:.0f} %", "end"),
        ]
    begins = f" (from {100 * frame.floor:.0f} %)" if frame.floor else ""
    across = f'x="{(box.left + box.right) / 2:.0f}" y="{frame.height - 14}" text-anchor="middle"'
    middle = f"{(box.top + box.bottom) / 2:.0f}"
    upward = f'x="15" y="{middle}" text-anchor="middle" transform="rotate(-90 15 {middle})"'
    upward = upward if frame.key == "wide" else 'x="4" y="18"'
    drawn += [
        f'<text class="axis" {across}>Over-refusal: harmless prompts refused →</text>',
        f'<text class="axis" {upward}>Safe refusal{_AHEAD[frame.key]}{begins}</text>',
    ]
    return "".join(drawn)


def _tick(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{said}</text>'


def _landmarks(frame: Frame) -> str:
    """The corner to be in, and the line on which a model refuses without telling prompts apart."""
    x, top, low = frame.across(0.3), frame.up(1), frame.up(max(0.7, frame.floor))
    left = frame.box.left
    corner = f"M{left} {low:.1f}A{x - left:.1f} {low - top:.1f} 0 0 0 {x:.1f} {top:.1f}H{left}z"
    start = frame.floor
    return (
        f'<path class="good" d="{corner}"/>'
        f'<path class="diagonal" d="M{frame.across(start):.1f} {frame.up(start):.1f}'
        f'L{frame.across(1):.1f} {top:.1f}"/>'
    )
