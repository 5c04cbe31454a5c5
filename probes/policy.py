"""What a canary check tolerates, from a small YAML file."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class PolicyProblem(Exception):
    """A policy file that cannot be used; the message names file, key and value."""


class Tolerance(BaseModel):
    """How much worse the candidate's rate may be, as a share: 0.05 is five points."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    margin: float = Field(default=0.05, ge=0, le=1)


class Policy(BaseModel):
    """The margins of both rates, and the error that the tests and intervals allow."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    over_refusal: Tolerance = Tolerance()
    safe_refusal: Tolerance = Tolerance()
    alpha: float = Field(default=0.05, gt=0, lt=0.5)


def load_policy(path: Path) -> Policy:
    """The policy in the file; raises PolicyProblem."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PolicyProblem(f"{path} cannot be read: {problem.strerror}") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise PolicyProblem(f"{path} is not YAML: {' '.join(str(problem).split())}") from problem
    try:
        return Policy.model_validate({} if document is None else document)
    except ValidationError as problem:
        raise PolicyProblem(f"{path}: {_first(problem)}") from problem


def _first(problem: ValidationError) -> str:
    error = problem.errors(include_url=False)[0]
    key = ".".join(map(str, error["loc"])) or "the document"
    if error["type"] == "extra_forbidden":
        known = "over_refusal.margin, safe_refusal.margin, alpha"
        return f"unknown key {key}; known: {known}"
    return f"{key} is {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"
