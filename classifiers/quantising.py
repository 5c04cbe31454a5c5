"""int8 with constant scales: what makes a batch's rows independent of each other, to the bit.

Activations are uint8 with one scale and zero point per matrix product, fixed when the graph is
written. A few channels are ten times as large as the rest, in every text; each is divided by a
factor of its own beforehand and its weights are multiplied by it (SmoothQuant, Xiao et al. 2023,
arXiv:2211.10438, eq. 4), with the exponent that does best on the calibration texts.

Weights are int8 with one scale per output. On CPUs without VNNI the sum of two neighbouring
products saturates beyond 16 bits (vpmaddubsw). Neighbours' magnitudes therefore add up to 128 at
most, 255 x 128 < 2^15, so that every machine reads the same numbers; halving all weights for the
same end (7 bits) doubles the rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifiers.graph import Dense, Floats, Graph, Linear

_EXPONENTS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
_ROWS = 1024
_TOP = 127
_PAIR = 128
_ACTIVATION_LEVELS = 255
_LEAST = 1e-6
_HAIR = 1e-5


@dataclass(slots=True)
class Seen:
    """What a matrix product was given during calibration: range per channel, and some rows."""

    low: Floats
    high: Floats
    rows: list[Floats] = field(default_factory=list)

    def add(self, values: Floats, kept: int) -> None:
        """Take in [tokens, k] values; about ``kept`` of their rows, evenly spaced, are stored."""
        self.low = np.minimum(self.low, values.min(axis=0))
        self.high = np.maximum(self.high, values.max(axis=0))
        self.rows.append(values[:: max(1, len(values) // kept)])

    @classmethod
    def of_width(cls, width: int) -> Seen:
        """Nothing seen yet; zero is always within the range."""
        return cls(np.zeros(width, np.float32), np.zeros(width, np.float32))


@dataclass(frozen=True, slots=True)
class Fixed:
    """A quantised product: uint8(x / factors / scale + zero) times levels, times the scales."""

    levels: NDArray[np.int8]
    level_scale: Floats
    factors: Floats
    scale: np.float32
    zero: np.uint8

    def product(self, values: Floats) -> Floats:
        """What the int8 product of ``values`` [n, k] comes to, as the graph computes it."""
        steps = np.rint(values / self.factors / self.scale) + np.float32(self.zero)
        steps = np.clip(steps, 0, _ACTIVATION_LEVELS) - np.float32(self.zero)
        result = steps @ self.levels.astype(np.float32) * (self.scale * self.level_scale)
        return np.asarray(result, dtype=np.float32)


def fixed(weights: Floats, seen: Seen) -> Fixed:
    """The quantisation of ``weights`` [k, n] with the least squared error on the rows seen."""
    rows = np.concatenate(seen.rows)[:_ROWS]
    truth = rows @ weights
    tried = [_with_exponent(weights, seen, exponent) for exponent in _EXPONENTS]
    return min(tried, key=lambda one: float(np.square(one.product(rows) - truth).sum()))


def fixed_linear(seen: dict[str, Seen]) -> Linear:
    """The linear part of an int8 graph, from what each named product was given."""

    def linear(graph: Graph, value: str, dense: Dense) -> str:
        name = dense.name
        one = fixed(dense.weights, seen[name])
        if (one.factors != 1).any():
            value = graph.add("Mul", [value, graph.constant(f"{name}.f", 1 / one.factors)])
        scale = graph.constant(f"{name}.x", np.asarray(one.scale))
        zero = graph.constant(f"{name}.z", np.asarray(one.zero))
        levels = graph.constant(f"{name}.w", one.levels)
        level_scale = graph.constant(f"{name}.s", one.level_scale)
        bias = graph.constant(f"{name}.b", dense.bias)
        steps = graph.add("QuantizeLinear", [value, scale, zero])
        terms = [steps, levels, scale, level_scale, zero, "", bias]
        return graph.contributed("MatMulIntegerToFloat", terms)

    return linear


def safe_levels(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 levels [k, n] and one scale per output; neighbouring inputs' levels sum to 128 at most.

    Two numbers whose sum is below 128 stay there when they are rounded; the hair's breadth keeps
    fp32 from putting one on the wrong side of a half.
    """
    pairs = np.abs(weights).reshape(len(weights) // 2, 2, -1)
    limit = np.maximum(pairs.sum(axis=1) / _PAIR, pairs.max(axis=1) / _TOP).max(axis=0)
    scale = np.maximum(limit * (1 + _HAIR), _LEAST).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def _with_exponent(weights: Floats, seen: Seen, exponent: float) -> Fixed:
    factors = np.ones(len(weights), np.float32)
    if exponent:
        largest = np.maximum(np.abs(seen.low), seen.high) + _LEAST
        ratio = largest**exponent / (np.abs(weights).max(axis=1) + _LEAST) ** (1 - exponent)
        # Powers of two: exact, and the same on machines whose fp32 sums differ in a last digit.
        factors = np.exp2(np.rint(np.log2(ratio) - np.log2(ratio).mean())).astype(np.float32)
    levels, level_scale = safe_levels(weights * factors[:, None])
    low, high = (seen.low / factors).min(), (seen.high / factors).max()
    scale = _coarse(max(float(high - low), _LEAST) / _ACTIVATION_LEVELS)
    zero = np.uint8(np.clip(round(-float(low) / scale), 0, _ACTIVATION_LEVELS))
    return Fixed(levels, level_scale, factors, np.float32(scale), zero)


def _coarse(value: float) -> float:
    """Rounded up to eight binary digits, for the same reason as the powers of two."""
    mantissa, exponent = np.frexp(value)
    return float(np.ldexp(np.ceil(mantissa * 256) / 256, int(exponent)))
