"""The kinds of value a configuration holds: secrets, base URLs, names, shares, schedules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What secrets are read from: the environment, and the folder that file: paths start in."""

    environ: Mapping[str, str]
    folder: Path


_FOREIGN_REFERENCE = re.compile(r"^(?:\$\{?(\w+)\}?|os\.environ/(\w+)|(?i:env):\s*(\w+))$")
"""How other tools write a reference to a variable; taken literally it would be sent as the key."""


def _read_secret(value: Any, info: ValidationInfo) -> Any:
    """The secret that env:NAME or file:PATH points to. No message ever holds the value itself."""
    if not isinstance(value, str):
        return value
    around = info.context if isinstance(info.context, Surroundings) else None
    if value.startswith("env:") and around is not None:
        return _from_variable(value.removeprefix("env:"), around.environ)
    if value.startswith("file:") and around is not None:
        return _from_file(around.folder / value.removeprefix("file:"))
    if foreign := _FOREIGN_REFERENCE.match(value):
        name = next(filter(None, foreign.groups()))
        raise ValueError(f"this is no secret but a reference to one; write env:{name}")
    return value


def _from_variable(name: str, environ: Mapping[str, str]) -> str:
    if not environ.get(name):
        state = "is empty" if name in environ else "is not set"
        raise ValueError(f"the environment variable {name} {state}; export {name}=... first")
    return environ[name]


def _from_file(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"cannot read the secret file {path}: {reason}") from None
    if not secret:
        raise ValueError(f"the secret file {path} is empty; write the key into it")
    return secret


def _printable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a secret is one line of ASCII without spaces; this one is not")
    return secret


Secret = Annotated[SecretStr, BeforeValidator(_read_secret), AfterValidator(_printable)]
"""A value that is shown nowhere: env:NAME, file:PATH, or (for trials) the secret itself."""

_EXAMPLE = "write e.g. https://api.openai.com/v1"
_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages")


def _check_base_url(value: str) -> str:
    try:
        url = urlsplit(value)
        host, _ = url.hostname, url.port
    except ValueError as problem:
        raise ValueError(f"{value!r} is not an http(s) URL ({problem}); {_EXAMPLE}") from None
    if "@" in url.netloc:
        raise ValueError("a key does not belong in the URL; put it under api_key")
    if url.scheme not in ("http", "https") or not host or not value.isascii() or " " in value:
        raise ValueError(f"{value!r} is not an http(s) URL; {_EXAMPLE}")
    if url.query or url.fragment:
        raise ValueError(f"{value!r} has a query or a fragment, which a base cannot have; drop it")
    path = url.path.rstrip("/")
    if not path:
        raise ValueError(f"{value!r} lacks the API's path; write {value.rstrip('/')}/v1")
    for ending in _ENDPOINTS:
        if path.endswith(ending):
            base = value.rstrip("/").removesuffix(ending)
            raise ValueError(f"{value!r} is an endpoint, not its base; write {base}")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
"""Where an OpenAI-compatible API begins: the part before /chat/completions, usually ending /v1."""


def _check_cron(value: str) -> str:
    if len(value.split()) != 5 or not re.fullmatch(r"[0-9A-Za-z*,/\- ]+", value):
        raise ValueError(f"{value!r} is not a schedule of five cron fields; write e.g. '0 3 * * *'")
    return value


Cron = Annotated[str, AfterValidator(_check_cron)]
"""Five cron fields: minute, hour, day of the month, month, day of the week."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A name that serves as metric label, header value and file name alike: at most 63 characters,
as in Kubernetes labels."""

UNROUTED = "other"
"""What metrics call a deployment or model that is not configured; nothing may be named so."""

Text = Annotated[str, StringConstraints(min_length=1)]
"""A string that says something."""

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
"""A part of the whole, from 0 to 1."""

Count = Annotated[int, Field(strict=True, ge=0)]
"""A whole number, zero included."""

Positive = Annotated[int, Field(strict=True, ge=1)]
"""A whole number from 1."""

Seconds = Annotated[float, Field(strict=True, gt=0, le=86_400)]
"""A length of time, up to a day."""

Bytes = Annotated[int, Field(strict=True, ge=1024)]
"""A size, at least one KiB."""

Dollars = Annotated[float, Field(strict=True, ge=0, le=1e9)]
"""An amount of money in USD."""
