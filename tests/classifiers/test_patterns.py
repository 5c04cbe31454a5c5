"""Every regular expression of the package, read as a tree and put to hostile texts.

Two shapes make a backtracking engine slow: a loop inside a loop, which may take exponential time,
and a pattern that begins with a loop and may fail after it, which every starting place walks again.
Neither may stand in a pattern; what the shapes cannot show, growing texts do.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import classifiers
from tests.house.source import sources

MANY = 64
"""Repeats up to so many are bounded: they multiply the time, they do not raise its power."""

LOOPS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def inside(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, dict) and depth < 3:
        for key, part in value.items():
            yield from inside(part, f"{name}[{key}]", depth + 1)
    elif isinstance(value, list | tuple) and depth < 3:
        for place, part in enumerate(value):
            yield from inside(part, f"{name}[{place}]", depth + 1)


def compiled() -> dict[str, re.Pattern[Any]]:
    """Patterns that modules hold, and those that are written where they are used."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(classifiers.__path__, "classifiers."):
        for name, value in vars(importlib.import_module(module.name)).items():
            found.update(inside(value, f"{module.name}.{name}"))
    for source in sources():
        for node in ast.walk(source.tree) if source.name.startswith("classifiers/") else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr != "compile"
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str | bytes)
            ):
                found[f"{source.name}:{node.lineno}"] = re.compile(node.args[0].value)
    return found


PATTERNS = compiled()


def branches(operation: Any, argument: Any) -> list[Any]:
    """The trees inside one operation."""
    if operation is codes.BRANCH:
        return list(argument[1])
    if operation is codes.SUBPATTERN:
        return [argument[3]]
    if operation in LOOPS:
        return [argument[2]]
    if operation is codes.ATOMIC_GROUP:
        return [argument]
    return [argument[1]] if operation in (codes.ASSERT, codes.ASSERT_NOT) else []


def loops_in_loops(tree: Any, *, looping: bool = False) -> bool:
    for operation, argument in tree:
        endless = operation in LOOPS and argument[1] >= MANY
        if endless and looping and operation is not codes.POSSESSIVE_REPEAT:
            return True
        if any(
            loops_in_loops(part, looping=looping or endless)
            for part in branches(operation, argument)
        ):
            return True
    return False


WITHIN_A_LINE = (codes.CATEGORY_DIGIT, codes.CATEGORY_WORD)


def crosses_lines(body: Any) -> bool:
    """Whether a loop's body may match a line break, so that ``^`` does not part its walks."""
    for operation, argument in body:
        if operation is not codes.IN:
            return True
        negated = (codes.NEGATE, None) in argument
        named = (codes.LITERAL, ord("\n")) in argument
        wide = any(kind is codes.CATEGORY and of not in WITHIN_A_LINE for kind, of in argument)
        if wide or named != negated:
            return True
    return False


def begins_with_loop(tree: Any, *, at_line: bool = False) -> bool:
    """Whether an endless loop may come first, with something after it that may fail."""
    items = list(tree)
    for place, (operation, argument) in enumerate(items):
        if operation is codes.AT:
            at_line = argument is codes.AT_BEGINNING
            whole = not tree.state.flags & re.MULTILINE
            if argument is codes.AT_BEGINNING_STRING or (at_line and whole):
                return False
            continue
        if operation in (codes.ASSERT, codes.ASSERT_NOT):
            continue
        if operation in LOOPS and argument[1] >= MANY:
            rest = items[place + 1 :]
            may_fail = any(kind is codes.AT for kind, _ in rest) or (
                bool(rest) and parser.SubPattern(tree.state, rest).getwidth()[0] > 0
            )
            return may_fail and not (at_line and not crosses_lines(argument[2]))
        inner = branches(operation, argument)
        if any(begins_with_loop(part, at_line=at_line) for part in inner):
            return True
        if not (operation in LOOPS and argument[0] == 0):
            return False
    return False


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_has_a_loop_inside_a_loop_or_begins_with_one(name: str) -> None:
    tree = parser.parse(PATTERNS[name].pattern, PATTERNS[name].flags)
    assert not loops_in_loops(tree)
    assert not begins_with_loop(tree)


@pytest.mark.parametrize(
    ("pattern", "nested", "begins"),
    [
        (r"(?:a+b?)+c", True, True),
        (r"x(?:\w+\s?)*$", True, False),
        (r"x(?:\w++ )*", False, False),
        (r"\s+$", False, True),
        (r"(?m)^\s*x", False, True),
        (r"(?m)^[ \t]*x", False, False),
        (r"\A\s*x", False, False),
        (r"\w+(?:'\w)?", False, False),
        (r"(?:foo)?\s*bar", False, True),
    ],
)
def test_the_two_shapes_are_told_apart_from_harmless_ones(
    pattern: str, *, nested: bool, begins: bool
) -> None:
    tree = parser.parse(pattern)
    assert (loops_in_loops(tree), begins_with_loop(tree)) == (nested, begins)


HOSTILE = (
    " ", "a", "\n", "*", "#", "I can't ", "i am ", "not ", "(", "[", "[](", "<", "<think>",
    "</think>", "`", '"', '"a', "'", "1.", "- ", "! ", "a.", "\\", "&", "é", "请", "sorry, ",
    "as an a", "we ", "_", "https://a", "{", "a|", "> ", "</s>", "<|a", "i cannot , ", "said a",
)  # fmt: skip
SHORT = 4_000
LONG = 4 * SHORT
TOLERATED = 0.15
"""Seconds below which a time says nothing: linear patterns need a tenth of it, quadratic ones
hundredfold."""


def seconds(pattern: re.Pattern[Any], text: Any) -> float:
    start = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - start


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_takes_more_than_in_proportion_to_a_hostile_text(name: str) -> None:
    pattern = PATTERNS[name]
    for unit in HOSTILE:
        text: Any = (unit * LONG)[:LONG] + "\x00"
        text = text.encode() if isinstance(pattern.pattern, bytes) else text
        long = seconds(pattern, text)
        if long > TOLERATED:
            assert long < 8 * seconds(pattern, text[:SHORT] + text[-1:]), (unit, long)
