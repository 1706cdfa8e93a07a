"""Jobs of an awaited model: they begin together, and who waits for records is told once."""

import asyncio

import pytest

import podium
from podium.errors import ModelError
from podium.flow.batch import Batcher
from podium.flow.cost import Cost
from podium.flow.job import Job
from podium.flow.typed import TypedReader
from podium.runtimes.python import OVERLAPPING_MAX


class Told(Job):
    """A job that says what came of it."""

    __slots__ = ()

    @property
    def answer(self):
        return self.error or self.batch_outputs.lists().predictions[self.at]


def ask(n_jobs):
    """Ask a model that waits for one turn of the loop.

    Returns:
        The jobs, how many ran at once at most, and how often it was told that some were settled.
    """
    n_told, n_now, n_most = 0, 0, 0
    changed = asyncio.Event()

    @podium.model
    async def double(x: float) -> float:
        nonlocal n_now, n_most
        n_now += 1
        n_most = max(n_most, n_now)
        await asyncio.sleep(0)
        n_now -= 1
        if x == 7:
            raise ValueError("an unlucky number")
        return 2 * x

    def settled(_jobs):
        nonlocal n_told
        n_told += 1
        changed.set()

    reader = TypedReader(double.signature, rows_max=10)
    jobs = [Told(1, rows=[reader.one(b'{"x": %d}' % n)]) for n in range(n_jobs)]

    async def play():
        batcher = Batcher(double, reader, Cost(0.0, 0.0), settled=settled)
        for job in jobs:
            batcher.submit(job)
        while not all(job.is_settled for job in jobs):
            changed.clear()
            await asyncio.wait_for(changed.wait(), 60)
        assert batcher.n_rows_waiting == 0
        told = n_told
        batcher.close()
        return told

    n_told_open = asyncio.run(play())
    return jobs, n_most, n_told_open


def test_jobs_that_arrive_together_run_and_are_settled_together():
    jobs, n_most, n_told = ask(40)
    unlucky = jobs.pop(7)
    assert n_most == 40
    assert [job.answer for job in jobs] == [2.0 * n for n in range(40) if n != 7]
    assert isinstance(unlucky.answer, ModelError)
    assert n_told == 1


def test_no_more_than_the_limit_run_at_once_and_all_are_settled():
    jobs, n_most, _ = ask(3 * OVERLAPPING_MAX + 1)
    assert n_most == OVERLAPPING_MAX
    assert sum(isinstance(job.answer, float) for job in jobs) == 3 * OVERLAPPING_MAX


class Suspecting:
    """A guard that suspects one job."""

    def __init__(self, digest):
        self.digest = digest

    def check(self, job):
        pass

    def is_suspect(self, job):
        return job.digest == self.digest

    def begin(self, jobs):
        return 0

    def end(self, number):
        pass


def ask_one_suspect(gate_s, alone_s, monkeypatch):
    """What ran beside a job that may have ended the process, and in which order they were answered."""
    beside, order = [], []
    n_now = 0

    @podium.model
    async def slow(x: float) -> float:
        nonlocal n_now
        n_now += 1
        await asyncio.sleep(gate_s if x == 0 else 0.001)
        if x == 5:
            beside.append(n_now - 1)
        n_now -= 1
        order.append(int(x))
        return x

    monkeypatch.setattr("podium.flow.batch.ALONE_S", alone_s)
    reader = TypedReader(slow.signature, rows_max=10)
    jobs = [Told(1, rows=[reader.one(b'{"x": %d}' % n)], digest=b"%d" % n) for n in range(10)]

    async def play():
        batcher = Batcher(slow, reader, Cost(0.0, 0.0), guard=Suspecting(b"5"))
        for job in jobs:
            batcher.submit(job)
        while not all(job.is_settled for job in jobs):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        batcher.close()

    asyncio.run(play())
    return beside, order


def test_one_that_may_have_ended_the_process_runs_alone(monkeypatch):
    beside, order = ask_one_suspect(0.01, 20, monkeypatch)
    assert beside == [0]
    assert order.index(5) == 5


@pytest.mark.slow
def test_it_waits_for_one_that_hangs_only_so_long(monkeypatch):
    beside, order = ask_one_suspect(2.0, 0.1, monkeypatch)
    assert beside == [1]
    assert order[-1] == 0
