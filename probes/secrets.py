"""Secrets that a command is told the name of: read from the environment here and nowhere else."""

from __future__ import annotations

import os


class SecretProblem(Exception):
    """The environment variable that was named is not set; the message is one readable line."""


def named_secret(variable: str | None) -> str | None:
    """The value of an environment variable; None where none is named.

    Raises SecretProblem where the variable is unset or empty: going on without the key that the
    user asked for would be measured as a wall of 401s.
    """
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise SecretProblem(f"the environment variable {variable} is not set; export the key in it")
    return value


def admin_token() -> str | None:
    """CANDOR_ADMIN_TOKEN, which opens a gateway's control API; None where it is not set."""
    return os.environ.get("CANDOR_ADMIN_TOKEN", "").strip() or None


def hub_token() -> str | None:
    """HF_TOKEN, as Hugging Face's own clients read it; None where it is not set."""
    return os.environ.get("HF_TOKEN", "").strip() or None
