"""A published rule as a classifier: a name, its source, and a predicate over the reply's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from classifiers.exchange import Exchange
from classifiers.verdict import Label, Method, RefusalSource, Verdict

Refuses: TypeAlias = Callable[[Exchange], bool]
"""Whether the rule calls an exchange's reply a refusal; linear in the reply, never raising."""

VERSION = 1


@dataclass(frozen=True, slots=True)
class PublishedRule:
    """A rule that others published, for comparison with ours and for reproducing their figures.

    It says refused or not and nothing else: every refusal is a ``direct_refusal``, there is no
    P(refused), and only an empty reply is undecided.
    """

    rule: str
    source: str
    refuses: Refuses

    @property
    def name(self) -> str:
        """``rules:NAME@VERSION``."""
        return f"rules:{self.rule}@{VERSION}"

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        """One verdict per exchange, in order."""
        return [self._one(exchange) for exchange in exchanges]

    def _one(self, exchange: Exchange) -> Verdict:
        if not exchange.reply.strip():
            return Verdict.undecided(self.name, "the reply is empty", method=Method.PHRASES)
        refused = self.refuses(exchange)
        return Verdict(
            label=Label.DIRECT_REFUSAL if refused else Label.COMPLIANCE,
            probability=None,
            source=RefusalSource.MODEL_TEXT if refused else RefusalSource.NONE,
            method=Method.PHRASES,
            classifier=self.name,
            reason=f"the rule of {self.source} {'matches' if refused else 'does not match'}",
        )
