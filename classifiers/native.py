"""Refusals that the provider stated outright: the first stage, and the only one that is certain."""

from __future__ import annotations

from collections.abc import Sequence

from classifiers.exchange import Exchange, NativeSignal
from classifiers.normalise import normalise
from classifiers.phrases import opens_with_refusal
from classifiers.verdict import Label, Method, RefusalSource, Verdict

PARTIAL_FROM = 120
"""Characters of answer beside the signal from which the refusal counts as partial: more than an
apology, a lead-in or a broken-off first sentence takes. Chinese, Japanese and Korean ones, which
say about twice as much, count twice."""

_DENSE_FROM = "\u1100"

_RANKS = {
    RefusalSource.NATIVE_REFUSAL: 0,
    RefusalSource.GATEWAY_GUARDRAIL: 1,
    RefusalSource.PROVIDER_FILTER: 2,
}


class NativeClassifier:
    """Reads signals, never text: an exchange without a signal is undecided here."""

    name = "native@1"

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        """A refusal for each exchange with a native signal, else undecided."""
        return [self._one(exchange) for exchange in exchanges]

    def _one(self, exchange: Exchange) -> Verdict:
        if not exchange.signals:
            return Verdict.undecided(self.name, "no native signal", method=Method.NATIVE)
        signal = min(exchange.signals, key=lambda found: _RANKS.get(found.source, 9))
        reason = f"{signal.kind}: {signal.detail}" if signal.detail else signal.kind
        return Verdict(
            label=_label(exchange, signal),
            probability=1.0,
            source=signal.source,
            method=Method.NATIVE,
            classifier=self.name,
            reason=reason[:200],
        )


def _label(exchange: Exchange, signal: NativeSignal) -> Label:
    """Partial where a good part of an answer came too, unless that text is the refusal itself."""
    text = normalise(exchange.reply[:4000])
    size = len(text) + sum(letter >= _DENSE_FROM for letter in text[:PARTIAL_FROM])
    if size < PARTIAL_FROM or opens_with_refusal(text) or text[:100] == signal.detail[:100]:
        return Label.DIRECT_REFUSAL
    return Label.PARTIAL_REFUSAL
