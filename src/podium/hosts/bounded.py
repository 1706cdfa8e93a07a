"""Limits another package's ASGI app: how many requests at once, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from podium.errors import Overloaded, StoreError

_Message: TypeAlias = MutableMapping[str, Any]
_App: TypeAlias = Callable[..., Awaitable[None]]


class Bounded:
    """Forwards requests as long as not too many are in progress.

    A request that is given up continues if it can't be cancelled, in a thread; it counts until it
    ends, and what it sends after that is dropped.

    Args:
        n_max: the most requests in progress; more are refused.
        wait_s: how long a response may take to begin; None: without limit.
    """

    def __init__(self, app: _App, n_max: int, *, wait_s: float | None = None) -> None:
        self._app = app
        self._n_max = n_max
        self._wait_s = wait_s
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Forward a request.

        Raises:
            Overloaded: too many are in progress already.
            StoreError: there is no response in time. Nothing was sent.
        """
        if len(self._running) >= self._n_max:
            raise Overloaded(
                "too many requests of this kind are already waiting", hint="try again later"
            )
        began = asyncio.Event()
        is_given_up = False

        async def pass_on(message: _Message) -> None:
            if not is_given_up:
                began.set()
                await send(message)

        task = asyncio.ensure_future(self._app(scope, receive, pass_on))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        beginning = asyncio.ensure_future(began.wait())
        try:
            await asyncio.wait(
                [task, beginning], timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done() or began.is_set():
                await task
                return
            is_given_up = True
        finally:
            beginning.cancel()
            task.cancel()
        raise StoreError(
            f"the database didn't respond within {self._wait_s:g} s",
            hint="it may be slow or unavailable: try again later",
        )
