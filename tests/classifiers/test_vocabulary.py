from __future__ import annotations

from classifiers.vocabulary import FEWEST_GROUPS, choose_grams


def _rows(count):
    grams = [{"same", "refuse" if row % 2 else "answer", f"once {row}"} for row in range(count)]
    return grams, [bool(row % 2) for row in range(count)], [f"g{row}" for row in range(count)]


def test_what_tells_the_classes_apart_is_kept_before_what_both_share():
    assert choose_grams(*_rows(20), most=2) == ["answer", "refuse"]


def test_an_n_gram_of_few_templates_is_left_out_however_many_copies_there_are():
    grams, refused, groups = _rows(20)
    copies = [{"copied"}] * 50
    kept = choose_grams(
        [*grams, *copies], [*refused, *[True] * 50], [*groups, *["one"] * 50], most=99
    )
    assert "copied" not in kept
    assert len(kept) == 3
    assert FEWEST_GROUPS > 1


def test_nothing_to_choose_from_gives_an_empty_vocabulary():
    assert choose_grams([], [], [], most=5) == []
