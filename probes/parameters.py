"""What is sent with every attempt beside model and prompt: sampling, limits, the system prompt."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.home import expanded
from probes.problem import ParameterProblem

SYSTEM = "system"
"""The key of a run's parameters under which the system prompt stands."""
_OURS = frozenset({"model", "messages", SYSTEM})


def gather(
    *,
    temperature: float | None = None,
    max_tokens: int | None = None,
    system: str | None = None,
    extra: Sequence[str] = (),
) -> dict[str, Any]:
    """The parameters of a run, as its header keeps them; only what was asked for stands there.

    ``system`` is a text, or ``@FILE``; ``extra`` are ``KEY=JSON``. Raises ParameterProblem.
    """
    found: dict[str, Any] = {}
    if temperature is not None:
        if not math.isfinite(temperature):
            raise ParameterProblem(f"--temperature {temperature} is no temperature: write a number")
        found["temperature"] = temperature
    if max_tokens is not None:
        found["max_tokens"] = max_tokens
    if system is not None:
        found[SYSTEM] = _system(system)
    for text in extra:
        name, value = _pair(text)
        if name in found:
            raise ParameterProblem(f"the parameter {name} is given twice; give it once")
        found[name] = value
    return found


def request_of(prompt: str, model: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The request of one attempt, in the shape of OpenAI's chat completions."""
    messages = [{"role": "user", "content": prompt}]
    fields = dict(parameters)
    if (system := fields.pop(SYSTEM, None)) is not None:
        messages.insert(0, {"role": "system", "content": system})
    return {"model": model, "messages": messages, **fields}


def _system(text: str) -> str:
    if not text.startswith("@"):
        return text
    path = expanded(Path(text[1:]))
    try:
        read = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ParameterProblem(
            f"the system prompt {path} cannot be read: {problem.strerror}; "
            "name another file with --system @FILE"
        ) from problem
    except UnicodeDecodeError as problem:
        raise ParameterProblem(
            f"the system prompt {path} is not UTF-8; save the file as UTF-8"
        ) from problem
    return read.rstrip("\n")


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ParameterProblem(
            f"--param {text!r} is no parameter: write KEY=JSON, such as top_p=0.9"
        )
    if name in _OURS:
        option = "--system" if name == SYSTEM else "the command's own options"
        raise ParameterProblem(f"--param cannot set {name}; use {option}")
    try:
        return name, json.loads(value, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        raise ParameterProblem(
            f"--param {name}: {value[:80]!r} is not JSON; a text stands in quotes, such as "
            f"{name}='\"low\"'"
        ) from problem


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """The number; ValueError for one such as 1e999, which is infinite here and cannot be sent."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number
