"""The PromQL of the dashboards: windows, ratios and intervals over declared metrics."""

from __future__ import annotations

from gateway.metrics import DECLARED

_NAMES = frozenset(declared.name for declared in DECLARED)
WINDOW = "$__rate_interval"
Z = 1.959964
"""The normal quantile of a 95 % interval."""
REFUSED = "direct_refusal|indirect_refusal|partial_refusal"


def series(name: str, *matchers: str) -> str:
    """A selector of the chosen deployments; raises KeyError for a metric that nobody declared.

    A histogram goes by its name; ``_bucket`` is added by ``quantile``.
    """
    if name not in _NAMES:
        raise KeyError(f"{name} is not declared in gateway/metrics.py")
    labels = next(declared.labels for declared in DECLARED if declared.name == name)
    chosen = ['deployment=~"$deployment"'] if "deployment" in labels else []
    inside = ", ".join([*chosen, *matchers])
    return f"{name}{{{inside}}}" if inside else name


def per_second(selector: str, *by: str) -> str:
    """How often per second, summed by labels."""
    return f"sum by ({', '.join(by)}) (rate({selector}[{WINDOW}]))"


def within(selector: str, window: str, *by: str) -> str:
    """How many in a window, summed by labels."""
    return f"sum by ({', '.join(by)}) (increase({selector}[{window}]))"


def quantile(share: float, name: str, *by: str) -> str:
    """A quantile of a declared histogram over the rate interval."""
    bucket = series(name).replace(name, f"{name}_bucket", 1)
    return f"histogram_quantile({share}, {per_second(bucket, 'le', *by)})"


def ratio(hits: str, decided: str) -> str:
    """Hits over decided; absent, not NaN, where nothing was decided."""
    return f"({hits}) / ({decided} > 0)"


def wilson(hits: str, decided: str, *, high: bool) -> str:
    """One bound of the 95 % Wilson interval (Wilson 1927), in its form for counts:
    (x + z²/2 ± z·sqrt(x(n-x)/n + z²/4)) / (n + z²).
    """
    n, x, sign = f"({decided} > 0)", f"({hits})", "+" if high else "-"
    spread = f"{Z} * sqrt(clamp_min({x} * ({n} - {x}) / {n}, 0) + {Z**2 / 4:.6f})"
    return f"({x} + {Z**2 / 2:.6f} {sign} {spread}) / ({n} + {Z**2:.6f})"
