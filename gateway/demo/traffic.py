"""Ordinary traffic for the demo: the openai SDK, unchanged but for its base URL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.demo.scene import DEPLOYMENTS, DemoProblem, Scene

EVERYDAY = (
    "What is a good name for a small bakery?",
    "Explain how a heat pump works in three sentences.",
    "Write a polite reminder for an unpaid invoice.",
    "Which vegetables can I plant in late autumn?",
    "Give me five stretches for a stiff neck.",
    "What does a load balancer do?",
)
"""What most traffic is: nothing that any model should refuse."""

PROBED_SHARE = 4
"""One probe prompt of every four also travels as live traffic, so that some of it is refused."""


async def send_traffic(scene: Scene) -> int:
    """Send the demo's live calls through the gateway and return how many were answered.

    Every second call streams. Raises DemoProblem where the openai package is missing.
    """
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise DemoProblem(
            "the demo speaks through the openai package: pip install 'candor[demo]'"
        ) from error
    prompts = [*EVERYDAY, *(case.prompt for case in scene.cases[::PROBED_SHARE])]
    # max_retries=0: every call is one request, so the counters can be read against this number.
    async with AsyncOpenAI(
        base_url=f"{scene.gateway_url}/v1", api_key="demo", max_retries=0
    ) as client:
        calls = [(model, prompt) for model in DEPLOYMENTS for prompt in prompts]
        return await _send_all(client, calls)


async def _send_all(client: Any, calls: Sequence[tuple[str, str]]) -> int:
    """Eight at a time, alternately whole and streamed."""
    gate = asyncio.Semaphore(8)

    async def one(number: int, model: str, prompt: str) -> None:
        async with gate:
            asked = {"model": model, "messages": [{"role": "user", "content": prompt}]}
            if number % 2:
                await client.chat.completions.create(**asked)
                return
            async for _ in await client.chat.completions.create(**asked, stream=True):
                pass

    async with asyncio.TaskGroup() as group:
        for number, (model, prompt) in enumerate(calls):
            group.create_task(one(number, model, prompt))
    return len(calls)
