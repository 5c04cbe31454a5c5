"""What becomes of a request: passed on to a deployment, or answered here. Nothing is sent yet."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import DeploymentSettings, LimitSettings
from gateway.proxy.admission import Admission, Client
from gateway.proxy.asgi import BodyTooLarge, ClientBody, Scope
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.errors import (
    Answer,
    Declined,
    head_too_large,
    model_ambiguous,
    model_missing,
    odd_path,
    odd_transfer_coding,
    request_too_large,
    too_deep,
    websocket,
)
from gateway.proxy.headers import body_length, framed, oddly_coded, request_headers, value_of
from gateway.proxy.listing import models_answer
from gateway.proxy.reading import BodyReader, encoded
from gateway.proxy.routing import EVERYTHING, Router
from gateway.proxy.splice import MAX_DEPTH, Fields, TooDeep, replace_model
from gateway.upstreams.base import UpstreamCall

_PREFIX = b"/v1"


@dataclass(frozen=True, slots=True)
class Passage:
    """A call that goes on. ``request`` is the client's body, None where it streams through."""

    deployment: DeploymentSettings
    call: UpstreamCall
    request: bytes | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose head has been read."""

    request_id: str
    endpoint: Endpoint
    scope: Scope
    body: ClientBody


class Planner:
    """Turns requests into plans; ``since`` is the Unix time that listed models bear."""

    def __init__(
        self, router: Router, admission: Admission, limits: LimitSettings, *, since: int
    ) -> None:
        self._router = router
        self._admission = admission
        self._limits = limits
        self._since = since
        self._reader = BodyReader()

    async def plan(self, asked: Asked) -> Passage | Answer:
        """Reads what must be read of the body; raises ClientGone or ClientSilent."""
        scope = asked.scope
        client = self._admitted(scope)
        if isinstance(client, Declined):
            return client.answer
        pinned = value_of(scope["headers"], b"x-candor-deployment")
        if asked.endpoint is Endpoint.MODELS and not (pinned or self._router.only_catch_all):
            return models_answer(scope["path"], self._router.models(client.models), self._since)
        body = await self._body(asked)
        if isinstance(body, Declined):
            return body.answer
        try:
            fields = await self._fields(asked, body)
        except TooDeep:
            return too_deep(MAX_DEPTH).answer
        model = fields.model if fields else None
        routed = asked.endpoint.routed_by_model
        if routed and model is None and client.limited:
            return _unnamed(asked, fields).answer
        route = self._router.route(model, pinned, asked.request_id, allowed_models=client.models)
        if isinstance(route, Declined):
            return route.answer
        if routed and (gap := _gap(asked, route.deployment, fields, client=client)):
            return gap.answer
        return self._passage(asked, route.deployment, body, fields=fields)

    async def _fields(self, asked: Asked, body: bytes | None) -> Fields | None:
        if body is None or not asked.endpoint.routed_by_model or encoded(asked.scope["headers"]):
            return None
        return await self._reader.fields(body)

    def _admitted(self, scope: Scope) -> Client | Declined:
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size + len(_raw_path(scope)) + len(scope["query_string"]) > self._limits.max_head_bytes:
            return head_too_large(self._limits.max_head_bytes)
        if oddly_coded(scope["headers"]):
            return odd_transfer_coding()
        if (value_of(scope["headers"], b"upgrade") or "").lower() == "websocket":
            return websocket()
        if _odd(scope["path"]) or not _raw_path(scope).startswith(_PREFIX):
            return odd_path(scope["path"])
        return self._admission.admit(scope["headers"])

    async def _body(self, asked: Asked) -> bytes | Declined | None:
        """The whole body, None where it streams through."""
        announced = body_length(asked.scope["headers"])
        if announced == 0:
            asked.body.skip()
            return b""
        if not asked.endpoint.routed_by_model:
            return None
        limit = self._limits.max_request_bytes
        if announced is not None and announced > limit:
            return request_too_large(limit)
        try:
            return await asked.body.whole(limit)
        except BodyTooLarge:
            return request_too_large(limit)

    def _passage(
        self,
        asked: Asked,
        deployment: DeploymentSettings,
        body: bytes | None,
        *,
        fields: Fields | None,
    ) -> Passage:
        upstream = deployment.upstream
        sent = body
        if body is not None and fields is not None and upstream.model is not None:
            sent = replace_model(body, fields, upstream.model)
        headers = request_headers(
            asked.scope["headers"],
            key=upstream.api_key.get_secret_value() if upstream.api_key else None,
            drop_keys=self._admission.consumes_keys,
        )
        length = body_length(asked.scope["headers"]) if sent is None else len(sent)
        call = UpstreamCall(
            method=asked.scope["method"],
            path=_raw_path(asked.scope).removeprefix(_PREFIX),
            query=asked.scope["query_string"],
            headers=framed(headers, length=length),
            body=asked.body.chunks() if sent is None else sent,
        )
        return Passage(deployment, call, body)


def _odd(path: str) -> bool:
    """Whether a path has dot segments or empty ones, which hops resolve in different ways."""
    steps = [step.partition(";")[0] for step in path.replace("\\", "/").split("/")]
    return "." in steps or ".." in steps or "" in steps[1:-1]


def _gap(
    asked: Asked, deployment: DeploymentSettings, fields: Fields | None, *, client: Client
) -> Declined | None:
    """Why a call may not go to a deployment whose model, and whose key, must fit its own.

    Only a deployment for everything that writes no model, called by a client that may ask for
    everything, can be sent what nobody has read.
    """
    rewritten = deployment.upstream.model is not None
    if deployment.model == EVERYTHING and not rewritten and not client.limited:
        return None
    if fields is None or fields.model is None:
        return _unnamed(asked, fields)
    return model_ambiguous() if fields.ambiguous and not rewritten else None


def _unnamed(asked: Asked, fields: Fields | None) -> Declined:
    reason = (
        "this one is not plain JSON in UTF-8, or compressed" if fields is None else "this has none"
    )
    return model_missing(asked.scope["path"], reason)


def _raw_path(scope: Scope) -> bytes:
    """The path as it was sent, percent-encoding and all."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    return raw
