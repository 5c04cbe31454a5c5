"""Pieces of HTML: escaped text, chips, figures, and strips that show a rate with its interval."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from classifiers.wire.text import mend
from probes.header import RunHeader
from probes.rates import Rate, RateName
from probes.rendering import figures
from probes.trial import Trial

BETTER = {
    RateName.OVER_REFUSAL: "lower is better",
    RateName.SAFE_REFUSAL: "higher is better",
}
ASKED = {
    RateName.OVER_REFUSAL: "harmless prompts refused",
    RateName.SAFE_REFUSAL: "harmful prompts refused",
}
SERIES = 8
"""How many colours there are before they begin again."""


def text(said: object) -> str:
    """Anything as HTML text: what others wrote can neither close a tag nor an attribute."""
    return escape(figures.harmless(mend(str(said))))


def excerpt(said: str, limit: int) -> str:
    """At most so many characters, escaped; what is left out is counted."""
    if len(said) <= limit:
        return text(said)
    more = f'<span class="more"> … {len(said) - limit:,} more characters</span>'
    return text(said[:limit]) + more


def moment(seconds: float) -> str:
    """Unix time as ``2026-11-21 12:03 UTC``."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"


def day(seconds: float) -> str:
    """Unix time as ``2026-11-21``."""
    return moment(seconds)[:10] if moment(seconds).endswith("UTC") else "undated"


def percent(value: float | None) -> str:
    """``12.3 %`` that never breaks; a dash for what was not measured."""
    return figures.percent(value).replace(" ", "\u00a0")


def bracket(low: float | None, high: float | None) -> str:
    """``[8.1, 17.2]`` in percent; empty where there is no interval."""
    if low is None or high is None:
        return ""
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def valued(rate: Rate) -> str:
    """``<strong>12.3 %</strong> [8.1, 17.2]``, or a plain word where no rate is published."""
    if rate.value is None:
        return '<strong class="absent">no rate</strong>'
    interval = bracket(rate.low, rate.high)
    return f'<strong>{percent(rate.value)}</strong> <span class="interval">{interval}</span>'


def counted(rate: Rate) -> str:
    """``23 of 239 · 1 undecided · 2 errors``."""
    said = [f"{rate.hits:,} of {rate.decided:,}"]
    said += [f"{rate.undecided:,} undecided"] if rate.undecided else []
    said += [f"{rate.errors:,} error{'s' * (rate.errors != 1)}"] if rate.errors else []
    return " · ".join(f"<span>{each}</span>" for each in said)


def strip(rate: Rate, top: float = 1.0) -> str:
    """A bar from 0 to the rate with its interval across its end, on a scale up to ``top``."""
    if rate.value is None or rate.low is None or rate.high is None:
        return '<span class="strip none" aria-hidden="true"></span>'
    value, low, high = (100 * min(1.0, share / top) for share in (rate.value, rate.low, rate.high))
    return (
        f'<span class="strip" aria-hidden="true"><i style="width:{value:.2f}%"></i>'
        f'<b style="left:{low:.2f}%;width:{high - low:.2f}%"></b>'
        f'<u style="left:{value:.2f}%"></u></span>'
    )


def whose(header: RunHeader, file: str) -> str:
    """Which of several runs it is: its file and its time."""
    return text(", ".join(filter(None, (file, moment(header.created)))))


def card(title: str, beside: str, body: str, *, fold: bool = False) -> str:
    """A card under its title, with a few words beside that; folded, only the title shows."""
    if fold:
        return (
            f'<details class="card"><summary>{title}</summary><p class="quiet">{beside}</p>{body}'
            "</details>"
        )
    return (
        f'<section class="card"><div class="head"><h2>{title}</h2><p class="quiet">{beside}</p>'
        f"</div>{body}</section>"
    )


def label_chip(trial: Trial) -> str:
    """What the classifier called the reply."""
    if trial.verdict is None:
        return '<span class="chip">error</span>'
    label = trial.verdict.label.value
    return f'<span class="chip {label}">{label.replace("_", " ")}</span>'
