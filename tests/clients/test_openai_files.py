"""The openai SDK sending and fetching bytes: sound, pictures, files, batches, pages of lists."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.clients.file_replies import CONTENT
from tests.clients.media_replies import SPEECH
from tests.clients.sides import failed, plain
from tests.clients.test_openai_text import asking

SOUND = bytes(range(256)) * 2000
"""Half a megabyte in which every byte value comes up, CR LF among them."""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def transcribe(client: openai.OpenAI, **options: Any) -> Any:
    sent = {"model": "whisper-1", "file": ("egg ü.mp3", SOUND, "audio/mpeg"), **options}
    return client.audio.transcriptions.create(**sent)


CALLS: dict[str, Callable[[openai.OpenAI], Any]] = {
    "transcription": transcribe,
    "transcription as text": lambda c: transcribe(c, response_format="text"),
    "transcription stream": lambda c: list(transcribe(c, stream=True)),
    "transcription with lists": lambda c: transcribe(
        c, timestamp_granularities=["word", "segment"], temperature=0.2, language="de"
    ),
    "translation": lambda c: c.audio.translations.create(
        model="whisper-1", file=("a.wav", io.BytesIO(SOUND))
    ),
    "speech": lambda c: c.audio.speech.create(model="tts-1", voice="alloy", input="An egg").content,
    "picture": lambda c: c.images.generate(model="gpt-image-1", prompt="an egg", n=1),
    "picture edited": lambda c: c.images.edit(
        model="gpt-image-1",
        image=[("a.png", PICTURE, "image/png"), ("b.png", PICTURE[::-1], "image/png")],
        mask=("mask.png", PICTURE, "image/png"),
        prompt="boil it ü",
    ),
    "picture varied": lambda c: c.images.create_variation(image=("a.png", PICTURE), n=2),
    "file": lambda c: c.files.create(file=("egg.jsonl", SOUND), purpose="batch"),
    "files": lambda c: list(c.files.list(purpose="batch")),
    "file retrieved": lambda c: c.files.retrieve("file-a"),
    "file content": lambda c: c.files.content("file-a").content,
    "file deleted": lambda c: c.files.delete("file-a"),
    "file missing": lambda c: c.files.content("file-a") and c.files.retrieve("file-missing"),
    "batch": lambda c: c.batches.create(
        input_file_id="file-a", endpoint="/v1/chat/completions", completion_window="24h"
    ),
    "batch cancelled": lambda c: c.batches.cancel("batch_1"),
    "batches page by page": lambda c: [batch.id for batch in c.batches.list(limit=2)],
}


@pytest.mark.parametrize("name", CALLS)
def test_bytes_sent_and_fetched_are_the_same_with_the_gateway_between(scripted, name):
    answer = scripted.same(asking(CALLS[name]))
    assert failed(answer) == (name == "file missing")


def test_a_list_of_seven_in_pages_of_two_is_fetched_whole(scripted):
    listed = scripted.same(asking(CALLS["batches page by page"]))
    assert listed == [f"batch_{n}" for n in range(7)]


def test_a_file_is_downloaded_byte_for_byte(scripted):
    assert scripted.same(asking(CALLS["file content"])) == CONTENT


def test_speech_is_written_to_a_file_as_it_streams(scripted, tmp_path):
    def saved(client: openai.OpenAI) -> bytes:
        target = Path(tmp_path) / "egg.mp3"
        create = client.audio.speech.with_streaming_response.create
        with create(model="tts-1", voice="alloy", input="An egg") as reply:
            reply.stream_to_file(target)
        return target.read_bytes()

    assert scripted.same(asking(saved)).endswith(SPEECH)


def test_a_file_of_twenty_megabytes_passes(scripted):
    blob = SOUND * 40
    sent = scripted.same(
        asking(lambda c: c.files.create(file=("big.bin", blob), purpose="user_data"))
    )
    assert sent["bytes"] == len(blob)


async def test_the_asynchronous_client_sends_and_fetches_the_same(scripted):
    async def ask(root: str) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-1") as client:
            file = await client.files.create(file=("a.bin", SOUND), purpose="batch")
            spoken = await client.audio.speech.create(model="t", voice="alloy", input="egg")
            pages = [batch.id async for batch in client.batches.list(limit=3)]
            return [plain(file), await spoken.aread(), pages]

    direct, through = await scripted.both_async(ask)
    assert through == direct
