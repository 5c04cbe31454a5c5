"""What LiteLLM is asked: a client's JSON and a deployment's settings become one set of arguments.

LiteLLM takes the request's fields, its own switches and the provider's credentials all as
arguments of one function. So a client that may name any argument may name where a request goes
(``api_base``), as whom (``api_key``, ``aws_role_name``), or that it is not sent at all
(``mock_response``). Here the fields of OpenAI's and Anthropic's references pass as they are, fields
that nobody knows pass too, as the provider may know them, and what LiteLLM would take for itself is
turned down by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import orjson


class Operation(StrEnum):
    """What a provider deployment serves, by the path after /v1."""

    CHAT = "/chat/completions"
    TEXT = "/completions"
    EMBEDDINGS = "/embeddings"
    RESPONSES = "/responses"
    MESSAGES = "/messages"


class Unservable(Exception):
    """A request that cannot be put to a provider: HTTP status, a code of ours, one line."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment as LiteLLM is told of it; ``arguments`` are the operator's and outweigh all.

    A ``*`` in ``model`` stands for what the client asked for, less the provider's name before it.
    """

    provider: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may appear nowhere, the longest first."""
        named = [v for k, v in self.arguments.items() if isinstance(v, str) and _SECRET.search(k)]
        found = {value for value in (self.api_key, *named) if value}
        return tuple(sorted(found, key=len, reverse=True))


_CLOUD = frozenset(
    {"bedrock", "oci", "ollama", "ollama_chat", "sagemaker", "sagemaker_chat", "vertex_ai"}
    | {"vertex_ai_beta", "watsonx"}
)
"""Providers that are called as whoever runs the gateway, or as nobody: a client's key, taken for
theirs, would be sent in place of a cloud's credentials."""

_SECRET = re.compile(r"key|secret|token|password|credential")

_NEEDED = {
    Operation.CHAT: ("messages",),
    Operation.TEXT: ("prompt",),
    Operation.EMBEDDINGS: ("input",),
    Operation.RESPONSES: ("input",),
    Operation.MESSAGES: ("messages", "max_tokens"),
}

_OPENAI = """
messages model audio frequency_penalty function_call functions logit_bias logprobs
max_completion_tokens max_tokens modalities n parallel_tool_calls prediction presence_penalty
prompt_cache_key prompt_cache_retention reasoning_effort response_format safety_identifier seed
service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p
user verbosity web_search_options prompt best_of echo suffix input dimensions encoding_format
background conversation context_management include instructions max_output_tokens max_tool_calls
previous_response_id reasoning text truncation
"""
"""OpenAI's API reference: chat completions, completions, embeddings, responses."""

_ANTHROPIC = """
system stop_sequences thinking top_k container mcp_servers output_config output_format
cache_control inference_geo speed
"""
"""Anthropic's API reference: what messages have besides."""

_REFERENCE = frozenset((_OPENAI + _ANTHROPIC).split())
"""Fields that are the provider's to read. Everything else must not look like LiteLLM's."""

_UNSENT = frozenset({"metadata"})
"""Fields that LiteLLM keeps for its own loggers; it sends them to no provider."""

_STEERING = re.compile(
    r"^(?:_|litellm|aws_|azure_|vertex_|gcs_|s3_|oci_|sagemaker_|watsonx_|extra_|mock_|x-|config$)"
    r"|(?:_|-|^)(?:api|apikey|auth|arn|base|bucket|callbacks?|connection|credentials?|endpoint|"
    r"engine|file|guardrails?|headers?|host|ids?|integration|key|location|logging|organization|"
    r"original|params|password|path|port|profile|project|proxy|region|role|scope|secret|session|"
    r"ssl|tenant|token|uri|url|workspace)(?:_|-|$)",
    re.IGNORECASE,
)
"""Names by which a request says where it goes, as whom, or past which guard, at LiteLLM's many
providers. Its own list of what a client may not send (``_BANNED_REQUEST_BODY_PARAMS`` in its proxy)
names them one by one; a pattern also meets the next one."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Between the words of a name such as guardrailConfig."""

_MODEL_SIZE = 256
"""Characters of a model's name that a message repeats."""


def operation_of(method: bytes, path: bytes) -> Operation:
    """The operation a request asks for; raises Unservable where a provider has none such."""
    shown = path.decode("latin-1")
    try:
        found = Operation(shown.rstrip("/").lower())
    except ValueError:
        found = None
    if found is None or method != b"POST":
        served = ", ".join(f"/v1{each}" for each in Operation)
        asked = f"{method.decode('latin-1')} /v1{shown[:_MODEL_SIZE]}"
        raise Unservable(
            404,
            "candor_endpoint_unsupported",
            f"{asked} is not served by a deployment that goes through a provider's own protocol. "
            f"POST to one of {served}, or ask a deployment with a base_url.",
        )
    return found


def fields_of(operation: Operation, body: bytes) -> dict[str, Any]:
    """The request's fields; raises Unservable where the body is not the JSON object it must be."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    if not isinstance(asked, dict):
        raise _bad("the body must be a JSON object in UTF-8, sent uncompressed")
    for name in _NEEDED[operation]:
        if asked.get(name) is None:
            raise _bad(f"the body lacks {name!r}; add it")
    if operation is Operation.RESPONSES and (state := _STATE & _set_fields(asked)):
        raise _bad(
            f"{min(state)!r} needs a provider that keeps responses, and LiteLLM's bridge keeps "
            "none; send the whole conversation as input"
        )
    return asked


_STATE = frozenset({"previous_response_id", "conversation", "background"})
"""Fields of a response that rest on an earlier one, or leave it to be fetched later."""


def _set_fields(asked: Mapping[str, Any]) -> set[str]:
    return {name for name, value in asked.items() if value not in (None, False)}


def arguments_for(
    target: Target,
    asked: Mapping[str, Any],
    *,
    owned: Callable[[str], bool],
    client_key: str | None = None,
) -> dict[str, Any]:
    """LiteLLM's arguments, without those that an operation's function gets besides.

    ``owned`` says which names LiteLLM takes for itself. The client's own key counts only where the
    deployment has none. Raises Unservable for a field that would steer the call.
    """
    taken: dict[str, Any] = {}
    for name, value in asked.items():
        if name in _REFERENCE:
            taken[name] = value
        elif name in _UNSENT:
            continue
        elif owned(name) or _STEERING.search(_HUMP.sub("_", name)):
            raise Unservable(
                400,
                "candor_parameter_refused",
                f"The field {name[:_MODEL_SIZE]!r} would change where this call goes, as whom or "
                "how. Leave it out, or have it set under the deployment's upstream.parameters.",
            )
        else:
            taken[name] = value
    taken["model"] = f"{target.provider}/{_model(target, asked)}"
    theirs = None if target.provider in _CLOUD else client_key
    if (key := target.api_key or theirs) is not None:
        taken["api_key"] = key
    if target.api_base is not None:
        taken["api_base"] = target.api_base
    taken.update(target.arguments)
    return taken


def _model(target: Target, asked: Mapping[str, Any]) -> str:
    prefix = f"{target.provider}/"
    if "*" not in target.model:
        return target.model.removeprefix(prefix)
    named = asked.get("model")
    if not isinstance(named, str) or not named.removeprefix(prefix) or "*" in named:
        raise _bad("the body lacks 'model'; add it")
    return target.model.removeprefix(prefix).replace("*", named.removeprefix(prefix), 1)


def _bad(reason: str) -> Unservable:
    return Unservable(400, "candor_bad_request", f"The request cannot be read: {reason}.")
