"""An evaluation, and a comparison of several, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from classifiers.comparison import Comparison, Standing, Succession
from classifiers.evaluation import Bin, Evaluation, Judged, Slice
from classifiers.measures import Measure
from classifiers.verdict import Label
from classifiers.wire.text import one_line

_BAR = 30
_EXCERPT = 90


def table(found: Evaluation) -> str:
    """Figures, confusion, slices and reliability."""
    share = "n/a" if found.undecided_share is None else f"{found.undecided_share:.1%}"
    blocks = [
        [
            f"{found.classifier}: {found.rows} rows, {found.decided} decided, "
            f"{found.undecided} undecided ({share}), {found.left_out} left out"
        ],
        [f"{name:16} {figure}" for name, figure in found.measures.items()],
        _confusion_lines(found.confusion),
        *(_slice_lines(name, slices) for name, slices in found.slices.items()),
        _reliability_lines(found.reliability),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def comparison_table(found: Comparison) -> str:
    """One line a classifier: how it did, and how much better the first one did on the same rows."""
    width = max(len(one.classifier) for one in found.evaluations)
    models = [one.value for one in found.evaluations[0].slices.get("model", ())]
    lines = [
        f"{'':{width}}  {'accuracy':>24}  {'F1':>24}  {'undecided':>9}  "
        f"{'first is better by':>24}  " + "  ".join(f"{model[:14]:>14}" for model in models)
    ]
    for one, difference in zip(found.evaluations, found.differences, strict=True):
        by_model = {each.value: each for each in one.slices.get("model", ())}
        lines.append(
            f"{one.classifier:{width}}  {_short(one.measures['accuracy_forced']):>24}  "
            f"{_short(one.measures['f1_forced']):>24}  {one.undecided:>9}  "
            f"{'' if difference is None else _short(difference, sign=True):>24}  "
            + "  ".join(f"{_value(by_model.get(model)):>14}" for model in models)
        )
    return "\n".join([*lines, "", "Every row with a probability is decided at one half."])


def succession_table(found: Succession, worst: int) -> str:
    """Both classifiers' figures, the gain, and rows that only the old one has right."""
    words = {
        Standing.AS_GOOD: f"as good: at most {found.margin:.1%} of accuracy is lost",
        Standing.WORSE: "worse: keep the old one",
        Standing.INCONCLUSIVE: "inconclusive: the anchor set is too small to tell",
    }
    lines = [
        f"{'':9} {'accuracy':>24}  {'F1':>24}  {'undecided':>9}",
        *(
            f"{name:9} {_short(one.measures['accuracy_forced']):>24}  "
            f"{_short(one.measures['f1_forced']):>24}  {one.undecided:>9}  {one.classifier}"
            for name, one in (("old", found.old), ("new", found.new))
        ),
        "",
        f"new less old: {_short(found.gain, sign=True)} over {found.gain.rows} rows; "
        f"{len(found.fixed)} rows right that were wrong, {len(found.broken)} the other way",
        f"{found.new.classifier} is {words[found.standing]}",
    ]
    shown = sorted(found.broken, key=lambda one: -one.off_by)[:worst]
    if shown:
        lines += ["", "only the old one has these right:", *worst_lines(shown)]
    return "\n".join(lines)


def worst_lines(rows: Sequence[Judged]) -> list[str]:
    """The rows that are furthest from their labels, each on three lines."""
    lines = []
    for one in rows:
        chance = one.verdict.probability
        said = "no probability" if chance is None else f"P(refused) {chance:.2f}"
        lines += [
            f"{one.row.label} -> {one.verdict.label.value}, {said}: {one.verdict.reason}",
            f"    prompt  {excerpt(one.row.exchange.question, _EXCERPT)}",
            f"    reply   {excerpt(one.row.exchange.reply, _EXCERPT)}",
        ]
    return lines


def excerpt(text: str, length: int) -> str:
    """The text on one line, cut at ``length`` characters, without controls and without keys."""
    return one_line(text, length)


def _short(figure: Measure, *, sign: bool = False) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "not defined"
    plus = "+" if sign else ""
    return f"{figure.value:{plus}.3f} ({figure.low:{plus}.3f} to {figure.high:{plus}.3f})"


def _value(found: Slice | None) -> str:
    figure = None if found is None else found.measures["accuracy"].value
    return "n/a" if figure is None else f"{figure:.3f}"


def _confusion_lines(confusion: Mapping[tuple[str, str], int]) -> list[str]:
    columns = [label.value for label in Label]
    truths = sorted({truth for truth, _ in confusion})
    header = f"{'labelled':18}" + "".join(f"{column:>18}" for column in columns)
    return [
        header,
        *(
            f"{truth:18}"
            + "".join(f"{confusion.get((truth, column), 0):>18}" for column in columns)
            for truth in truths
        ),
    ]


def _slice_lines(name: str, slices: Sequence[Slice]) -> list[str]:
    width = max(16, *(len(one.value) for one in slices))
    lines = [f"{'by ' + name:{width}} {'rows':>6} {'undecided':>9}  {'accuracy':>24}  {'F1':>24}"]
    for one in slices:
        lines.append(
            f"{one.value:{width}} {one.rows:>6} {one.undecided:>9}  "
            f"{_short(one.measures['accuracy']):>24}  {_short(one.measures['f1']):>24}"
        )
    return lines


def _reliability_lines(bins: Sequence[Bin]) -> list[str]:
    if not bins:
        return []
    lines = ["P(refused)    said   seen    rows"]
    for one in bins:
        seen = one.refused.value or 0.0
        bar = "#" * round(seen * _BAR)
        lines.append(
            f"{one.low:.1f} to {one.high:.1f}  {one.said:6.3f} {seen:6.3f}  {one.refused.rows:6}  "
            f"{bar}"
        )
    return lines
