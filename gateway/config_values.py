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
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)

from gateway.schedule import checked_cron, checked_zone


class Branch(BaseModel):
    """A mapping of the configuration: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration is read with: the environment and the folder that secrets come from.

    ``remarks`` are what was found while the tree was made from another tool's file.
    """

    environ: Mapping[str, str]
    folder: Path
    remarks: tuple[str, ...] = ()


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


def secret_default(value: str) -> Any:
    """A default that is no secret, shown in the schema, for a key whose value may be one."""
    return Field(default=SecretStr(value), json_schema_extra={"default": value})


DIGEST_MARK = "sha256:"
"""What a client's key begins with where the file holds only its hash."""


def _check_digest(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text.startswith(DIGEST_MARK) and not re.fullmatch(r"sha256:[0-9a-fA-F]{64}", text):
        raise ValueError(
            'sha256: is followed by 64 hexadecimal digits; printf %s "$KEY" | sha256sum prints them'
        )
    return secret


ClientKey = Annotated[Secret, AfterValidator(_check_digest)]
"""A client's key as a Secret, or ``sha256:`` and the hash of it, which lets nobody in."""

_SECRET_ARGUMENT = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)


def _read_arguments(value: Any, info: ValidationInfo) -> Any:
    """The mapping with its references resolved, in it and below it.

    What was referred to, or has the name of a secret, becomes one, so that nothing prints it.
    """
    if not isinstance(value, dict):
        return value
    return {name: _read_argument(name, inner, info) for name, inner in value.items()}


def _read_argument(name: Any, value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, dict):
        return _read_arguments(value, info)
    if isinstance(value, list):
        return [_read_argument(name, inner, info) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        found = _read_secret(value, info)
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None
    return SecretStr(found) if found != value or _SECRET_ARGUMENT.search(str(name)) else value


def plain_arguments(value: Any) -> Any:
    """What `Arguments` hold, with every secret in the clear: for the one who sends it."""
    if isinstance(value, dict):
        return {name: plain_arguments(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain_arguments(inner) for inner in value]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


Arguments = Annotated[dict[str, Any], BeforeValidator(_read_arguments)]
"""Free arguments, whose strings may be env:NAME or file:PATH at any depth."""

_EXAMPLE = "write e.g. https://api.openai.com/v1"
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
"""Hosts whose API lies under /openai."""
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
        shown = re.split(r"[?#]", value, maxsplit=1)[0]
        raise ValueError(f"{shown!r} has a query or a fragment, which a base cannot have; drop it")
    path = url.path.rstrip("/")
    if not path:
        usual = "/openai/v1" if host.endswith(_AZURE) else "/v1"
        raise ValueError(f"{value!r} lacks the API's path; write {value.rstrip('/')}{usual}")
    for ending in _ENDPOINTS:
        if path.endswith(ending):
            base = value.rstrip("/").removesuffix(ending)
            raise ValueError(f"{value!r} is an endpoint, not its base; write {base}")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
"""Where an API begins: the part before /chat/completions or /messages, usually ending in /v1, or
in /openai/v1 or /openai on Azure."""


Cron = Annotated[str, AfterValidator(checked_cron)]
"""Five cron fields: minute, hour, day of the month, month, day of the week."""

Timezone = Annotated[str, AfterValidator(checked_zone)]
"""A time zone by its name in the IANA database."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A name that serves as metric label, header value and file name alike: at most 63 characters,
as in Kubernetes labels."""

UNROUTED = "other"
"""What metrics call a deployment or model that is not configured; nothing may be named so."""

Flag = Annotated[bool, Field(strict=True)]
"""Yes or no."""

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
