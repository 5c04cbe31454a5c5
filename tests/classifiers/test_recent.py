from __future__ import annotations

from classifiers.recent import Recent


def test_what_was_worked_out_is_known_again_under_its_own_key_alone():
    recent: Recent[int] = Recent(4)
    recent.remember({b"one": 1, b"two": 2})
    assert recent.known([b"one", b"three"]) == {b"one": 1}


def test_no_more_is_kept_than_its_size_however_much_comes_at_once():
    recent: Recent[int] = Recent(100)
    for number in range(30):
        recent.remember({f"{number}.{part}".encode(): part for part in range(70)})
        assert len(recent) <= 100
    recent.remember({str(number).encode(): number for number in range(5000)})
    assert len(recent) == 100


def test_what_was_not_asked_for_longest_goes_first():
    recent: Recent[int] = Recent(2)
    recent.remember({b"old": 1, b"new": 2})
    recent.known([b"old"])
    recent.remember({b"newest": 3})
    assert recent.known([b"old", b"new", b"newest"]) == {b"old": 1, b"newest": 3}


def test_a_size_of_none_remembers_nothing():
    recent: Recent[int] = Recent(0)
    recent.remember({b"one": 1})
    assert (len(recent), recent.known([b"one"])) == (0, {})
