"""LiteLLM, imported here and nowhere else, in a thread with an event loop of its own.

A call through LiteLLM costs some 10 ms of processor time and its import 4 s; it resolves hosts,
refreshes cloud credentials and fetches images while it blocks whoever called. In a thread of its
own none of that holds up the loop that relays everybody else's bytes: there a call is one future.

The environment is written here, and only before the import: LiteLLM knows no other way to be told
that it must not fetch its price list, read a .env file or log what it is sent.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from difflib import get_close_matches
from typing import Any, TypeVar

from gateway.upstreams.litellm_request import Operation
from gateway.upstreams.litellm_wiretap import listen_to, tapped_session

T = TypeVar("T")

_SWITCHES = {
    # No network at import: the price list and the list of beta headers that it brings are used.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    # Anything but DEV: the .env file of whatever folder the gateway was started in is not read.
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    # A model that repeats itself is passed on like any other: LiteLLM breaks a stream off after a
    # hundred equal parts.
    "REPEATED_STREAMING_CHUNK_LIMIT": "1000000000",
}

_ONCE = {"num_retries": 0, "max_retries": 0}
"""A call is sent once: LiteLLM's own retries, and those of the SDKs that it uses, stay off."""

_NO_GATEWAY = {"_skip_mcp_handler": True}
"""Tools are the provider's to call: LiteLLM's MCP gateway, for which every call with tools would
import its proxy, looks at none."""

_BRIDGES = "litellm.llms.anthropic.pass_through.adapters.handler"
_RESPONSES = "litellm.responses.litellm_completion_transformation.handler"
"""What litellm.anthropic.messages and litellm.aresponses come to for a provider that speaks neither
protocol. Their front doors import LiteLLM's whole proxy, whose requirements the package does not
bring (mcp, soundfile, backoff); these do not."""

_SWITCH_SECONDS = 0.0005
"""How long LiteLLM's thread may keep the interpreter while the relay's waits for it. Python's 5 ms
would be added to every part of a stream that comes by meanwhile."""

_STOP_SECONDS = 5.0
"""How long the thread may take to end; it is a daemon and holds nothing up after that."""


class LiteLLMMissing(Exception):
    """LiteLLM is configured and not installed; its text is one readable line."""


class LiteLLMEngine:
    """One LiteLLM for every deployment that needs it. Made on any loop, used from one.

    Nothing is started or imported before the first ``warm`` or call.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._library: Any = None
        self._session: Any = None
        self._unlisten: Callable[[], None] = _nothing
        self._owned: frozenset[str] = frozenset()

    async def warm(self, providers: Iterable[str] = ()) -> list[str]:
        """Imports LiteLLM, so that the first call finds it ready; some 4 s, off this loop.

        One line comes back for each provider that LiteLLM does not know. Raises LiteLLMMissing.
        """
        return await self.run(self._warm(tuple(providers)))

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Awaits ``work`` on LiteLLM's loop; a cancelled wait cancels it."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts ``work`` on LiteLLM's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def leave(self, work: Coroutine[Any, Any, Any]) -> None:
        """Starts ``work`` that nobody waits for; nothing where there is no loop any more."""
        if self._loop is None:
            work.close()
        else:
            self.submit(work)

    def owns(self, name: str) -> bool:
        """Whether LiteLLM takes an argument of this name for itself. On its loop only."""
        self.load()
        return name in self._owned

    def ask(self, operation: Operation, arguments: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        """LiteLLM's answer to come: a model, a dict, or a stream of either. On its loop only."""
        library = self.load()
        arguments = {**_ONCE, **arguments, "shared_session": self._session}
        if operation not in (Operation.EMBEDDINGS, Operation.TEXT):
            arguments |= _NO_GATEWAY
        if operation is Operation.MESSAGES:
            return self._messages(arguments)
        if operation is Operation.RESPONSES:
            return self._responses(arguments)
        functions = {
            Operation.CHAT: library.acompletion,
            Operation.TEXT: library.atext_completion,
            Operation.EMBEDDINGS: library.aembedding,
        }
        answer: Coroutine[Any, Any, Any] = functions[operation](**arguments)
        return answer

    def load(self) -> Any:
        """LiteLLM, imported and quiet. On its loop only; raises LiteLLMMissing."""
        if self._library is not None:
            return self._library
        for name, value in _SWITCHES.items():
            os.environ[name] = value
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
        try:
            library: Any = importlib.import_module("litellm")
        except ImportError as problem:
            raise LiteLLMMissing(
                f"LiteLLM cannot be imported ({problem}); run: pip install 'candor[litellm]'"
            ) from None
        library.telemetry = False
        library.suppress_debug_info = True
        self._session = tapped_session()
        self._unlisten = listen_to(library, self._session)
        self._owned = _owned_names(library)
        self._library = library
        return library

    async def aclose(self) -> None:
        """Closes idle connections and ends the thread. A later call starts another."""
        if self._loop is None or self._thread is None:
            return
        loop, thread = self._loop, self._thread
        if self._session is not None:
            self._unlisten()
            await self.run(self._session.close())
        self._loop = self._thread = self._library = self._session = None
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _STOP_SECONDS)

    async def _warm(self, providers: tuple[str, ...]) -> list[str]:
        library = self.load()
        # Touches what LiteLLM puts off until a first call; the answer is made up, nothing is sent.
        await library.acompletion(
            model="openai/warm", messages=[{"role": "user", "content": "-"}], mock_response="-"
        )
        for bridge in (_BRIDGES, _RESPONSES):
            importlib.import_module(bridge)
        known = [str(getattr(each, "value", each)) for each in library.provider_list]
        return [_unknown(each, known) for each in providers if each not in known]

    def _messages(self, arguments: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        module = importlib.import_module(_BRIDGES)
        bridge = module.LiteLLMMessagesToCompletionTransformationHandler
        # Any router but None: without one the bridge imports LiteLLM's proxy to look for one.
        answer: Coroutine[Any, Any, Any] = bridge.async_anthropic_messages_handler(
            **arguments, litellm_router=False
        )
        return answer

    def _responses(self, arguments: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        bridge = importlib.import_module(_RESPONSES).LiteLLMCompletionTransformationHandler()
        known = importlib.import_module("litellm.types.llms.openai")
        fields = set(known.ResponsesAPIOptionalRequestParams.__annotations__) - {"stream", "model"}
        request = {name: arguments.pop(name) for name in fields & set(arguments)}
        answer: Coroutine[Any, Any, Any] = bridge.response_api_handler(
            **arguments, responses_api_request=request, _is_async=True
        )
        return answer

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_SECONDS))
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name="litellm", daemon=True
            )
            self._thread.start()
        return self._loop


def _nothing() -> None:
    pass


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_wind_down())
    finally:
        loop.close()


async def _wind_down() -> None:
    """Ends what LiteLLM left running, its log writer above all."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


def _owned_names(library: Any) -> frozenset[str]:
    """Every argument that LiteLLM declares; those of OpenAI's reference are looked up before."""
    declared = importlib.import_module("litellm.types.utils").all_litellm_params
    defaults = importlib.import_module("litellm.constants").DEFAULT_CHAT_COMPLETION_PARAM_VALUES
    named = {
        name
        for function in (library.completion, library.embedding, library.text_completion)
        for name in inspect.signature(function).parameters
    }
    return frozenset({*declared, *defaults, *named, "user_config"})


def _unknown(provider: str, known: list[str]) -> str:
    close = get_close_matches(provider, known, n=1)
    remedy = (
        f"did you mean {close[0]}?" if close else "docs/providers.md says where they are listed"
    )
    return f"LiteLLM knows no provider {provider!r}; {remedy}"
