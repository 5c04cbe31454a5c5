"""A new configuration under a running gateway: no call is dropped, a bad one changes nothing."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tests.gateway.fleet import Fleet, fleet
from tests.gateway.stage import STREAM_HEAD, FakeUpstream, Wire, chunked, json_reply, replying
from tests.waiting import wait_until

OLD, NEW = b'{"id":"old"}', b'{"id":"new"}'


class Load:
    """Calls, one after another on connections of their own, until it is enough."""

    def __init__(self, running: Fleet) -> None:
        self._running = running
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._call, daemon=True)
        self.replies: list[tuple[int, bytes]] = []
        self.broken: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(20)

    def _call(self) -> None:
        while not self._enough.is_set():
            try:
                reply = self._running.call()
            except (OSError, EOFError) as problem:
                self.broken.append(repr(problem))
            else:
                self.replies.append((reply.head.status, reply.body))

    def seen(self, body: bytes, count: int) -> bool:
        """Whether the last replies were all of this body."""
        last = self.replies[-count:]
        return len(last) == count and all(reply == (200, body) for reply in last)


@pytest.fixture
def upstreams():
    with (
        FakeUpstream(replying(json_reply(OLD))) as old,
        FakeUpstream(replying(json_reply(NEW))) as new,
    ):
        yield old, new


@pytest.mark.parametrize("workers", [1, 3])
def test_a_reload_under_load_takes_effect_and_drops_no_call(tmp_path, upstreams, workers):
    old, new = upstreams
    with fleet(tmp_path, old, workers=workers) as running:
        running.all_up()
        with Load(running) as load:
            wait_until(lambda: load.seen(OLD, 5))
            for turn in range(3):
                running.configure(new.base_url, server={"workers": workers})
                running.signal(signal.SIGHUP)
                wait_until(lambda: load.seen(NEW, 20))
                running.configure(old.base_url, server={"workers": workers})
                running.signal(signal.SIGHUP)
                wait_until(lambda: load.seen(OLD, 20))
                wait_until(lambda turn=turn: len(running.lines("reloaded")) == 2 * turn + 2)
        assert load.broken == []
        assert set(load.replies) == {(200, OLD), (200, NEW)}


def test_a_stream_that_is_under_way_at_a_reload_ends_whole(tmp_path, upstreams):
    _, new = upstreams
    go_on = threading.Event()

    def pausing(wire: Wire, _: object) -> None:
        wire.send(STREAM_HEAD + chunked(b"data: 1\n\n", end=b""))
        if go_on.wait(60):
            wire.send(chunked(b"data: 2\n\n"))

    with FakeUpstream(pausing) as slow, fleet(tmp_path, slow, workers=1) as running:
        wire = running.begin()
        assert (wire.head().status, wire.chunk()) == (200, b"data: 1\n\n")
        running.configure(new.base_url)
        running.signal(signal.SIGHUP)
        wait_until(lambda: running.lines("reloaded"))
        assert running.call().body == NEW
        go_on.set()
        assert (wire.chunk(), wire.chunk()) == (b"data: 2\n\n", b"")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_configuration_with_a_mistake_changes_nothing_and_is_named(tmp_path, upstreams, workers):
    old, new = upstreams
    with fleet(tmp_path, old, workers=workers) as running:
        running.all_up()
        running.configure(new.base_url, mirorr={"sample": 1})
        running.signal(signal.SIGHUP)
        [line] = wait_until(lambda: running.lines("not_reloaded"))
        assert any("mirorr" in problem for problem in line["problems"])
        for pid in running.pids():
            with running.only(pid):
                assert running.call().body == OLD
        assert running.lines("reloaded") == []


def test_what_a_reload_cannot_change_is_named(tmp_path, upstreams):
    old, new = upstreams
    with fleet(tmp_path, old, workers=1) as running:
        store = {"url": f"sqlite:///{tmp_path / 'other.db'}"}
        running.configure(new.base_url, store=store, server={"workers": 4})
        running.signal(signal.SIGHUP)
        [line] = wait_until(lambda: running.lines("reloaded"))
        named = {each.split(":")[0] for each in line["not_applied"]}
        assert {"server.workers", "store"} <= {name.removesuffix(".url") for name in named}
        assert running.call().body == NEW
        assert not (tmp_path / "other.db").exists()


def test_a_worker_that_takes_the_place_of_another_serves_the_configuration_of_now(
    tmp_path, upstreams
):
    old, new = upstreams
    with fleet(tmp_path, old) as running:
        running.all_up()
        running.configure(new.base_url, server={"workers": 2})
        running.signal(signal.SIGHUP)
        wait_until(lambda: running.lines("reloaded"))
        before = running.all_up()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not set(before) & set(running.pids()))
        for pid in running.all_up():
            with running.only(pid):
                assert running.call().body == NEW


def test_a_new_deployment_has_a_label_of_its_own_after_a_reload(tmp_path, upstreams):
    old, new = upstreams
    with fleet(tmp_path, old) as running:
        running.all_up()
        added = [
            {"name": name, "model": model, "upstream": {"base_url": base_url}}
            for name, model, base_url in (
                ("prod", "other", old.base_url),
                ("added", "*", new.base_url),
            )
        ]
        running.configure(new.base_url, deployments=added)
        running.signal(signal.SIGHUP)
        sample = (
            'candor_requests_total{deployment="added",endpoint="chat_completions",status="200"}'
        )
        wait_until(lambda: running.metric(sample) == 0)
        for pid in running.pids():
            with running.only(pid):
                wait_until(lambda: running.call().body == NEW)
        assert running.metric(sample) >= 2
