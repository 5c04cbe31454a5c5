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

    routed_by_model: bool
    """True where the body names the model, so it must be read before a deployment is chosen."""
    judged: bool
    """True where the reply is text that may refuse; an embedding cannot."""

    def __init__(self, value: str) -> None:
        self.routed_by_model = value not in ("models", "other")
        self.judged = self.routed_by_model and value != "embeddings"


_MEASURED = {
    "/v1/chat/completions": Endpoint.CHAT_COMPLETIONS,
    "/v1/completions": Endpoint.COMPLETIONS,
    "/v1/responses": Endpoint.RESPONSES,
    "/v1/embeddings": Endpoint.EMBEDDINGS,
    "/v1/messages": Endpoint.MESSAGES,
}


_ASKS_NO_MODEL = ("GET", "HEAD", "OPTIONS", "DELETE")


def endpoint_of(method: str, path: str) -> Endpoint:
    """The label of a call; ``path`` begins with /v1.

    Any method that can carry a request asks a model for something, and letter case and parameters
    of a path's segments (``;x=1``) are looked past: an upstream may be as generous, and what it
    takes for a model call must not go by a road on which nobody reads the model.
    """
    path = "/".join(step.partition(";")[0] for step in path.rstrip("/").split("/")).rstrip("/")
    if method not in _ASKS_NO_MODEL:
        return _MEASURED.get(path.lower(), Endpoint.OTHER)
    if method in ("GET", "HEAD") and (path == "/v1/models" or path.startswith("/v1/models/")):
        return Endpoint.MODELS
    return Endpoint.OTHER
