"""How requests that wait for a model become calls of it."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import numpy as np
import pytest

import podium
from podium.errors import ModelError, Overloaded, SetupError
from podium.flow.batch import Batcher
from podium.flow.cost import UNKNOWN, Cost, measure
from podium.flow.job import Job
from podium.flow.typed import TypedReader
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs
from podium.runtimes import BatchPolicy, RuntimeFeatures
from podium.signature import Field, Output, Signature
from podium.table import Table

SIGNATURE = Signature(
    fields=(Field(name="x", type="float"),), outputs=(Output(name="y", task="regression"),)
)
READER = TypedReader(SIGNATURE, rows_max=100_000)
CHEAP = Cost(0.0, 0.0)


class Doubling:
    """A runtime that notes the rows of each call."""

    signature = SIGNATURE

    def __init__(self, **features):
        self.features = RuntimeFeatures(**features)
        self.calls = []

    def predict(self, table):
        self.calls.append(table.columns["x"].tolist())
        if -1.0 in self.calls[-1]:
            raise ModelError("nothing is smaller than nothing")
        return Outputs(2 * table.columns["x"])

    def predict_rows(self, rows):
        return self.predict(Table.of({"x": [row[0] for row in rows]}))

    async def predict_async(self, table):
        await asyncio.sleep(0)
        return self.predict(table)

    async def predict_rows_async(self, rows):
        await asyncio.sleep(0)
        return self.predict_rows(rows)


def row(x):
    return Job(1, rows=[READER.one(b'{"x": %g}' % x)])


def large(n_rows):
    return Job(n_rows, table=Table({"x": np.arange(float(n_rows))}, n_rows))


def answer(job):
    if job.error is not None:
        return type(job.error).__name__
    return list(job.batch_outputs.lists().predictions[job.at : job.at + job.n_rows])


def play(runtime, jobs, *, cost=CHEAP, turns=0, **options):
    """Submit jobs, with some turns of the loop between them, and wait for all."""

    async def all_settled():
        done = asyncio.Event()

        def settled(_jobs):
            if all(job.is_settled for job in jobs):
                done.set()

        batcher = Batcher(runtime, READER, cost, settled=settled, **options)
        try:
            for job in jobs:
                batcher.submit(job)
                for _ in range(turns):
                    await asyncio.sleep(0)
            await asyncio.wait_for(done.wait(), 60)
            assert batcher.n_rows_waiting == 0
        finally:
            batcher.close()

    asyncio.run(all_settled())
    return [answer(job) for job in jobs]


def test_what_arrives_in_one_turn_is_one_call_up_to_the_most_rows():
    runtime = Doubling(batch=BatchPolicy(rows_max=4))

    answers = play(runtime, [row(x) for x in range(10)])

    assert answers == [[2.0 * x] for x in range(10)]
    assert [len(call) for call in runtime.calls] == [4, 4, 2]


def test_without_a_wait_each_turn_is_a_call_of_its_own():
    runtime = Doubling()

    play(runtime, [row(x) for x in range(5)], turns=3)

    assert runtime.calls == [[0.0], [1.0], [2.0], [3.0], [4.0]]


@pytest.mark.slow
def test_a_request_waits_for_those_that_come_a_little_later():
    runtime = Doubling(batch=BatchPolicy(wait_s=0.5))

    answers = play(runtime, [row(x) for x in range(5)], turns=3)

    assert answers == [[2.0 * x] for x in range(5)]
    assert runtime.calls == [[0.0, 1.0, 2.0, 3.0, 4.0]]


def test_a_full_batch_waits_no_longer():
    runtime = Doubling(batch=BatchPolicy(rows_max=3, wait_s=1.0))
    jobs = [row(x) for x in range(6)]

    async def is_answered_at_once():
        batcher = Batcher(runtime, READER, CHEAP)
        for job in jobs:
            batcher.submit(job)
        for _ in range(10):
            await asyncio.sleep(0)
        batcher.close()
        return [job.error is None and job.is_settled for job in jobs]

    assert asyncio.run(is_answered_at_once()) == [True] * 6
    assert [len(call) for call in runtime.calls] == [3, 3]


def test_a_row_that_fails_fails_alone_when_others_waited_with_it():
    runtime = Doubling(batch=BatchPolicy(wait_s=0.05))

    answers = play(runtime, [row(x) for x in (1, 2, -1, 3)], turns=2)

    assert answers == [[2.0], [4.0], "ModelError", [6.0]]


def test_jobs_that_wait_when_the_server_stops_fail():
    job = row(1)

    async def stop():
        batcher = Batcher(Doubling(batch=BatchPolicy(wait_s=1.0)), READER, CHEAP)
        batcher.submit(job)
        await asyncio.sleep(0)
        batcher.close()

    asyncio.run(stop())
    assert answer(job) == "Overloaded"


class Meeting(Doubling):
    """A runtime whose calls return when two of them run at the same time."""

    def __init__(self, **features):
        super().__init__(**features)
        self.both = threading.Barrier(2)

    def predict(self, table):
        self.both.wait(60)
        return super().predict(table)


def test_as_many_calls_as_workers_run_at_the_same_time():
    runtime = Meeting(batch=BatchPolicy(rows_max=1, workers=2))

    answers = play(runtime, [row(x) for x in range(4)], cost=UNKNOWN)

    assert answers == [[0.0], [2.0], [4.0], [6.0]]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_large_table_is_predicted_in_order_while_small_requests_pass(workers):
    runtime = Doubling(batch=BatchPolicy(workers=workers))
    jobs = [large(1_000), row(7), large(500), row(8)]

    answers = play(runtime, jobs, cost=UNKNOWN)

    assert answers[0] == [2.0 * x for x in range(1_000)]
    assert answers[2] == [2.0 * x for x in range(500)]
    assert (answers[1], answers[3]) == ([14.0], [16.0])
    assert max(len(call) for call in runtime.calls) <= 64
    place = next(n for n, call in enumerate(runtime.calls) if 7.0 in call and len(call) < 64)
    assert place < 8, "the small ones waited for the large ones"


@pytest.mark.parametrize(
    "features",
    [{}, {"takes_rows": True}, {"is_async": True}, {"is_async": True, "takes_rows": True}],
)
def test_no_call_has_more_rows_than_the_model_takes(features):
    runtime = Doubling(max_batch_rows=3, **features)
    some = Job(7, rows=[READER.one(b'{"x": %d}' % x) for x in range(7)])

    answers = play(runtime, [*(row(x) for x in range(5)), some, large(10)])

    assert answers == [
        *([2.0 * x] for x in range(5)),
        [2.0 * x for x in range(7)],
        [2.0 * x for x in range(10)],
    ]
    assert max(len(call) for call in runtime.calls) <= 3


def test_a_version_has_the_policy_of_its_runtime_or_one_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "policy_model.py").write_text(
        "import podium\n\n@podium.model\ndef double(x: float) -> float:\n    return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import policy_model

    bundle = podium.pack(policy_model.double, name="double", path=tmp_path)
    assert LoadedVersion(bundle).policy == BatchPolicy()
    assert LoadedVersion(bundle, batch={"wait_s": 0.002}).policy == BatchPolicy(wait_s=0.002)


class Raising(Doubling):
    signature = msgspec.structs.replace(SIGNATURE, examples=({"x": 1.0},))

    def predict(self, table):
        raise ValueError("an error of its own")


def test_a_runtime_that_raises_what_it_likes_on_its_examples_is_of_unknown_cost():
    assert measure(Raising()) is UNKNOWN


@pytest.mark.parametrize(
    "numbers",
    [{"rows_max": 0}, {"workers": 0}, {"wait_s": -0.1}, {"wait_s": 2}, {"wait_s": float("nan")}],
)
def test_a_policy_that_cannot_be_followed_is_refused(numbers):
    with pytest.raises(SetupError, match="isn't valid"):
        BatchPolicy(**numbers)


# No chunk is larger than 64 rows.
SLOW = Cost(call_s=0.0, row_s=1.0)


def test_large_jobs_take_turns():
    runtime = Doubling()

    answers = play(runtime, [large(1_280), large(128)], cost=SLOW)

    assert [len(answer) for answer in answers] == [1_280, 128]
    assert [call[0] for call in runtime.calls[:5]] == [0.0, 0.0, 64.0, 64.0, 128.0]


def test_a_bulk_request_fills_no_place_of_the_others():
    bulk = [large(20_000), large(20_000)]

    full = [*bulk, *(large(1_000) for _ in range(10))]  # of `queue_rows_max`, 10,000
    assert [len(answer) for answer in play(Doubling(), full)] == [20_000] * 2 + [1_000] * 10
    with pytest.raises(Overloaded):
        play(Doubling(), [*bulk, *(large(1_000) for _ in range(11))], cost=SLOW)


def test_an_awaited_model_gets_no_more_rows_at_once_than_in_any_other_request():
    runtime = Doubling(is_async=True)

    play(runtime, [large(2_500)])

    assert [len(call) for call in runtime.calls] == [1_000, 1_000, 500]
