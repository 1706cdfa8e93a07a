"""Whatever happens to a database: no record is lost, none is stored twice, and what was said of it stays.

`store_places.py` has the databases, and how each fault is played. The records are in an outbox, as those
of a server are.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from podium.errors import StoreError
from podium.outbox.outboxed import OutboxedStore
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.records.stores import dynamodb_table, sql_engine
from podium.testing.stores.samples import decoded, feedback, ids, sample

sys.path.insert(0, str(Path(__file__).parent))
from store_places import CALL_S, CASES, PLACES, SECRET, Running, noise

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="all processes of a server are found on Linux"
    ),
]
WITHIN_S = 60.0
# What `/readyz` says of a fault while it lasts, to anybody. The others are over before anybody looks.
SILENT = ("the store doesn't respond", "the store can't be reached")
REASONS = {
    "crashed": ("the store can't be reached",),
    "full": ("the store is full", "the store is overloaded", "the disk is full"),
    "held": SILENT,
    "locked": ("another program has locked podium.db", *SILENT),
    "paused": SILENT,
}


@pytest.fixture(scope="module")
def running(request, tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp(request.param.name)
    with request.param.running(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_calls(monkeypatch) -> None:
    """Where the address of a store has no option for it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(dynamodb_table, "READ_S", CALL_S)
    monkeypatch.setattr(sql_engine, "_LOST_S", CALL_S)
    monkeypatch.setattr(dynamodb_table, "THROTTLED_S", 0.2)


@pytest.mark.parametrize(("running", "fault"), CASES, indirect=["running"], scope="module")
def test_a_fault_loses_no_record_stores_none_twice_and_erases_no_feedback(
    running: Running, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(OutboxedStore(running.through(), tmp_path / "outbox")) as store:
        play(running, fault, store)

    assert SECRET not in caplog.text
    assert not [path for path in files_in(tmp_path) if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "running", [pytest.param(one, id=one.name) for one in PLACES], indirect=True, scope="module"
)
def test_a_clock_that_jumps_loses_no_record_and_puts_none_in_another_place(
    running: Running, tmp_path: Path
) -> None:
    hour = 3_600_000  # in milliseconds, by which samples are numbered
    # A day ahead, back again, a year behind, and an hour back in the middle of a batch.
    times = [400 * 24 * hour + jump * hour for jump in (0, 24, 0, -365 * 24, 1, 0)]
    records = [
        replace(sample(at + n), model="clock") for at in times for n in range(2 * len(times))
    ]
    records = list({one.id: one for one in records}.values())
    query = RecordQuery(model="clock")
    with closing(OutboxedStore(running.through(), tmp_path / "outbox")) as store:
        for start in range(0, len(records), 5):
            store.insert(records[start : start + 5])
        wait_for(lambda: len(ids(running.direct, query)) == len(records))

        by_time = sorted(records, key=lambda one: (one.time_us, one.id))
        assert sorted(ids(running.direct, query)) == sorted(one.id for one in by_time)
        newest = running.direct.page(query, limit=5).records
        assert [one.id for one in newest] == [one.id for one in by_time[:-6:-1]]
        ahead = RecordQuery(model="clock", since_us=by_time[0].time_us + 1)
        assert len(ids(running.direct, ahead)) == len(records) - 1
        assert store.set_feedback(by_time[0].id, feedback("Gentoo"))
        assert running.direct.delete(by_time[:3]) == 3
        assert len(ids(running.direct, query)) == len(records) - 3


def play(running: Running, fault: str, store: OutboxedStore) -> None:
    query = RecordQuery(model=fault)
    first, later = records_of(fault, 0, 10), records_of(fault, 10, 40)
    store.insert(first)
    wait_for(lambda: len(ids(running.direct, query)) == len(first))
    running.direct.set_feedback(first[0].id, feedback("Gentoo"))

    with running.faults[fault]():
        store.insert([*later, first[0], later[0]])
        if fault == "lost":
            running.direct.insert(later)  # another writer
        if fault in REASONS:
            wait_for(lambda: store.health.reason in REASONS[fault])
            assert store.health.state == "waiting for the store"
        if fault in ("crashed", "full"):
            check_refusal(store.store, fault)

    wait_for(lambda: len(ids(running.direct, query)) >= 40)
    wait_for(lambda: store.health.state == "kept")
    assert sorted(ids(running.direct, query)) == [one.id for one in (*first, *later)]
    said = {one.id: decoded(running.direct.get(one.id)) for one in (first[0], later[0])}
    assert said[first[0].id] == decoded(records_of(fault, 0, 1, feedback=feedback("Gentoo"))[0])
    assert said[later[0].id] == decoded(later[0])


def records_of(fault: str, start: int, stop: int, **changes: Any) -> list[Record]:
    """Records whose ids no other fault has, each larger than requests that carry none."""
    base = sum(fault.encode()) * 1_000
    some = [sample(n, inputs=noise(n, 800)) for n in range(base + start, base + stop)]
    return [replace(one, model=fault, **changes) for one in some]


def check_refusal(store: Store, fault: str) -> None:
    """Whoever writes past the outbox is told why, and what to do."""
    with pytest.raises(StoreError) as raised:
        store.insert(records_of(f"{fault} past the outbox", 0, 30))
    assert SECRET not in f"{raised.value} {raised.value.__cause__}"
    assert raised.value.hint
    assert raised.value.reason in REASONS[fault]


def wait_for(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < until_s, f"not within {WITHIN_S:g} s"
        time.sleep(0.05)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
