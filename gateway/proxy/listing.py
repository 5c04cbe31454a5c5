"""GET /v1/models where the gateway, and not one upstream, knows which models there are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gateway.proxy.errors import Answer, Declined

_PATH = "/v1/models"


def models_answer(path: str, models: Sequence[str], since: int) -> Answer:
    """The list, or one model of it; ``since`` is Unix time in whole seconds.

    OpenAI's clients require ``created``: it is when this gateway began to serve the model.
    """
    name = path.removeprefix(_PATH).strip("/")
    entries = {
        model: {"id": model, "object": "model", "created": since, "owned_by": "candor"}
        for model in models
    }
    if not name:
        return _answer({"object": "list", "data": list(entries.values())})
    if name in entries:
        return _answer(entries[name])
    message = f"No deployment serves the model {name[:200]!r}. There are: {', '.join(models)}."
    return Declined(404, "candor_model_not_found", message).answer


def _answer(document: dict[str, object]) -> Answer:
    return Answer(200, json.dumps(document).encode("ascii"))
