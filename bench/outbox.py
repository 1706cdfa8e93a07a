"""What recording costs before an answer leaves: microseconds an append, while a shipper runs.

`normal` and `off` are called one after the other, as by an event loop. `full` waits for the disk:
there so many callers at once ask, and one commit settles all that gathered; what is told is how
long each of them waited. The shipper is a process of its own, as under a server: it writes the
store, with its checkpoints, on the same disk.

    python -m bench.outbox [--seconds 2] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple, get_args

import apsw
import msgspec

from podium.errors import StoreError
from podium.outbox.outbox import Durability, Outbox
from podium.outbox.shipper import Shipper
from podium.records.record import Ids, Record
from podium.records.stores.sqlite import SqliteStore

BATCHES = (1, 16, 64)
CALLERS = 64
# Faster than any server asks, so that the shipper can't rest; slower than the outbox would fill.
ROWS_S = 40_000
INPUTS = b'{"age":41.5,"balance":1204.25,"country":"PT","is_member":true,"score":0.731,"tenure":7}'
OUTPUTS = b'{"prediction":"stays","probabilities":{"leaves":0.18,"stays":0.82},"warnings":[]}'


def some_records(ids: Ids, n_records: int) -> list[Record]:
    """So many records, as a server makes them."""
    time_us = time.time_ns() // 1_000
    return [
        Record(
            id=id_,
            time_us=time_us,
            model="churn",
            version="3",
            inputs=INPUTS,
            outputs=OUTPUTS,
            outcome="stays",
            latency_us=35,
        )
        for id_ in ids.some(time_us, n_records)
    ]


class Taken(NamedTuple):
    """How long appends took.

    Attributes:
        each_us: each of them, in order of length.
        cpu_us: of the caller's thread, the mean; it doesn't count what other programs took.
        seconds: all of it.
    """

    each_us: list[float]
    cpu_us: float
    seconds: float


def one_after_the_other(
    append: Callable[[Sequence[Record]], object], n_records: int, seconds: float
) -> Taken:
    """How long each append took."""
    ids, each_us, cpu_s = Ids(), [], 0.0
    began_s = time.perf_counter()
    while (now_s := time.perf_counter()) - began_s < seconds:
        records = some_records(ids, n_records)
        cpu_before, before = time.thread_time(), time.perf_counter()
        append(records)
        each_us.append((time.perf_counter() - before) * 1e6)
        cpu_s += time.thread_time() - cpu_before
        ahead_s = len(each_us) * n_records / ROWS_S - (now_s - began_s)
        if ahead_s > 0.002:
            time.sleep(ahead_s)
    return Taken(sorted(each_us), cpu_s * 1e6 / len(each_us), time.perf_counter() - began_s)


def many_at_once(outbox: Outbox, n_records: int, seconds: float) -> Taken:
    """How long each of some callers waited."""
    ids, each_us, cpu_s = Ids(), [], 0.0
    failures: list[StoreError] = []
    free = threading.Semaphore(CALLERS)
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < seconds and not failures:
        free.acquire()
        records = some_records(ids, n_records)
        cpu_before, before = time.thread_time(), time.perf_counter()

        def settled(error: StoreError | None, before: float = before) -> None:
            each_us.append((time.perf_counter() - before) * 1e6)
            failures.extend([] if error is None else [error])
            free.release()

        outbox.append_later(records, settled)
        cpu_s += time.thread_time() - cpu_before
    for _ in range(CALLERS):
        free.acquire()
    if failures:
        raise failures[0]
    return Taken(sorted(each_us), cpu_s * 1e6 / len(each_us), time.perf_counter() - began_s)


def ship(folder: Path, ready: Event, stop: threading.Event) -> None:
    """Ship until told to stop, in a process."""
    store = SqliteStore(folder / "podium.db", synchronous="FULL")
    shipper = Shipper(folder / "outbox", store)
    ready.set()
    shipper.run(stop)
    store.close()


def measure(durability: Durability, n_records: int, seconds: float, folder: Path) -> Taken:
    """How long each append took."""
    context = multiprocessing.get_context("fork")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=ship, args=(folder, ready, stop))
    process.start()
    ready.wait()
    outbox = Outbox(folder / "outbox", durability=durability)
    if durability == "full":
        taken = many_at_once(outbox, n_records, seconds)
    else:
        taken = one_after_the_other(outbox.append, n_records, seconds)
    outbox.close()
    stop.set()
    process.join()
    return taken


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each line")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    options = parser.parse_args()
    size = len(msgspec.msgpack.encode(some_records(Ids(), 1)))
    print(f"SQLite {apsw.sqlite_lib_version()}, {size} bytes a record")
    print("durability  records  appends   p50 us   p99 us  max us   cpu us  cpu us/row  rows/s")
    for durability in get_args(Durability):
        for n_records in BATCHES:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                each_us, cpu_us, seconds = measure(
                    durability, n_records, options.seconds, Path(folder)
                )
            p50, p99 = statistics.median(each_us), each_us[int(len(each_us) * 0.99)]
            print(
                f"{durability:10}  {n_records:7}  {len(each_us):7}  {p50:7.1f}  {p99:7.1f}  "
                f"{each_us[-1]:6.0f}  {cpu_us:7.1f}  {cpu_us / n_records:10.2f}  "
                f"{len(each_us) * n_records / seconds:6.0f}"
            )


if __name__ == "__main__":
    main()
