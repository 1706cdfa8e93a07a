"""Threads of one kind: bounded, with a time limit, and nothing is done that nobody waits for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from podium.errors import Overloaded, StoreError
from podium.flow.pool import Pool


@pytest.fixture
def gate():
    """What threads wait at; opened at the end, so that none stays."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_the_work_is_done_in_a_thread_of_the_pool_and_its_errors_are_raised():
    async def play() -> str:
        pool = Pool("some-name", 2)
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        return await pool.run(lambda: threading.current_thread().name)

    assert asyncio.run(play()) == "some-name"


def test_threads_are_made_when_they_are_needed_and_no_more_than_may_be(gate):
    async def play() -> tuple[int, int]:
        pool = Pool("counted", 3)
        names = [await pool.run(threading.get_ident)]
        waiting = [asyncio.ensure_future(pool.run(gate.wait, 30)) for _ in range(10)]
        await asyncio.sleep(0.1)
        n_threads = sum(one.name == "counted" for one in threading.enumerate())
        gate.set()
        await asyncio.gather(*waiting)
        return len(set(names)), n_threads

    assert asyncio.run(play()) == (1, 3)


@pytest.mark.slow
def test_a_caller_that_waits_too_long_gets_an_error_and_the_thread_is_not_waited_for(gate):
    async def play() -> None:
        pool = Pool("slow", 1, wait_s=0.1)
        with pytest.raises(StoreError, match=r"didn't respond within 0\.1 s"):
            await pool.run(gate.wait, 30)
        with pytest.raises(StoreError):  # the one thread is busy still
            await pool.run(threading.get_ident)

    asyncio.run(play())


def test_what_is_more_than_may_wait_is_refused_at_once(gate):
    async def play() -> None:
        pool = Pool("full", 2, waiting_max=3)
        begun = [asyncio.ensure_future(pool.run(gate.wait, 30)) for _ in range(5)]
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded):
            await pool.run(gate.wait, 30)
        begun[4].cancel()  # who leaves makes room
        await asyncio.sleep(0)
        begun[4] = asyncio.ensure_future(pool.run(gate.wait, 30))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(*begun) == [True] * 5

    asyncio.run(play())


def test_work_that_nobody_waits_for_is_not_started(gate):
    done = []

    async def play() -> None:
        pool = Pool("left", 1)
        first = asyncio.ensure_future(pool.run(gate.wait, 30))
        second = asyncio.ensure_future(pool.run(done.append, 2))
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.sleep(0)
        gate.set()
        await first
        await pool.run(done.append, 3)

    asyncio.run(play())
    assert done == [3]
