"""Those who watch the monitoring of models by WebSocket, in one process under ASGI.

Each tick, one message is made for all who watch the same, and put into the queue of each. Nobody
waits for anybody: who is too slow to empty their queue is disconnected. A socket is counted from
its handshake to its end, whatever ends it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from podium.errors import Overloaded, PodiumError, RateLimited
from podium.flow.pool import Pool
from podium.http import HANDSHAKE, Request
from podium.metrics.timeline import SAMPLE_S
from podium.policy.addresses import network_of
from podium.web.live import LiveView
from podium.web.site import Site

# A queue of this length is that of a client who reads nothing for ten seconds.
BEHIND_MAX = 5
# After this a client connects anew, and its rights are checked again.
LIFE_S = 600.0
NORMAL, UNSUPPORTED, AGAIN_LATER = 1000, 1003, 1013
# When a user has this many sockets, one of them must be closed first.
RETRY_S = 30.0

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]
_log = logging.getLogger("podium")


class Watcher:
    """A WebSocket: its handshake, which a view admits in a thread, and then its messages."""

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers
        self.owner: str | None = None  # once it has a place
        self.view: LiveView | None = None
        self.texts: asyncio.Queue[str] = asyncio.Queue(BEHIND_MAX)
        self.is_behind = asyncio.Event()

    def admit(self, request: Request, model: str) -> None:
        """Open it, for the actor of this request.

        Raises:
            RateLimited: they have too many open already.
            Overloaded: too many are open already.
        """
        self._watchers.take(self, request.actor.owner or network_of(request.address))
        self.view = LiveView(self._watchers.site, request, model)

    def offer(self, text: str) -> None:
        """Put a message into its queue, unless it is too far behind."""
        try:
            self.texts.put_nowait(text)
        except asyncio.QueueFull:
            self.is_behind.set()


class Watchers:
    """All watchers of this process.

    Args:
        pool: in whose threads the messages are made.
    """

    def __init__(self, site: Site, pool: Pool) -> None:
        self.site = site
        self._pool = pool
        self._lock = threading.Lock()
        self._owners: Counter[str] = Counter()
        self._groups: dict[tuple[object, ...], tuple[LiveView, set[Watcher]]] = {}
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sample the metrics, on the running loop."""
        ticking = self._ticking
        if (
            ticking is None
            or ticking.done()
            or ticking.get_loop() is not asyncio.get_running_loop()
        ):
            self._ticking = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """Sample no more."""
        ticking, self._ticking = self._ticking, None
        if ticking is not None and ticking.get_loop() is asyncio.get_running_loop():
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)  # nothing keeps the app open

    def take(self, watcher: Watcher, owner: str) -> None:
        """Count a watcher, if there is a place for it.

        Raises:
            RateLimited: its owner has too many already.
            Overloaded: there are too many already.
        """
        settings = self.site.settings
        with self._lock:
            if self._owners.total() >= settings.sockets_max:
                raise Overloaded("too many WebSockets are open", hint="try again later")
            if self._owners[owner] >= settings.sockets_user_max:
                raise RateLimited(
                    f"you have {settings.sockets_user_max} WebSockets open already",
                    limit=settings.sockets_user_max,
                    retry_after_s=RETRY_S,
                    hint="close other windows that show monitoring",
                )
            self._owners[owner] += 1
            watcher.owner = owner

    def release(self, watcher: Watcher) -> None:
        """Give its place to another one, if it has one."""
        with self._lock:
            if watcher.owner is not None:
                self._owners[watcher.owner] -= 1
                self._owners += Counter()  # which drops those that have none
                watcher.owner = None

    async def attend(self, app: _App, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Handle a WebSocket from its handshake to its end.

        Args:
            app: which answers the same request over HTTP: so it is authenticated and admitted.
        """
        await receive()  # that it connects
        watcher = Watcher(self)
        try:
            refusal = await _answer(app, scope, watcher)
            if watcher.view is None:
                await _refuse(scope, send, refusal)
                return
            await send({"type": "websocket.accept"})
            await self._join(watcher, watcher.view)
            await self._watch(watcher, receive, send)
        except PodiumError as error:
            _log.warning("live_page_failed: %s", error)
            await send({"type": "websocket.close", "code": AGAIN_LATER})
        finally:
            self._leave(watcher)
            self.release(watcher)

    async def _join(self, watcher: Watcher, view: LiveView) -> None:
        """Add it to those who see the same, with a first message that is as new as theirs."""
        while True:
            view, _ = self._groups.get(view.key, (view, None))
            n_before = view.n_messages
            text = await self._pool.run(view.first)
            joined, group = self._groups.setdefault(view.key, (view, set()))
            if joined is view and view.n_messages == n_before:
                group.add(watcher)
                watcher.offer(text)
                return

    def _leave(self, watcher: Watcher) -> None:
        """Take it out of its group, and the group away with the last one."""
        if watcher.view is None:
            return
        _, group = self._groups.get(watcher.view.key, (None, set()))
        group.discard(watcher)
        if not group:
            self._groups.pop(watcher.view.key, None)

    async def _watch(self, watcher: Watcher, receive: _Receive, send: _Send) -> None:
        """Send messages until the client leaves, sends something, is too slow, or was here long."""
        leaving = asyncio.ensure_future(receive())
        others = [
            asyncio.ensure_future(_send_all(watcher, send)),
            asyncio.ensure_future(watcher.is_behind.wait()),
        ]
        life_s = LIFE_S * random.uniform(0.8, 1.0)  # noqa: S311 - not all at the same time
        tasks = [leaving, *others]
        try:
            done, _ = await asyncio.wait(tasks, timeout=life_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if leaving in done:
            if leaving.result()["type"] == "websocket.receive":
                await send({"type": "websocket.close", "code": UNSUPPORTED})
        elif not done:
            await send({"type": "websocket.close", "code": NORMAL})
        # Who is too slow would not read a goodbye either.

    async def _tick(self) -> None:
        while True:
            try:
                await self._pool.run(self.site.live.sample)
                for view, group in list(self._groups.values()):
                    text = await self._pool.run(view.next)
                    for watcher in list(group):
                        watcher.offer(text)
            except (PodiumError, OSError) as error:
                _log.warning("live_page_failed: %s", error)
            await asyncio.sleep(SAMPLE_S)


async def _send_all(watcher: Watcher, send: _Send) -> None:
    while True:
        await send({"type": "websocket.send", "text": await watcher.texts.get()})


async def _answer(app: _App, scope: _Message, watcher: Watcher) -> list[_Message]:
    """The response to the same request over HTTP, in which a view may have admitted the watcher."""
    sent: list[_Message] = []
    is_read = False

    async def receive() -> _Message:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()  # the client isn't known to have left
        is_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: _Message) -> None:
        sent.append(message)

    scheme = "https" if scope.get("scheme") == "wss" else "http"
    same = {"type": "http", "method": "GET", "scheme": scheme, HANDSHAKE: watcher}
    more = {"http_version": scope.get("http_version", "1.1"), "extensions": {}}
    await app({**scope, **same, **more}, receive, send)
    return sent


async def _refuse(scope: _Message, send: _Send, response: list[_Message]) -> None:
    """Send this response; where the server can't, only that the WebSocket is refused."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": NORMAL})
        return
    for message in response:
        await send({**message, "type": f"websocket.{message['type']}"})
