"""The judge of the scorer: a deployment's own upstream, asked directly.

Its key travels over the scorer's standard input, because arguments and environment of a process
can be read by others. Asked directly and not through the gateway: a judge must not spend what a
client may, nor be mirrored, and the scorer needs no gateway that answers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gateway.config import Settings, Stage

if TYPE_CHECKING:
    from classifiers.judge import JudgeClassifier

SECONDS = 6.0
"""How long one try of a question may take. With two tries, 16 questions at a time and 32 captures a
batch, a judge that is silent holds its batch up for at most 4 times as long, and is left alone
then."""
LEASE_SECONDS = 50.0
"""How long a batch with a judge belongs to its scorer: twice what it may take, and less than the
longest lease that the spool gives."""


@dataclass(frozen=True, slots=True)
class JudgeOrder:
    """All that a scorer needs to ask the judge. ``price`` is in USD per million tokens, in and out;
    ``header`` is where the key goes, None for Authorization."""

    base_url: str
    model: str
    key: str | None
    header: str | None
    price: tuple[float, float] | None
    questions_per_day: int | None
    usd_per_day: float | None

    def line(self) -> bytes:
        """The order as one line, for the scorer's standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> JudgeOrder:
        """The order that ``line`` wrote; raises ValueError."""
        try:
            found = json.loads(line)
            price = found.pop("price")
            return cls(price=None if price is None else (price[0], price[1]), **found)
        except (TypeError, KeyError, AttributeError, IndexError) as problem:
            raise ValueError("the judge's settings did not arrive whole") from problem

    def __repr__(self) -> str:
        return f"JudgeOrder({self.model}@{self.base_url})"


def judge_order(settings: Settings) -> JudgeOrder | None:
    """The order for the configured judge; None where the cascade has none."""
    if Stage.JUDGE not in settings.classifier.cascade:
        return None
    name = settings.classifier.judge
    deployment = next(entry for entry in settings.deployments if entry.name == name)
    upstream = deployment.upstream
    price = upstream.price
    return JudgeOrder(
        base_url=str(upstream.base_url).rstrip("/"),
        model=upstream.model or deployment.model,
        key=None if upstream.api_key is None else upstream.api_key.get_secret_value(),
        header=None if upstream.key_header is None else upstream.key_header.value,
        price=None
        if price is None
        else (price.input_usd_per_million, price.output_usd_per_million),
        questions_per_day=settings.classifier.judge_questions_per_day,
        usd_per_day=settings.classifier.judge_usd_per_day,
    )


def open_judge(order: JudgeOrder) -> JudgeClassifier:
    """The judge, with its budget."""
    # In the scorer alone: a gateway that only passes the order on needs no client for it.
    from classifiers.budget import Budget
    from classifiers.judge import JudgeClassifier
    from probes.judge_model import HttpJudge
    from probes.price import Price
    from probes.target import Target

    elsewhere = order.header is not None and order.header != "authorization"
    target = Target(
        order.base_url,
        order.model,
        None if elsewhere else order.key,
        extra_headers={order.header: order.key} if elsewhere and order.header and order.key else {},
    )
    price = None if order.price is None else Price(*order.price)
    model = HttpJudge(target, price=price, timeout_seconds=SECONDS)
    return JudgeClassifier(model, Budget(order.questions_per_day, order.usd_per_day))
