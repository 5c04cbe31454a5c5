"""What the scripted upstream says about files, batches and lists that come in pages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.clients.chat_replies import CREATED, failing
from tests.clients.parts import form_of

CONTENT = b'{"custom_id": "a"}\n\x00\xff\xfe binary \r\n' * 400


def _file(ident: str, *, name: str = "x.jsonl", size: int = 1, purpose: str = "batch") -> Any:
    told = {"filename": name, "bytes": size, "purpose": purpose, "status": "processed"}
    return {"id": ident, "object": "file", "created_at": CREATED, **told}


async def files(request: Request) -> Response:
    if request.method == "GET":
        listed = [_file("file-a"), _file("file-b")]
        return JSONResponse({"object": "list", "data": listed, "has_more": False})
    form = {part["name"]: part for part in await form_of(request)}
    sent = form["file"]
    ident = f"file-{sent['sha256'][:24]}"
    purpose = form["purpose"]["text"]
    return JSONResponse(_file(ident, name=sent["file"], size=sent["bytes"], purpose=purpose))


async def one_file(request: Request) -> Response:
    ident = request.path_params["ident"]
    if ident == "file-missing":
        return failing(404)
    if request.method == "DELETE":
        return JSONResponse({"id": ident, "object": "file", "deleted": True})
    return JSONResponse(_file(ident))


async def file_content(request: Request) -> Response:
    return Response(CONTENT, media_type="application/octet-stream")


async def batches(request: Request) -> Response:
    """A batch as it was asked for, or a page of seven that are listed two at a time."""
    if request.method == "POST":
        return JSONResponse(_batch("batch_new", **(await request.json())))
    all_of_them = [f"batch_{n}" for n in range(7)]
    after = request.query_params.get("after")
    start = all_of_them.index(after) + 1 if after else 0
    size = int(request.query_params.get("limit", "20"))
    page = all_of_them[start : start + size]
    more = start + size < len(all_of_them)
    listed = [_batch(ident) for ident in page]
    return JSONResponse({"object": "list", "data": listed, "has_more": more})


def _batch(ident: str, **asked: Any) -> dict[str, Any]:
    wanted = {"endpoint": "/v1/chat/completions", "input_file_id": "file-a"}
    wanted |= {"completion_window": "24h", **asked}
    made = {"object": "batch", "status": "validating", "created_at": CREATED}
    return {"id": ident, **made, **wanted}


async def cancelled_batch(request: Request) -> Response:
    return JSONResponse({**_batch(request.path_params["ident"]), "status": "cancelling"})


ROUTES = [
    Route("/files", files, methods=["GET", "POST"]),
    Route("/files/{ident}", one_file, methods=["GET", "DELETE"]),
    Route("/files/{ident}/content", file_content, methods=["GET"]),
    Route("/batches", batches, methods=["GET", "POST"]),
    Route("/batches/{ident}/cancel", cancelled_batch, methods=["POST"]),
]
