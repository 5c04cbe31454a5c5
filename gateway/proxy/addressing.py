"""Which request targets are relayed, what they ask for, and where they lead at an upstream.

Clients reach the same operation by three roads: OpenAI's paths under /v1, Azure's under
/openai/deployments/NAME (the name stands for the model), and Azure's newer /openai/v1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qs, quote, unquote_to_bytes

from gateway.proxy.endpoints import Endpoint, endpoint_of

_V1 = b"/v1"
_AZURE = b"/openai"
_AZURE_V1 = b"/openai/v1"
_NAMED = b"/openai/deployments/"

_REMEMBERED_BYTES = 128
"""Longest path whose meaning is remembered: a client must not fill the memory with its paths."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a target asks for.

    ``path`` is the operation's path as OpenAI writes it, decoded; ``rest`` what follows /v1 of it,
    as it was sent. ``azure`` is what followed /openai, None on OpenAI's own road. ``model`` is the
    one that the path names.
    """

    endpoint: Endpoint
    path: str
    rest: bytes
    azure: bytes | None = None
    model: str | None = None
    odd: bool = False
    """Whether the path is one that hops resolve in different ways."""


class Target:
    """A request's method and target, taken apart; ``sent`` is the target as it came.

    ``path`` is as it was sent, percent-encoding and all, and ``query`` what follows its question
    mark, None where there is none. ``address`` is what it asks for, None where that is not the
    relay's.
    """

    __slots__ = ("address", "method", "path", "query", "sent")

    def __init__(self, method: bytes, sent: bytes) -> None:
        self.method = method
        self.sent = sent
        self.path, mark, query = origin_form(sent).partition(b"?")
        self.query = query if mark else None
        self.address = address_of(method, self.path) if relayed(self.path) else None


def relayed(path: bytes) -> bool:
    """Whether a path, as it was sent, belongs to the relay."""
    return path.startswith((b"/v1/", b"/openai/")) or path == _V1


def origin_form(target: bytes) -> bytes:
    """A target without the scheme and host that proxies are sent (RFC 9112, 3.2.2)."""
    if target.startswith(b"/"):
        return target
    _, found, rest = target.partition(b"://")
    slash = rest.find(b"/")
    return rest[slash:] if found and slash >= 0 else target


def address_of(method: bytes, path: bytes) -> Address:
    """What a relayed path asks for."""
    return _known(method, path) if len(path) <= _REMEMBERED_BYTES else _read(method, path)


def _read(method: bytes, path: bytes) -> Address:
    address = _plainly_read(method, path)
    return replace(address, odd=True) if odd(path) else address


def _plainly_read(method: bytes, path: bytes) -> Address:
    if path.startswith(_V1):
        return _address(method, path[len(_V1) :])
    azure = path[len(_AZURE) :]
    if path.startswith(_AZURE_V1 + b"/"):
        return _address(method, path[len(_AZURE_V1) :], azure)
    if not path.startswith(_NAMED):
        return _address(method, azure, azure)
    name, slash, rest = path[len(_NAMED) :].partition(b"/")
    return _address(method, slash + rest, azure, model=_decoded(name))


_known = lru_cache(maxsize=1024)(_read)
"""Most calls ask for what one before them asked for."""


def at_upstream(
    address: Address, query: bytes | None, base_path: bytes, model: str | None = None
) -> tuple[bytes, bytes | None]:
    """The path below an upstream's base, and the query, for a request to it.

    An upstream whose base ends in /openai is Azure's own and gets Azure's paths as they came, with
    ``model`` in the place of the name where it has one of its own; any other speaks OpenAI's,
    which know no api-version.
    """
    if address.azure is None:
        return address.rest, query
    if base_path.endswith(_AZURE):
        if address.model is None or model is None:
            return address.azure, query
        return b"/deployments/" + quote(model, safe="").encode("ascii") + address.rest, query
    if address.azure.startswith(b"/v1/"):
        return address.rest, query
    if query is None:
        return address.rest, None
    kept = [field for field in query.split(b"&") if not field.startswith(b"api-version=")]
    return address.rest, b"&".join(kept)


def models_in_query(query: bytes | None) -> tuple[str, ...]:
    """The models that a query names, as Realtime's does, each once."""
    return tuple(dict.fromkeys(parse_qs((query or b"").decode("latin-1")).get("model", ())))


def naming(query: bytes | None, model: str) -> bytes:
    """The query with another model in it, every other field as it was."""
    written = b"model=" + quote(model, safe="").encode("ascii")
    fields = (query or b"").split(b"&")
    return b"&".join(written if _names_model(field) else field for field in fields)


def _names_model(field: bytes) -> bool:
    return unquote_to_bytes(field.partition(b"=")[0].replace(b"+", b" ")) == b"model"


def odd(path: bytes) -> bool:
    """Whether a path has dot segments, empty ones or a fragment, which hops resolve differently."""
    if b"%" not in path and b"//" not in path and b"/." not in path and b"#" not in path:
        return b"\\" in path and _odd_steps(path)
    return b"#" in path or _odd_steps(path)


def _odd_steps(path: bytes) -> bool:
    decoded = unquote_to_bytes(path).replace(b"\\", b"/")
    steps = [step.partition(b";")[0] for step in decoded.split(b"/")]
    return b"." in steps or b".." in steps or b"" in steps[1:-1]


def _address(
    method: bytes, rest: bytes, azure: bytes | None = None, *, model: str | None = None
) -> Address:
    path = "/v1" + _decoded(rest)
    return Address(endpoint_of(method.decode("latin-1"), path), path, rest, azure, model)


def _decoded(part: bytes) -> str:
    if b"%" in part:
        part = unquote_to_bytes(part)
    return part.decode("utf-8", "replace")
