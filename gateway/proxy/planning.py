"""What becomes of a request: passed on to a deployment, or answered here. Nothing is sent yet."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from gateway.config import DeploymentSettings, KeyHeader, LimitSettings
from gateway.proxy.addressing import Address, at_upstream, models_in_query, naming
from gateway.proxy.admission import Admission, Client
from gateway.proxy.call import BodyTooLarge, Call, RequestFields, RequestHead
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.errors import (
    Answer,
    Declined,
    bad_request,
    model_ambiguous,
    model_missing,
    odd_path,
    odd_transfer_coding,
    request_too_large,
    too_deep,
)
from gateway.proxy.headers import Headers, framed, oddly_coded, request_headers, upgrading
from gateway.proxy.listing import models_answer
from gateway.proxy.reading import LATER, BodyReader
from gateway.proxy.routing import EVERYTHING, Route, Router
from gateway.proxy.splice import MAX_DEPTH, Fields, TooDeep, insert_model, replace_model
from gateway.upstreams.base import UpstreamCall

_REALTIME = "/v1/realtime"


class Asked:
    """A request whose head has been read."""

    __slots__ = ("address", "call", "head", "named", "request_id")

    def __init__(self, request_id: str, address: Address, call: Call) -> None:
        self.request_id = request_id
        self.address = address
        self.call = call
        self.head: RequestHead = call.head
        self.named: tuple[str, ...] = ()
        """The models that the query of a WebSocket for Realtime names."""
        if call.head.websocket and address.path == _REALTIME:
            self.named = models_in_query(call.head.query)


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
        head, address = asked.head, asked.address
        client = self._admitted(asked)
        if isinstance(client, Declined):
            return client.answer
        pinned = head.get(b"x-candor-deployment")
        if address.endpoint is Endpoint.MODELS and not (pinned or self._router.only_catch_all):
            models = self._router.models(client.models)
            return models_answer(address.path, models, self._since)
        body: bytes | None = None
        if address.endpoint.routed_by_model or asked.call.body.empty:
            body = asked.call.body.taken(self._limits.max_request_bytes)
        if body is None:
            got = await self._body(asked, client)
            if isinstance(got, Declined):
                return got.answer
            body = got
        try:
            fields = self._reader.at_once(body) if _legible(head, body) else None
            if fields is LATER and body is not None:
                fields = await self._reader.fields(body)
        except TooDeep:
            return too_deep(MAX_DEPTH).answer
        return self._routed(asked, client, body, pinned=pinned, fields=fields)

    def _routed(
        self,
        asked: Asked,
        client: Client,
        body: bytes | None,
        *,
        pinned: str | None,
        fields: Fields | None,
    ) -> Passage | Answer:
        if len(asked.named) > 1:
            return model_ambiguous().answer
        model = self._model(asked, fields)
        routed = asked.address.endpoint.routed_by_model
        if routed and model is None and client.limited:
            return _unnamed(asked, fields).answer
        route = self._router.route(
            model,
            pinned,
            asked.request_id,
            allowed_models=client.models,
            sticky=client.name or None,
        )
        if isinstance(route, Declined):
            return route.answer
        read = not asked.named and (routed or model is not None)
        if read and (gap := _gap(asked, route.deployment, fields, client=client)):
            return gap.answer
        consumes_keys = self._admission.consumes_keys
        return Passage(
            asked, client, route, model=model, read=(body, fields), consumes_keys=consumes_keys
        )

    def _model(self, asked: Asked, fields: Fields | None) -> str | None:
        """The model that is asked for: the path's, the body's or, of a WebSocket, the query's."""
        if asked.address.model is not None:
            return asked.address.model
        if fields is not None:
            known = asked.address.endpoint.routed_by_model or self._router.serves(fields.model)
            return fields.model if known else None
        return asked.named[0] if len(asked.named) == 1 else None

    def _admitted(self, asked: Asked) -> Client | Declined:
        head = asked.head
        if asked.address.odd:
            return odd_path(head.path.decode("latin-1"))
        if head.websocket and head.length != 0:
            return bad_request("a handshake for a WebSocket has no body")
        fields = head.fields
        return fields.recall("client", self) or fields.learn("client", self, self._admit(fields))

    def _admit(self, fields: RequestFields) -> Client | Declined:
        if b"transfer-encoding" in fields.first and oddly_coded(fields.headers):
            return odd_transfer_coding()
        return self._admission.admit(fields.headers)

    async def _body(self, asked: Asked, client: Client) -> bytes | Declined | None:
        """The whole body, None where it streams through."""
        call = asked.call
        if not asked.address.endpoint.routed_by_model and not self._names_model(asked, client):
            return None
        limit = self._limits.max_request_bytes
        if call.head.length is not None and call.head.length > limit:
            return request_too_large(limit)
        try:
            return await call.body.whole(limit)
        except BodyTooLarge:
            return request_too_large(limit)

    def _names_model(self, asked: Asked, client: Client) -> bool:
        """Whether a call of another kind is routed by a model that its body may name.

        Where there is one deployment and the client may ask for everything there is nothing to
        choose, so that nothing is read.
        """
        if asked.address.model is not None or (self._router.one_road and not client.limited):
            return False
        kind = asked.head.fields.first.get(b"content-type", b"").partition(b";")[0].strip().lower()
        return kind == b"application/json"


class Passage:
    """A call that goes on, ready to be written out for any deployment.

    ``model`` is what was asked for, ``request`` the client's body, None where it streams through.
    """

    __slots__ = ("_asked", "_consumes_keys", "_fields", "client", "model", "request", "route")

    def __init__(
        self,
        asked: Asked,
        client: Client,
        route: Route,
        *,
        model: str | None,
        read: tuple[bytes | None, Fields | None],
        consumes_keys: bool,
    ) -> None:
        self._asked = asked
        self.client = client
        self.route = route
        self.model = model
        self.request, self._fields = read
        self._consumes_keys = consumes_keys

    def call_to(self, deployment: DeploymentSettings, deadline: float | None) -> UpstreamCall:
        """The request as this deployment's upstream gets it, given up at ``deadline``."""
        upstream = deployment.upstream
        head = self._asked.head
        base_path = _base_path(deployment)
        path, query = at_upstream(self._asked.address, head.query, base_path, upstream.model)
        fields = head.fields
        kind = "headers" if self._asked.address.azure is None else "azure headers"
        headers = fields.recall(kind, deployment) or fields.learn(
            kind, deployment, self._headers(deployment)
        )
        sent = self._sent(upstream.model, base_path)
        if head.websocket:
            headers = upgrading(headers, protocol=fields.first[b"upgrade"])
            if upstream.model is not None and self._asked.named:
                query = naming(query, upstream.model)
        else:
            # Chunks without a byte stay chunks: neither they nor a length is no body at all.
            headers = framed(headers, length=len(sent) if sent else head.length)
        call = self._asked.call
        body = call.tunnel or (call.body if sent is None else sent)
        hints = call.client
        timeouts = self.route.timeouts
        return UpstreamCall(head.method, path, query, headers, body, timeouts, deadline, hints)

    def _sent(self, model: str | None, base_path: bytes) -> bytes | None:
        body, fields = self.request, self._fields
        if body is None or fields is None:
            return body
        named = None if base_path.endswith(b"/openai") else self._asked.address.model
        # A provider's wildcard stands for whatever was asked for.
        own = None if model is not None and "*" in model else model
        written = own or named
        if written is None:
            return body
        if fields.model is None:
            return insert_model(body, written) if named is not None else body
        return replace_model(body, fields, written)

    def _headers(self, deployment: DeploymentSettings) -> Headers:
        upstream = deployment.upstream
        place = upstream.key_header
        if place is None and self._asked.address.azure is not None and not _azure(deployment):
            # Azure's clients send their key where only Azure looks for one.
            place = KeyHeader.AUTHORIZATION
        return request_headers(
            self._asked.head.fields.headers,
            key=upstream.api_key.get_secret_value() if upstream.api_key else None,
            drop_keys=self._consumes_keys,
            key_header=place,
        )


def _legible(head: RequestHead, body: bytes | None) -> bool:
    """Whether there is a body that is not compressed."""
    coding = head.fields.first.get(b"content-encoding")
    return bool(body) and (coding is None or coding.strip().lower() == b"identity")


@lru_cache(maxsize=1024)
def _path_of(base_url: str) -> bytes:
    return urlsplit(base_url).path.rstrip("/").encode("ascii")


def _base_path(deployment: DeploymentSettings) -> bytes:
    """Where a deployment's API begins on its host; empty for a provider's own."""
    base_url = deployment.upstream.base_url
    return b"" if base_url is None else _path_of(base_url)


def _azure(deployment: DeploymentSettings) -> bool:
    """Whether a deployment's upstream is Azure's own, by where its API begins."""
    return _base_path(deployment).endswith((b"/openai", b"/openai/v1"))


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
    named = _base_path(deployment).endswith(b"/openai")
    if named and asked.address.model is not None and not asked.address.endpoint.routed_by_model:
        return None  # The path names the model, there too, and nobody reads the body.
    if fields is None or (fields.model is None and asked.address.model is None):
        return _unnamed(asked, fields)
    return model_ambiguous() if fields.ambiguous and not rewritten else None


def _unnamed(asked: Asked, fields: Fields | None) -> Declined:
    reason = (
        "this one is not plain JSON in UTF-8, or compressed" if fields is None else "this has none"
    )
    return model_missing(asked.address.path, reason)
