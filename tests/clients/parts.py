"""Multipart bodies, taken apart with the standard library's reader of mail."""

from __future__ import annotations

import hashlib
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.requests import Request


async def form_of(request: Request) -> list[dict[str, Any]]:
    """Each part's name, file name, type, length and hash; a field without a file name as text."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + await request.body())
    return [_part(part) for part in message.iter_parts()]


def _part(part: Any) -> dict[str, Any]:
    content: bytes = part.get_payload(decode=True)
    told = {
        "name": part.get_param("name", header="content-disposition"),
        "file": part.get_filename(),
        "type": part.get("content-type"),
    }
    if told["file"] is None:
        return {**told, "text": content.decode()}
    return {**told, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def described(form: list[dict[str, Any]]) -> str:
    """One line that changes with every byte of a form."""
    return " | ".join(
        " ".join(f"{key}={value}" for key, value in part.items() if value is not None)
        for part in form
    )
