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
    odd_path,
    request_too_large,
    websocket,
)
from gateway.proxy.headers import body_length, framed, request_headers, value_of
from gateway.proxy.listing import models_answer
from gateway.proxy.routing import Router
from gateway.proxy.splice import Fields, read_fields, replace_model
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
        fields = read_fields(body) if body is not None and asked.endpoint.routed_by_model else None
        route = self._router.route(
            fields.model if fields else None,
            pinned,
            asked.request_id,
            allowed_models=client.models,
        )
        if isinstance(route, Declined):
            return route.answer
        return self._passage(asked, route.deployment, body, fields=fields)

    def _admitted(self, scope: Scope) -> Client | Declined:
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size > self._limits.max_head_bytes:
            return head_too_large(self._limits.max_head_bytes)
        if (value_of(scope["headers"], b"upgrade") or "").lower() == "websocket":
            return websocket()
        steps = scope["path"].replace("\\", "/").split("/")
        if "." in steps or ".." in steps or not _raw_path(scope).startswith(_PREFIX):
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


def _raw_path(scope: Scope) -> bytes:
    """The path as it was sent, percent-encoding and all."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    return raw
