"""Which paths under /v1 are understood, and the closed set of labels they are counted under."""

from __future__ import annotations

from enum import StrEnum


class Endpoint(StrEnum):
    """What a call asks for. Closed, so that a client cannot invent a metric label."""

    CHAT_COMPLETIONS = "chat_completions"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    MODELS = "models"
    OTHER = "other"

    @property
    def routed_by_model(self) -> bool:
        """True where the body names the model, so it must be read before a deployment is chosen."""
        return self not in (Endpoint.MODELS, Endpoint.OTHER)

    @property
    def judged(self) -> bool:
        """True where the reply is text that may refuse; an embedding cannot."""
        return self.routed_by_model and self is not Endpoint.EMBEDDINGS


_MEASURED = {
    "/v1/chat/completions": Endpoint.CHAT_COMPLETIONS,
    "/v1/completions": Endpoint.COMPLETIONS,
    "/v1/responses": Endpoint.RESPONSES,
    "/v1/embeddings": Endpoint.EMBEDDINGS,
    "/v1/messages": Endpoint.MESSAGES,
}


def endpoint_of(method: str, path: str) -> Endpoint:
    """The label of a call; ``path`` begins with /v1. Only POST asks a model for something."""
    path = path.rstrip("/")
    if method == "POST":
        return _MEASURED.get(path, Endpoint.OTHER)
    if method in ("GET", "HEAD") and (path == "/v1/models" or path.startswith("/v1/models/")):
        return Endpoint.MODELS
    return Endpoint.OTHER
