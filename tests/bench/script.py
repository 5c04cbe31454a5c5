"""What the scripted upstream says, as a pure function of the model's name and the call's id.

The model's name is the script, because it passes every gateway unharmed: ``small`` is one JSON
reply of about 600 bytes, ``large-K`` one of K KiB, ``stream-N-G`` an event stream of N parts that
are G milliseconds apart. Whoever knows name and id knows the whole reply to the byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"(small)|large-(\d+)|stream-(\d+)-(\d+)")
_MODEL = re.compile(rb'"model"\s*:\s*"([^"]+)"')
_SMALL_REPLY_BYTES = 600
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A reply to be given. ``parts`` is 0 for a reply in one piece, whose size is ``size``."""

    model: str
    size: int = 0
    parts: int = 0
    gap_seconds: float = 0.0


def script_named(model: str) -> Script | None:
    """The script that a model's name stands for; None where it is no script."""
    found = _NAME.fullmatch(model)
    if found is None:
        return None
    small, kibibytes, parts, gap = found.groups()
    if small:
        return Script(model, size=_SMALL_REPLY_BYTES)
    if kibibytes:
        return Script(model, size=int(kibibytes) * 1024)
    return Script(model, parts=int(parts), gap_seconds=int(gap) / 1000)


def script_in(body: bytes) -> Script | None:
    """The script that a request's body names."""
    found = _MODEL.search(body)
    return None if found is None else script_named(found[1].decode("ascii", "replace"))


def whole(script: Script, call_id: str) -> bytes:
    """The reply in one piece, filled up to its size."""
    head = (
        f'{{"id":"{call_id}","object":"chat.completion","created":1700000000,'
        f'"model":"{script.model}","choices":[{{"index":0,"message":{{"role":"assistant",'
        f'"content":"'
    ).encode()
    tail = (
        b'"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":12,"completion_tokens":80,"total_tokens":92}}'
    )
    words = b"Heat pumps move warmth from a cold place to a warm one. "
    room = max(0, script.size - len(head) - len(tail))
    return head + (words * (room // len(words) + 1))[:room] + tail


def event(script: Script, call_id: str, number: int) -> bytes:
    """Part ``number`` of a streamed reply, counted from 0; the last says why the reply ends."""
    finish = '"stop"' if number == script.parts - 1 else "null"
    return (
        f'data: {{"id":"{call_id}","object":"chat.completion.chunk","created":1700000000,'
        f'"model":"{script.model}","choices":[{{"index":0,"delta":{{"content":" word {number}"}},'
        f'"finish_reason":{finish}}}]}}\n\n'
    ).encode()


def expected(script: Script, call_id: str) -> bytes:
    """The body that a client shall have received when all went well."""
    if not script.parts:
        return whole(script, call_id)
    return b"".join(event(script, call_id, n) for n in range(script.parts)) + DONE


def request(model: str, *, port: int, key: str = "", call_id: str = "") -> bytes:
    """A chat completion request for a script, head and body, as it goes over the wire."""
    script = script_named(model)
    streamed = ',"stream":true' if script is not None and script.parts else ""
    body = (
        f'{{"model":"{model}","messages":[{{"role":"user","content":'
        f'"How do heat pumps work, and when is one worth its price?"}}]{streamed}}}'
    ).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *([f"authorization: Bearer {key}"] if key else []),
        *([f"x-request-id: {call_id}"] if call_id else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
