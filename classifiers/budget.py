"""What may be spent on asking: so many questions a day, so much money a day."""

from __future__ import annotations

import time
from collections.abc import Callable

DAY_SECONDS = 86_400


class Budget:
    """Counts by the UTC day; None is no limit. In memory: a new start begins anew.

    Money is known only after asking, so that one batch may go beyond it.
    """

    def __init__(
        self,
        questions_per_day: int | None = None,
        usd_per_day: float | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._questions = questions_per_day
        self._usd = usd_per_day
        self._clock = clock
        self._day = -1
        self.asked = 0
        """Questions of this day."""
        self.spent = 0.0
        """Dollars of this day, as far as costs are known."""

    def take(self, wanted: int) -> int:
        """How many of so many questions may be asked now; they count as asked."""
        self._turn()
        if self._usd is not None and self.spent >= self._usd:
            return 0
        allowed = wanted
        if self._questions is not None:
            allowed = min(wanted, max(0, self._questions - self.asked))
        self.asked += allowed
        return allowed

    def give_back(self, questions: int) -> None:
        """So many of those that were taken reached nobody."""
        self.asked = max(0, self.asked - questions)

    def spend(self, usd: float | None) -> None:
        """Notes what a question cost."""
        self.spent += usd or 0.0

    def _turn(self) -> None:
        day = int(self._clock() // DAY_SECONDS)
        if day != self._day:
            self._day, self.asked, self.spent = day, 0, 0.0
