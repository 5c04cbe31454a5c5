"""Bytes to Exchange: OpenAI chat, completions and responses, Anthropic messages; JSON and SSE."""

from classifiers.wire.raw import RawReply
from classifiers.wire.reader import read_exchange

__all__ = ["RawReply", "read_exchange"]
