"""Those who watch: places, queues, and who is too slow for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.errors import Overloaded, RateLimited
from podium.flow.pool import Pool
from podium.hosts import watchers as module
from podium.hosts.watchers import BEHIND_MAX, Watcher, Watchers
from podium.http import Request

NAME = "arrival-delay"
PATH = f"/api/models/{NAME}/monitor/stream"


@pytest.fixture
def app(models_file: Path, tmp_path: Path) -> Iterator[podium.App]:
    app = podium.App(
        f"{models_file}:arrival", home=str(tmp_path), sockets_max=5, sockets_user_max=2
    )
    app.start()
    yield app
    app.close()


@pytest.fixture
def watchers(app: podium.App) -> Watchers:
    return Watchers(app.site, Pool("test", 2))


def test_places_are_counted_for_each_and_for_all(watchers):
    some = [Watcher(watchers) for _ in range(7)]
    for number, owner in enumerate("aabbc"):
        watchers.take(some[number], owner)

    with pytest.raises(Overloaded):
        watchers.take(some[5], "d")
    watchers.release(some[4])
    with pytest.raises(RateLimited, match="2 WebSockets"):
        watchers.take(some[5], "a")
    watchers.release(some[0])
    watchers.release(some[0])  # a second time does nothing
    watchers.take(some[5], "a")
    with pytest.raises(RateLimited):
        watchers.take(some[6], "a")


def test_anonymous_callers_share_the_places_of_their_network(watchers):
    for number in (1, 2):
        request = Request("GET", PATH, address=f"2001:db8::{number}")
        Watcher(watchers).admit(request, NAME)

    with pytest.raises(RateLimited):
        Watcher(watchers).admit(Request("GET", PATH, address="2001:db8::3"), NAME)
    Watcher(watchers).admit(Request("GET", PATH, address="2001:db9::3"), NAME)


class Line:
    """A WebSocket whose client reads as much as it is let, and leaves when it is told."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self._news = asyncio.Condition()

    async def send(self, message: Any) -> None:
        await self.is_reading.wait()
        self.sent.append(message)
        async with self._news:
            self._news.notify_all()

    async def has(self, n_sent: int) -> None:
        """Wait until it has got so many messages."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: len(self.sent) >= n_sent), 60)

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1005})

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.sent]


SCOPE = {
    "type": "websocket",
    "path": PATH,
    "raw_path": PATH.encode(),
    "query_string": b"",
    "headers": [(b"host", b"127.0.0.1")],
    "extensions": {"websocket.http.response": {}},
}


async def _attended(app: podium.App, line: Line) -> asyncio.Task[None]:
    scope = dict(SCOPE)
    task = asyncio.create_task(app(scope, line.incoming.get, line.send))
    await line.has(2)
    return task


@pytest.mark.slow
def test_who_does_not_read_is_let_go_and_the_others_are_not(app, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_S", 0.01)

    async def watch() -> Line:
        app._watchers.start()
        slow, quick = Line(), Line()
        first, second = await _attended(app, slow), await _attended(app, quick)
        slow.is_reading.clear()
        await asyncio.wait_for(first, 60)  # it is dropped, without a goodbye
        await quick.has(len(quick.sent) + BEHIND_MAX + 1)
        quick.leave()
        await asyncio.wait_for(second, 60)
        await app._watchers.stop()
        return slow

    slow = asyncio.run(watch())

    assert "websocket.close" not in slow.kinds
    assert app._watchers._groups == {}
    assert app._watchers._owners.total() == 0


def test_rights_are_checked_again_after_a_while(app, monkeypatch):
    monkeypatch.setattr(module, "LIFE_S", 0.01)
    line = Line()

    async def watch() -> None:
        await asyncio.wait_for(await _attended(app, line), 60)

    asyncio.run(watch())

    assert line.sent[-1] == {"type": "websocket.close", "code": 1000}


def test_a_server_without_responses_to_handshakes_refuses_them(app):
    line = Line()
    scope = {**SCOPE, "extensions": {}, "headers": [(b"host", b"elsewhere.example")]}

    asyncio.run(app(scope, line.incoming.get, line.send))

    assert line.kinds == ["websocket.close"]


@pytest.mark.slow
def test_all_who_see_the_same_get_one_message(app, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_S", 0.01)
    made: list[str] = []
    following = module.LiveView.next

    def counted(view: Any) -> str:
        made.append(following(view))
        return made[-1]

    monkeypatch.setattr(module.LiveView, "next", counted)
    monkeypatch.setattr(module, "BEHIND_MAX", 1_000)

    async def watch() -> list[Line]:
        app._watchers.start()
        lines = [Line(), Line()]
        tasks = [await _attended(app, line) for line in lines]
        await lines[1].has(20)
        for line in lines:
            line.leave()
        await asyncio.gather(*tasks)
        await app._watchers.stop()
        return lines

    _, second = asyncio.run(watch())

    assert len(made) < len(second.sent) + 20
    assert {message["text"] for message in second.sent[2:]} <= set(made)
