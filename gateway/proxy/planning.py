"""What becomes of a request: passed on to a deployment, or answered here. Nothing is sent yet."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from gateway.config import DeploymentSettings, KeyHeader, LimitSettings
from gateway.proxy.addressing import Address, Target, at_upstream, models_in_query, naming
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
from gateway.proxy.headers import (
    Headers,
    framed,
    length_places,
    oddly_coded,
    request_headers,
    upgrading,
)
from gateway.proxy.listing import models_answer
from gateway.proxy.reading import LATER, READ_AT_ONCE, BodyReader
from gateway.proxy.routing import EVERYTHING, Route, Router
from gateway.proxy.splice import MAX_DEPTH, Fields, TooDeep, insert_model, replace_model
from gateway.upstreams.base import Pattern, UpstreamCall

_REALTIME = "/v1/realtime"


class Asked:
    """A request whose head has been read."""

    __slots__ = ("address", "call", "head", "named", "request_id")

    def __init__(self, request_id: str, call: Call) -> None:
        self.request_id = request_id
        self.call = call
        self.head: RequestHead = call.head
        self.address = call.head.address
        self.named: tuple[str, ...] = ()
        """The models that the query of a WebSocket for Realtime names."""
        if call.head.websocket and self.address.path == _REALTIME:
            self.named = models_in_query(call.head.target.query)


class _Road:
    """What was decided on a call: whose it is, what it asks for and where it goes.

    The next call with the same headers and address goes the same way if it names the same model.
    """

    __slots__ = ("address", "client", "model", "route")

    def __init__(
        self, address: Address, client: Client, route: Route, *, model: str | None
    ) -> None:
        self.address = address
        self.client = client
        self.route = route
        self.model = model


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

    def at_once(self, asked: Asked) -> Passage | Answer | None:
        """The plan of a call like the one before it; None where ``plan`` must be asked."""
        head = asked.head
        road: _Road | None = head.fields.recall("road", self)
        if road is None or road.address is not head.address:
            return None
        body = asked.call.body.taken(min(READ_AT_ONCE, self._limits.max_request_bytes))
        if body is None:
            return None
        try:
            fields = self._reader.at_once(body)
        except TooDeep:
            return too_deep(MAX_DEPTH).answer
        if fields is not None and fields.model == road.model and not fields.ambiguous:
            return Passage(asked, road, self._admission.consumes_keys, read=(body, fields))
        pinned = head.get(b"x-candor-deployment")
        return self._routed(asked, road.client, body, pinned=pinned, fields=fields)

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
        road = _Road(asked.address, client, route, model=model)
        if fields is not None and self._repeats(asked, model, pinned, client=client):
            asked.head.fields.learn("road", self, road)
        return Passage(asked, road, self._admission.consumes_keys, read=(body, fields))

    def _repeats(
        self, asked: Asked, model: str | None, pinned: str | None, *, client: Client
    ) -> bool:
        """Whether the same headers, address and model always make the same road."""
        if not asked.address.endpoint.routed_by_model or asked.named:
            return False
        return not self._router.draws(model, pinned, sticky=client.name or None)

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
            return odd_path(head.target.path.decode("latin-1"))
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
        road: _Road,
        consumes_keys: bool,
        *,
        read: tuple[bytes | None, Fields | None],
    ) -> None:
        self._asked = asked
        self.client = road.client
        self.route = road.route
        self.model = road.model
        self.request, self._fields = read
        self._consumes_keys = consumes_keys

    def call_to(self, deployment: DeploymentSettings, deadline: float | None) -> UpstreamCall:
        """The request as this deployment's upstream gets it, given up at ``deadline``."""
        head = self._asked.head
        known: _Outgoing | None = head.fields.recall("outgoing", deployment)
        if known is None or known.target is not head.target:
            known = head.fields.learn("outgoing", deployment, self._outgoing(deployment))
        query, pattern = known.query, None
        sent = self._sent(deployment.upstream.model, known.base_path)
        if head.websocket:
            headers = upgrading(known.headers, protocol=head.fields.first[b"upgrade"])
            if deployment.upstream.model is not None and self._asked.named:
                query = naming(query, deployment.upstream.model)
        elif sent and known.length_at is not None:
            headers, pattern = known.headers.copy(), known.pattern
            headers[known.length_at] = (headers[known.length_at][0], b"%d" % len(sent))
        else:
            # Chunks without a byte stay chunks: neither they nor a length is no body at all.
            headers = framed(known.headers, length=len(sent) if sent else head.length)
        call = self._asked.call
        return UpstreamCall(
            head.target.method,
            known.path,
            query,
            headers,
            call.tunnel or (call.body if sent is None else sent),
            self.route.timeouts,
            deadline,
            call.client,
            pattern,
        )

    def _outgoing(self, deployment: DeploymentSettings) -> _Outgoing:
        address, head = self._asked.address, self._asked.head
        kind = "headers" if address.azure is None else "azure headers"
        headers = head.fields.recall(kind, deployment) or head.fields.learn(
            kind, deployment, self._headers(deployment)
        )
        return _Outgoing(head.target, address, headers, deployment=deployment)

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


class _Outgoing:
    """What requests to a deployment have in common while their headers and target are the same.

    ``length_at`` is where the body's length goes among ``headers``, None where there is not one
    place for it.
    """

    __slots__ = ("base_path", "headers", "length_at", "path", "pattern", "query", "target")

    def __init__(
        self, target: Target, address: Address, headers: Headers, *, deployment: DeploymentSettings
    ) -> None:
        self.target = target
        self.headers = headers
        self.base_path = _base_path(deployment)
        model = deployment.upstream.model
        self.path, self.query = at_upstream(address, target.query, self.base_path, model)
        places = length_places(headers)
        self.length_at = places[0] if len(places) == 1 else None
        self.pattern = Pattern()


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
