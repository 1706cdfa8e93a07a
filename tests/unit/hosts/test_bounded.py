"""An app of somebody else's within bounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podium.errors import Overloaded, StoreError
from podium.hosts.bounded import Bounded

START = {"type": "http.response.start", "status": 200, "headers": []}


def test_an_answer_is_passed_on_and_one_that_takes_too_long_is_dropped():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: str, _: object, send_it: Any) -> None:
        try:
            await asyncio.sleep(0 if scope == "quick" else 30)
        finally:  # as a thread does that can't be broken off
            await send_it(START | {"of": scope})

    async def play() -> None:
        await Bounded(app, 2, wait_s=60)("quick", None, send)
        bounded = Bounded(app, 2, wait_s=0.05)
        with pytest.raises(StoreError, match="didn't respond within"):
            await bounded("slow", None, send)
        await asyncio.sleep(0.05)

    asyncio.run(play())
    assert sent == [START | {"of": "quick"}]


def test_what_is_given_up_counts_until_it_is_over():
    async def play() -> None:
        gate = asyncio.Event()

        async def app(*_: object) -> None:
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    continue

        bounded = Bounded(app, 1, wait_s=0.05)
        with pytest.raises(StoreError):
            await bounded({}, None, None)
        with pytest.raises(Overloaded):
            await bounded({}, None, None)
        gate.set()
        await asyncio.sleep(0.01)
        await bounded({}, None, None)

    asyncio.run(play())
