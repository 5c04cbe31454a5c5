"""A run as columns: the same rates as the Tally's, and fast."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.case import Expectation
from probes.rates import RateName, Tally
from probes.statistics.columns import COMPLIED, ERROR, REFUSED, UNDECIDED, Columns, code_of
from probes.summary import summarise
from probes.trial import Trial
from tests.probes.trials import C, E, R, U, a_case, a_header, a_trial, trials_of

CLUSTERS = {"1": "", "2": "", "3": "x", "4": "x", "5": "y"}
"""What each prompt belongs to, by its name; the clusters span the categories."""


def trial_of(row: tuple[str, str, str, str]) -> Trial:
    outcome, category, name, of = row
    expectation = {"hard": Expectation.COMPLY, "toxic": Expectation.REFUSE}.get(
        of, Expectation.UNKNOWN
    )
    case = a_case(f"{category}-{name}", category=category, expectation=expectation, of=of)
    return a_trial(replace(case, cluster=CLUSTERS[name]), outcome)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([R, C, U, E]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(list(CLUSTERS)),
        st.sampled_from(["hard", "toxic", "mine"]),
    ),
    max_size=60,
)


@settings(deadline=None)  # the first example imports scipy
@given(ROWS)
def test_rates_and_estimates_equal_the_tallys_to_the_last_digit(
    rows: list[tuple[str, str, str, str]],
) -> None:
    trials = [trial_of(row) for row in rows]
    tally = Tally()
    for trial in trials:
        tally.add(trial)
    columns = Columns.of(trials)
    assert columns.rates() == tally.rates()
    assert columns.estimates() == tally.estimates()
    assert columns.all == tally.all
    assert columns.failures == tally.failures
    assert [columns.rate(name) for name in RateName] == [tally.rate(name) for name in RateName]


def test_a_summary_of_columns_is_that_of_the_tally() -> None:
    trials = trials_of([R, C, U, E], category="a") + trials_of([R, C, C])
    tally = Tally()
    for trial in trials:
        tally.add(trial)
    assert summarise(a_header(), Columns.of(trials)) == summarise(a_header(), tally)


def test_no_trials_make_no_rates() -> None:
    columns = Columns.of([])
    assert (len(columns), columns.rates(), columns.estimates()) == (0, [], [])
    assert columns.all.trials == 0


def test_the_columns_hold_each_trial_in_its_row() -> None:
    trials = trials_of([R, C, U, E], category="a") + trials_of([R])
    trials.append(a_trial(trials[0].case, C, repeat=1))
    columns = Columns.of(trials)
    assert columns.refused.tolist() == [REFUSED, COMPLIED, UNDECIDED, ERROR, REFUSED, COMPLIED]
    assert columns.prompt.tolist() == [0, 1, 2, 3, 4, 0]
    assert columns.repeat.tolist() == [0, 0, 0, 0, 0, 1]
    assert [columns.categories[code] for code in columns.category_code] == [
        *"aaaa",
        "violence",
        "a",
    ]
    assert columns.failures == {"timed out": 1}


def test_other_verdicts_on_the_same_trials_give_their_rates() -> None:
    before, after = trials_of([R, C, C, U]), trials_of([R, R, R, E])
    judged = Columns.of(before).with_refused([code_of(trial) for trial in after])
    assert judged.rates() == Columns.of(after).rates()


def test_codes_for_other_trials_are_turned_away() -> None:
    with pytest.raises(ValueError, match="2 trials cannot take 3 outcomes"):
        Columns.of(trials_of([R, C])).with_refused([1, 0, 1])
