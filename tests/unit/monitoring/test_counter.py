"""The counter: whatever is put into it is counted once, in one process or in many."""

from __future__ import annotations

import json
import logging
import os
import threading
from copy import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.errors import BadCell, InvalidRows
from podium.flow.job import BatchOutputs
from podium.flow.prepare import prepare
from podium.flow.record import records_of
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.monitoring import counter as module
from podium.monitoring.counter import Counter
from podium.monitoring.counts import Counted, count_outputs, count_table
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.pieces import HOUR_US, PIECE_ROWS, TABLE_ROWS
from podium.monitoring.windows import total
from podium.outputs import Outputs
from podium.records.record import Ids
from podium.table import Table

RANDOM = np.random.default_rng(0)
IDS = Ids()
NOW_US = 1_000 * HOUR_US


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    rows = pd.DataFrame({"x": RANDOM.normal(size=2_000), "y": RANDOM.normal(size=2_000)})
    target = np.where(rows.x > 0, "yes", "no")
    path = tmp_path_factory.mktemp("bundles") / "churn.podium"
    model = LogisticRegression().fit(rows, target)
    found = LoadedVersion(podium.pack(model, rows, target, path=path, name="churn"))
    found.load()
    return found


@pytest.fixture
def file(tmp_path):
    made = CountsFile(tmp_path / "monitoring.db")
    yield made
    made.close()


@pytest.fixture
def counter(file):
    made = Counter(file)
    yield made
    made.close()


def answered(version, n_rows, *, time_us=NOW_US):
    """Requests for one row each, answered by one call of the model."""
    rows = RANDOM.normal(size=(n_rows, 2)).tolist()
    some = []
    for at, (x, y) in enumerate(rows):
        body = json.dumps({"x": x, "y": y}).encode()
        prepared = prepare(version, PredictRequest(body, "application/json"))
        prepared.time_us = time_us
        one = Submission(version, RequestContext(), prepared)
        one.at, one.ids = at, IDS.some(NOW_US, 1)
        some.append(one)
    table = Table.concat([one.prepared.table for one in some])
    outputs = BatchOutputs(version.signature, version.runtime.predict(table))
    for one in some:
        one.batch_outputs = outputs
    return some


def answered_table(version, n_rows):
    """One request for many rows."""
    columns = {name: RANDOM.normal(size=n_rows).tolist() for name in ("x", "y")}
    body = json.dumps(columns).encode()
    context = RequestContext(is_bulk=True)
    prepared = prepare(version, PredictRequest(body, "application/json", context))
    prepared.time_us = NOW_US
    one = Submission(version, context, prepared)
    one.ids = IDS.some(NOW_US, n_rows)
    one.batch_outputs = BatchOutputs(version.signature, version.runtime.predict(prepared.table))
    return one


def expected(version, some):
    """What the requests have in the bins, counted in one go."""
    baseline, signature = version.bundle.baseline, version.signature
    table = Table.concat([one.prepared.table for one in some])
    found = count_table(baseline, signature, table)
    found |= count_outputs(baseline, signature, Outputs.concat([one.outputs for one in some]))
    return {what: counts.tolist() for what, counts in found.items()}


def read(file, role="primary"):
    found = file.read("churn", 0, 10**9)
    return total(one for key, some in found.items() if key.role == role for one in some)


def values(sums):
    """The counts of values alone."""
    named = sums.counts.items()
    return {k: v.tolist() for k, v in named if k.kind not in ("latency", "refused")}


def test_batches_of_every_size_are_counted_as_one_table_is(version, file, counter):
    batches = [answered(version, n) for n in (1, 1, 2, 7, 64, PIECE_ROWS + 1)]
    batches += [[answered_table(version, n)] for n in (2, PIECE_ROWS, 2 * TABLE_ROWS + 3)]
    some = answered(version, 10)
    batches += [some[:4], some[6:]]  # others of their call were answered elsewhere
    for batch in batches:
        counter.observe(batch)
    counter.flush()

    sums = read(file)

    flat = [one for batch in batches for one in batch]
    assert values(sums) == expected(version, flat)
    assert sums.n_rows == sums.n_counted == sum(one.n_rows for one in flat)
    assert sums.counts[Counted("latency")].sum() == len(flat)


def test_each_hour_has_its_own_counts(version, file, counter):
    for hour in (7, 8, 8):
        counter.observe(answered(version, 3, time_us=hour * HOUR_US))
    counter.flush()

    found = file.read("churn", 0, 100)

    assert {key.hour: some[0].n_rows for key, some in found.items()} == {7: 3, 8: 6}


def test_a_sample_is_the_same_rows_wherever_they_are_counted(version, file, counter):
    counter._n_halvings = 2
    single, many = answered(version, 800), answered_table(version, 3_000)
    counter.observe(single)
    counter.observe([many])
    counter.flush()

    sums = read(file)

    chosen = [one for one in single if int(one.ids[0], 16) % 4 == 0]
    rows = [at for at, id_ in enumerate(many.ids) if int(id_, 16) % 4 == 0]
    table = many.prepared.table.take(np.array(rows))
    prepared = copy(many.prepared)
    prepared.checked = table
    part = Submission(version, RequestContext(), prepared)
    part.batch_outputs = BatchOutputs(version.signature, many.outputs.rows(np.array(rows)))
    assert values(sums) == expected(version, [*chosen, part])
    assert (sums.n_rows, sums.n_counted) == (3_800, len(chosen) + len(rows))
    assert 800 < sums.n_counted < 1_100


def test_more_rows_than_can_be_counted_are_sampled(version, counter):
    counter.observe([answered_table(version, 50_000)])
    counter._set_sample(1.0)
    first = counter._n_halvings
    counter._set_sample(1.0)

    assert (first, counter._n_halvings) == (3, 0)  # 6,250 a second; then nothing came


def test_the_sample_is_as_large_as_there_is_time_for(version, counter):
    counter.observe(answered(version, 1_000))
    counter._n_counted, counter._spent_s = 100.0, 0.1  # a millisecond each

    counter._set_sample(1.0)

    assert 1_000 / 2**counter._n_halvings <= module.CPU_SHARE / 0.001


def test_what_does_not_fit_into_the_buffer_is_counted_as_rows(version, file, counter, monkeypatch):
    monkeypatch.setattr(module, "WAITING_ROWS_MAX", 100)
    monkeypatch.setattr(module, "TAKE_S", 3_600.0)
    for _ in range(3):
        counter.observe(answered(version, 60))
    counter.flush()

    sums = read(file)

    assert (sums.n_rows, sums.n_counted) == (180, 60)


def test_the_loop_gets_its_turn_while_much_is_taken(version, counter, monkeypatch):
    n_slept = []
    monkeypatch.setattr(module, "TAKE_S", 3_600.0)
    monkeypatch.setattr(module.time, "sleep", n_slept.append)
    for one in answered(version, 10 * module.BREATH_REQUESTS):
        counter._put(module.Batch(version, [one], NOW_US, n_rows=1), 1)

    counter.flush()

    assert len(n_slept) >= 10


def test_refused_cells_are_counted_however_many_requests_are(version, file, counter, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 1)
    cells = [BadCell(problem="no", row=row, field=name) for row in (0, 1) for name in ("x", "y")]
    counter.refuse(version, InvalidRows(cells))
    counter.refuse(version, InvalidRows([BadCell(problem="not rows")]))
    counter.flush()

    sums = read(file)

    assert sums.n_refused == 3
    assert sums.counts[Counted("refused", "x")].tolist() == [2]


def test_what_a_shadow_predicts_is_counted_beside_it(version, file, counter):
    some = answered(version, 20)
    records = [
        record
        for one in some
        for record in records_of(version, one.context, one.prepared, one.outputs, one.ids)
    ]

    counter.shadow(version, records)
    counter.flush()

    assert values(read(file, "shadow")) == expected(version, some)
    assert read(file).n_rows == 0


def test_outputs_of_another_kind_leave_the_rows_counted(version, file, counter, caplog):
    some = answered(version, 3)
    given = some[0].batch_outputs
    strange = BatchOutputs(
        version.signature, replace(given.outputs, probabilities=np.zeros((3, 9)))
    )
    for one in some:
        one.batch_outputs = strange

    for _ in range(2):
        counter.observe(some)
        counter.flush()

    sums = read(file)
    assert (sums.n_rows, sums.n_counted) == (6, 0)
    assert [one.levelno for one in caplog.records] == [logging.ERROR]


def test_several_threads_put_and_lose_nothing(version, file, counter):
    batches = [answered(version, 5) for _ in range(40)]

    def put(place):
        for batch in batches[place::4]:
            counter.observe(batch)
            counter.flush()

    threads = [threading.Thread(target=put, args=(place,)) for place in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert values(read(file)) == expected(version, [one for batch in batches for one in batch])


def test_the_thread_writes_by_itself_and_ends_with_everything_written(version, file, monkeypatch):
    monkeypatch.setattr(module, "WRITE_S", 0.05)
    counter = Counter(file)
    counter.observe(answered(version, 3))
    written = threading.Event()
    counter._tidy = written.set

    assert written.wait(60)
    assert read(file).n_rows == 3
    counter.observe(answered(version, 4))
    counter.close()
    counter.observe(answered(version, 5))  # too late
    assert read(file).n_rows == 7


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_eight_forked_workers_count_as_one_does(version, file, counter):
    """Done-when of the merge: it is exact, whoever writes when; and a child counts its own alone."""
    batches = [answered(version, 50) for _ in range(8)]
    first = answered(version, 5)
    counter.observe(first)  # in the buffer of the parent
    children = []
    for batch in batches:
        child = os.fork()
        if not child:
            try:
                for one in batch:
                    counter.observe([one])
                    if int(one.ids[0], 16) % 3 == 0:
                        counter.flush()
                counter.close()
            finally:
                os._exit(0)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    counter.flush()

    merged = read(file)

    alone = CountsFile(file.path.with_name("alone.db"))
    one_worker = Counter(alone)
    for batch in (first, *batches):
        one_worker.observe(batch)
    one_worker.close()
    everything = [first, *batches]
    assert ended == [0] * 8
    assert values(merged) == values(read(alone))
    assert values(merged) == expected(version, [one for some in everything for one in some])
    assert merged.n_rows == 405
    assert merged.counts[Counted("latency")].sum() == 405
