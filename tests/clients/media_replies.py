"""What the scripted upstream says about sound and pictures."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.clients.chat_replies import CREATED, events
from tests.clients.parts import described, form_of

SPEECH = bytes(range(256)) * 512
"""128 KiB in which every byte value comes up."""


async def transcriptions(request: Request) -> Response:
    """The form that came, as if it had been spoken; the caller's response format decides how."""
    form = await form_of(request)
    spoken = described(form)
    wanted = {part["name"]: part.get("text") for part in form}
    if wanted.get("stream") == "true":
        deltas = ({"type": "transcript.text.delta", "delta": word} for word in spoken.split(" "))
        return events(iter([*deltas, {"type": "transcript.text.done", "text": spoken}]))
    if wanted.get("response_format") in ("text", "srt", "vtt"):
        return PlainTextResponse(spoken)
    return JSONResponse({"text": spoken, "usage": {"type": "duration", "seconds": 3}})


async def speech(request: Request) -> Response:
    """Binary sound in pieces; its first bytes depend on the text."""
    text = (await request.json())["input"]

    def pieces() -> Iterator[bytes]:
        yield hashlib.sha256(text.encode()).digest()
        for start in range(0, len(SPEECH), 10_000):
            yield SPEECH[start : start + 10_000]

    return StreamingResponse(pieces(), media_type="audio/mpeg")


async def images(request: Request) -> Response:
    """A picture that is its own request's description, in base64."""
    if request.headers["content-type"].startswith("multipart/"):
        asked = described(await form_of(request))
    else:
        asked = json.dumps(await request.json(), sort_keys=True)
    picture = base64.b64encode(asked.encode()).decode()
    return JSONResponse({"created": CREATED, "data": [{"b64_json": picture}]})


ROUTES = [
    Route("/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/audio/translations", transcriptions, methods=["POST"]),
    Route("/audio/speech", speech, methods=["POST"]),
    Route("/images/generations", images, methods=["POST"]),
    Route("/images/edits", images, methods=["POST"]),
    Route("/images/variations", images, methods=["POST"]),
]
