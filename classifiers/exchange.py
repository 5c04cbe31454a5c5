"""The noun everything else speaks: one call to a model, read into prompt, reply and signals."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Who spoke a turn of the prompt."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Ending(StrEnum):
    """How the reply came to its end."""

    COMPLETE = "complete"
    """The upstream finished it, whatever finish reason it gave."""
    CUT = "cut"
    """It broke off: a dropped connection, a stream without its end, half a JSON document."""
    TRIMMED = "trimmed"
    """The upstream finished it, but only the opening was kept (the capture's size limit)."""
    ERROR = "error"
    """There is no reply: an error status, an error event, a body that cannot be read."""


class RefusalSource(StrEnum):
    """Who refused."""

    MODEL_TEXT = "model_text"
    NATIVE_REFUSAL = "native_refusal"
    PROVIDER_FILTER = "provider_filter"
    GATEWAY_GUARDRAIL = "gateway_guardrail"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the prompt: its text parts joined, everything that is not text left out."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class NativeSignal:
    """A refusal that the provider stated outright, outside the reply's text.

    ``kind`` is the wire's own name for it (``message.refusal``, ``finish_reason=content_filter``,
    ``stop_reason=refusal``); ``detail`` is the category or explanation that came with it.
    """

    kind: str
    source: RefusalSource
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call, read. Reading never raises: what went wrong is ``ending`` and ``problem``.

    ``reply`` is the answer's text alone: reasoning is kept apart in ``reasoning`` and is never
    judged; ``tool_calls`` counts calls that the reply asks for, ``attached`` says that it brings an
    image, a sound or a file, which nothing here looks at. ``problem`` is one readable line, empty
    when ``ending`` is ``complete``.
    """

    prompt: tuple[Turn, ...]
    reply: str
    ending: Ending = Ending.COMPLETE
    signals: tuple[NativeSignal, ...] = ()
    finish_reason: str = ""
    reasoning: str = ""
    tool_calls: int = 0
    attached: bool = False
    model: str = ""
    usage: Usage | None = field(default=None)
    problem: str = ""

    @property
    def question(self) -> str:
        """The text of the last user turn; empty where there is none."""
        for turn in reversed(self.prompt):
            if turn.role is Role.USER:
                return turn.text
        return ""
