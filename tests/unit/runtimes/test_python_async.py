"""Coroutine functions as models: awaited on the caller's loop, or run on one of their own."""

import asyncio
import gc
import os
import threading

import pytest

import podium
from podium.errors import ModelError
from podium.runtimes.protocol import AsyncRuntime
from podium.runtimes.python import AWAITED_MAX
from podium.table import Table


def of(*values):
    return Table.of({"x": [float(value) for value in values]})


@podium.model
async def double(x: float) -> float:
    await asyncio.sleep(0)
    return 2 * x


@podium.model
async def shifted(x: list[float]) -> list[float]:
    await asyncio.sleep(0)
    return [value + 1 for value in x]


@podium.model
def plain(x: float) -> float:
    return -x


def test_a_coroutine_function_is_async_and_another_isnt():
    assert double.features.is_async
    assert shifted.features.is_async
    assert not plain.features.is_async
    assert isinstance(double, AsyncRuntime)
    assert asyncio.run(double(3)) == 6


def test_rows_and_batches_are_awaited():
    async def ask():
        return [
            (await one.predict_async(of(1, 2, 3))).predictions.tolist()
            for one in (double, shifted, plain)
        ]

    assert asyncio.run(ask()) == [[2.0, 4.0, 6.0], [2.0, 3.0, 4.0], [-1.0, -2.0, -3.0]]


def test_a_synchronous_caller_gets_the_same():
    assert double.predict(of(1, 2)).predictions.tolist() == [2.0, 4.0]
    assert shifted.predict(of(1, 2)).predictions.tolist() == [2.0, 3.0]


def test_a_synchronous_caller_inside_a_running_loop_gets_the_same():
    async def ask():
        return double.predict(of(1, 2))

    assert asyncio.run(ask()).predictions.tolist() == [2.0, 4.0]


def test_callers_in_many_threads_all_get_their_own_predictions():
    answers = {}

    def ask(n):
        answers[n] = double.predict(of(n, n + 1)).predictions.tolist()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {n: [2.0 * n, 2.0 * n + 2] for n in range(20)}


def test_what_a_coroutine_keeps_between_two_calls_stays_usable():
    kept = {}

    @podium.model
    async def function(x: float) -> bool:
        loop = asyncio.get_running_loop()
        return kept.setdefault("loop", loop) is loop

    assert function.predict(of(1)).predictions.tolist() == [True]
    assert function.predict(of(2)).predictions.tolist() == [True]


def test_the_loop_ends_with_its_model():
    loops = []
    before = set(threading.enumerate())

    @podium.model
    async def function(x: float) -> float:
        loops.append(asyncio.get_running_loop())
        return x

    function.predict(of(1))
    (thread,) = set(threading.enumerate()) - before
    del function
    gc.collect()
    thread.join(timeout=60)

    assert not thread.is_alive()
    assert loops[0].is_closed()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only Unix forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_a_loop_of_its_own():
    assert double.predict(of(1)).predictions.tolist() == [2.0]

    child = os.fork()
    if child == 0:
        os._exit(0 if double.predict(of(4)).predictions.tolist() == [8.0] else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_rows_wait_together_up_to_a_limit():
    running, most = 0, 0

    @podium.model
    async def function(x: float) -> float:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return x

    n_rows = 3 * AWAITED_MAX
    outputs = function.predict(of(*range(n_rows)))

    assert outputs.predictions.tolist() == [float(n) for n in range(n_rows)]
    assert most == AWAITED_MAX


def test_a_row_that_fails_stops_the_others():
    ended = []

    @podium.model
    async def function(x: float) -> float:
        if x == 0:
            raise ValueError("row 41")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(x)

    with pytest.raises(ModelError) as caught:
        function.predict(of(1, 2, 0))

    assert str(caught.value) == "the function raised ValueError"
    assert isinstance(caught.value.__cause__, ValueError)
    assert sorted(ended) == [1.0, 2.0]


def test_return_values_are_checked_as_those_of_plain_functions():
    @podium.model
    async def function(x: float) -> float:
        return float("nan")

    with pytest.raises(ModelError, match="returned nan for row 0"):
        function.predict(of(1))


def test_a_caller_that_leaves_takes_its_rows_along():
    started, ended = asyncio.Event(), []

    @podium.model
    async def function(x: float) -> float:
        if x == 2:  # rows start in their order
            started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(x)

    async def ask():
        task = asyncio.create_task(function.predict_async(of(1, 2)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    assert sorted(ended) == [1.0, 2.0]


def test_a_function_that_cancels_itself_fails_alone():
    @podium.model
    async def function(x: float) -> float:
        raise asyncio.CancelledError

    @podium.model
    def synchronous(x: float) -> float:
        raise asyncio.CancelledError

    async def ask():
        with pytest.raises(ModelError, match="function cancelled itself"):
            await function.predict_async(of(1))

    asyncio.run(ask())
    with pytest.raises(ModelError, match="the function cancelled itself"):
        synchronous.predict(of(1))
