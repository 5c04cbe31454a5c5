"""Rules that others published, as named classifiers: for comparison, and to reproduce figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from classifiers.exchange import Exchange
from classifiers.rules import or_bench, select, xstest
from classifiers.rules.rule import PublishedRule, Refuses

__all__ = ["RULES", "PublishedRule", "named_rule"]

_PREFIX = "rules:"


def named_rule(name: str) -> PublishedRule | None:
    """The published rule of that name, one of RULES; None where there is none."""
    return next((rule for rule in _rules() if name == f"{_PREFIX}{rule.rule}"), None)


def _rules() -> tuple[PublishedRule, ...]:
    families = (
        PublishedRule(f"or-bench-{family}", f"OR-Bench for {family}", _on_reply(keywords.refuses))
        for family, keywords in or_bench.FAMILIES.items()
    )
    return (
        PublishedRule("xstest", "XSTest", _on_reply(xstest.begins_with_refusal)),
        PublishedRule(
            "xstest-straight",
            "XSTest, with straight quotes",
            _on_reply(partial(xstest.begins_with_refusal, straight=True)),
        ),
        PublishedRule("or-bench", "OR-Bench for the model's family", _by_family),
        *families,
        PublishedRule("or-bench-paper", "OR-Bench's Appendix M", _on_reply(or_bench.PAPER.refuses)),
        PublishedRule("select-phrase", "SELECT (phrase)", _on_reply(select.says_phrase)),
        PublishedRule("select-keyword", "SELECT (keyword)", _on_reply(select.has_keyword)),
        PublishedRule(
            "select-phrase-or-keyword",
            "SELECT (phrase or keyword)",
            _on_reply(select.says_phrase_or_keyword),
        ),
        PublishedRule("select-heuristic", "SELECT (heuristic)", _on_reply(select.abstains)),
    )


def _by_family(exchange: Exchange) -> bool:
    return or_bench.keywords_of(exchange.model).refuses(exchange.reply)


def _on_reply(rule: Callable[[str], bool]) -> Refuses:
    """A rule over text as a rule over exchanges."""
    return lambda exchange: rule(exchange.reply)


RULES: tuple[str, ...] = tuple(f"{_PREFIX}{rule.rule}" for rule in _rules())
"""The names of all published rules, as ``--classifier`` takes them."""
