"""The worked example of docs/routing.md is a configuration, and its story is what happens."""

from __future__ import annotations

import math
import re
from pathlib import Path

import yaml

from gateway.config import notes, settings_from
from gateway.proxy.attempts import (
    FallBack,
    Outcome,
    Retry,
    after,
    begin,
    broke,
    replied,
)
from gateway.proxy.routing import Route, Router
from gateway.upstreams.base import UpstreamTimeout

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
SECRETS = {"WEB_KEY": "k", "OPENAI_API_KEY": "sk", "AZURE_API_KEY": "az"}


def example() -> Router:
    """The example's router."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    settings = settings_from(yaml.safe_load(text), environ=SECRETS)
    assert notes(settings) == []
    return Router(settings)


def outcome(words: str) -> Outcome:
    """How a try ended, in the words of the page."""
    status = re.match(r"\d{3}", words)
    if status is None:
        return broke(UpstreamTimeout(words))
    asked = re.findall(r"`(retry-after): (\d+)`", words)
    headers = [(name.encode(), value.encode()) for name, value in asked]
    return replied(int(status.group()), headers, unix_now=0.0, refused="refused" in words)


def test_the_story_of_one_call_is_what_the_gateway_decides() -> None:
    story = re.findall(r"^\| \d \| `(\S+)` \| (.+?) \| (.+?) \|$", PAGE, re.M)
    assert len(story) == 5
    routes = example()
    route = next(
        found
        for client in map(str, range(99))
        if isinstance(found := routes.route("gpt-4o", None, "r", sticky=client), Route)
        and found.deployment.name == story[0][0]
    )
    course, asked, waits = begin(route), [route.deployment.name], []
    for _, ends, _ in story:
        decision = after(
            course,
            outcome(ends),
            ready=lambda name: True,
            seconds_left=math.inf,
            chance=lambda: 1.0,
        )
        if not isinstance(decision, Retry | FallBack):
            break
        waits += [f"{decision.after_seconds:g} s"] if isinstance(decision, Retry) else []
        course = decision.course
        asked.append(course.deployment.name)
    assert asked == [name for name, _, _ in story]
    assert len(waits) == 2
    assert all(wait in told for wait, (_, _, told) in zip(waits, story, strict=False))


def test_the_example_shares_clients_as_its_page_says() -> None:
    routes = example()
    homes = [
        found.deployment.name
        for client in map(str, range(1000))
        if isinstance(found := routes.route("gpt-4o", None, "r", sticky=client), Route)
    ]
    assert set(homes) == {"gpt-prod", "gpt-canary"}
    # 50 expected, standard deviation 7; five of them either way.
    assert 15 <= homes.count("gpt-canary") <= 85
    local = routes.route("local", None, "r")
    assert isinstance(local, Route)
    assert local.rules.retries == 1
