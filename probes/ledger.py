"""What a run's trials cost, which were kept replies, and who said that they answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from classifiers.exchange import Usage
from classifiers.wire.text import one_line
from probes.budget import BYTES_PER_TOKEN, estimated
from probes.trial import Trial

_NAMES_KEPT = 100
OTHER_NAMES = "(others)"


class Ledger:
    """Grows as trials come.

    ``usd`` sums the costs that are known of ``priced`` trials; ``uncounted`` replies came without
    a count of their tokens. ``models`` counts replies by the model's name in them.
    """

    def __init__(self) -> None:
        self.usd = 0.0
        self.priced = self.uncounted = self.cached = 0
        self.models: Counter[str] = Counter()
        self._unpriced = Usage(0, 0)

    def add(self, trial: Trial) -> None:
        """Count one trial."""
        if trial.cost_usd is not None:
            self.usd += trial.cost_usd
            self.priced += 1
        elif isinstance(trial.input_tokens, int):
            self._owe(Usage(trial.input_tokens, trial.output_tokens or 0))
        elif trial.reply or trial.reasoning:
            self.uncounted += 1
            asked = len(json.dumps(trial.case.prompt))
            self._owe(estimated(asked, f"{trial.reply}{trial.reasoning}"))
        self.cached += trial.cached
        if trial.model:
            known = trial.model in self.models or len(self.models) < _NAMES_KEPT
            self.models[trial.model if known else OTHER_NAMES] += 1

    def unpriced(self, request_bytes: int) -> Usage:
        """The tokens of the trials whose cost is not known, by their length where nobody counted.

        ``request_bytes`` is what a request holds beside its prompt.
        """
        beside = self.uncounted * (request_bytes // BYTES_PER_TOKEN)
        return Usage(self._unpriced.input_tokens + beside, self._unpriced.output_tokens)

    def _owe(self, more: Usage) -> None:
        owed = self._unpriced
        self._unpriced = Usage(
            owed.input_tokens + more.input_tokens, owed.output_tokens + more.output_tokens
        )


def notes(ledger: Ledger, *, asked_for: str, pinned: bool, priced: bool = False) -> list[str]:
    """What a reader of the rates should know of the replies, a line each.

    ``asked_for`` is the model that was asked for; ``pinned`` says that this is only a gateway's
    name for it, so that any one name may answer; ``priced``, that a cost was to be counted.
    """
    found = strangers(ledger.models, asked_for=asked_for, pinned=pinned)
    if ledger.cached:
        found.append(f"{ledger.cached:,} replies were kept from earlier runs: no model was asked")
    if ledger.priced:
        unsure = f"; replies without a count of tokens: {ledger.uncounted:,}"
        known = f"cost ${ledger.usd:,.4f} over {ledger.priced:,} trials"
        found.append(known + (unsure if ledger.uncounted else ""))
    elif priced and ledger.uncounted:
        found.append(
            f"the cost is not known: {ledger.uncounted:,} replies came without a count of tokens"
        )
    return found


def strangers(models: Mapping[str, int], *, asked_for: str, pinned: bool) -> list[str]:
    """A line on the replies that carry another model's name; none where all carry the right one.

    ``models`` counts replies by the name in them; the rest is as for ``notes``.
    """
    others = {name: count for name, count in models.items() if not is_version_of(name, asked_for)}
    if not asked_for or not others or (pinned and len(models) < 2):
        return []
    named = sorted(others.items(), key=lambda item: (-item[1], item[0]))[:3]
    shown = ", ".join(f"{one_line(name, 80)} ({count:,})" for name, count in named)
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return [
        f"{sum(others.values()):,} of {sum(models.values()):,} replies carry another model's name "
        f"than {asked_for}: {shown}{more}"
    ]


def is_version_of(name: str, asked_for: str) -> bool:
    """Whether a model's name in a reply is the one that was asked for, or a release of it.

    Providers answer to ``gpt-4o`` as ``gpt-4o-2024-11-20`` and to ``openai/gpt-4o`` as ``gpt-4o``;
    ``gpt-4o-mini`` is another model, so what follows the name must begin with a digit or with the
    word ``latest``.
    """
    given, asked = (text.lower().rpartition("/")[2] for text in (name, asked_for))
    if given == asked or given == asked.removesuffix("-latest"):
        return True
    stem = asked.removesuffix("-latest")
    rest = given.removeprefix(stem)
    return rest != given and rest[:1] in "-@:." and (rest[1:2].isdigit() or rest[1:] == "latest")
