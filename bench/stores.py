"""Stores side by side: records inserted, pages read, records deleted by age, for a second.

Each store runs on the server that its tests start, with the settings that it has there: a small cache,
one machine, the caller on the same cores. They take turns, and the figures are medians over rounds.

    python -m bench.stores [--only postgresql,mariadb] [--rounds 5] [--write]
"""

from __future__ import annotations

import argparse
import inspect
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import documents
from bench.serve import machine

from podium.records.open import open_store
from podium.records.record import Ids, Record
from podium.records.store import RecordQuery, Store
from podium.testing import databases

DOCUMENT = Path("docs/benchmarks.md")
BATCH_ROWS, PAGE_ROWS = 1_000, 50
# Of a round: what a store is given, and how many pages of it are read; fewer of an emulator.
N_BATCHES, N_PAGES = 20, 100
N_PAGES_EMULATED = 10
# Servers that speak the protocol of a database, by what they are called: that database, and how many
# batches a round has for them. Their speed says nothing about the server that they stand for.
EMULATORS: Mapping[str, tuple[str, int]] = {
    "SecantusDB": ("MongoDB", 2),
    "noida-db": ("Elasticsearch", 5),
    "osmem-server": ("OpenSearch", 5),
    "dynalite": ("DynamoDB", 1),
    "moto": ("DynamoDB", 1),
}
READ_ONLY = ("pysqlbridge",)
MODELS = ("churn", "delays")
INPUTS = b'{"age":41.5,"balance":1204.25,"country":"PT","is_member":true,"score":0.731,"tenure":7}'
LABEL = b'{"prediction":"stays","probabilities":{"leaves":0.18,"stays":0.82},"warnings":[]}'


class Subject(NamedTuple):
    """A store that is measured."""

    title: str
    store: Store
    n_batches: int = N_BATCHES
    n_pages: int = N_PAGES


class Taken(NamedTuple):
    """The seconds of one round.

    Attributes:
        insert_cpu_s: of the processor, by the caller and all servers, of which one has work.
    """

    insert_s: float
    insert_cpu_s: float
    pages_s: float
    delete_s: float


def some_records(ids: Ids, n_records: int) -> list[Record]:
    """Records as a server makes them: half of them labels, half numbers with a fraction."""
    time_us = time.time_ns() // 1_000
    return [
        Record(
            id=id_,
            time_us=time_us + n,
            model=MODELS[n % 2],
            version="3",
            inputs=INPUTS,
            outputs=b'{"prediction":%b,"warnings":[]}' % _number(time_us, n).encode()
            if n % 2
            else LABEL,
            outcome=_number(time_us, n) if n % 2 else "stays",
            outcome_number=float(_number(time_us, n)) if n % 2 else None,
            latency_us=35,
            actor="ada",
            owner="user:7",
            request_id=id_,
            bundle_digest="ab" * 32,
        )
        for n, id_ in enumerate(ids.some(time_us, n_records))
    ]


def _number(time_us: int, n: int) -> str:
    """A number with a fraction, in no order."""
    return repr(((time_us + n) * 2_654_435_761 % 2**32) / 2**16 + 0.1)


def measured(subject: Subject, ids: Ids) -> Taken:
    """One round: insert, read pages, delete all of it by age.

    Raises:
        AssertionError: the store lost or refused a record.
    """
    store = subject.store
    batches = [some_records(ids, BATCH_ROWS) for _ in range(subject.n_batches)]
    began_s, cpu_s = time.perf_counter(), _cpu_s()
    for batch in batches:
        result = store.insert(batch)
        assert not result.failed, result
    insert_s, cpu_s = time.perf_counter() - began_s, _cpu_s() - cpu_s

    began_s, n_pages, cursor = time.perf_counter(), 0, None
    while n_pages < subject.n_pages:
        page = store.page(RecordQuery(model=MODELS[n_pages % 2]), limit=PAGE_ROWS, cursor=cursor)
        assert len(page.records) == PAGE_ROWS or page.cursor is None
        cursor, n_pages = page.cursor, n_pages + 1
    pages_s = time.perf_counter() - began_s

    began_s, n_deleted = time.perf_counter(), 0
    old = RecordQuery(until_us=batches[-1][-1].time_us + 1)
    while records := store.page(old, limit=BATCH_ROWS, order="oldest").records:
        n_deleted += store.delete(records)
    assert n_deleted == subject.n_batches * BATCH_ROWS, n_deleted
    return Taken(insert_s, cpu_s, pages_s, time.perf_counter() - began_s)


def _cpu_s() -> float:
    return time.process_time() + machine.cpu_s()


def subjects(stack: ExitStack, chosen: Callable[[str], bool]) -> Iterator[Subject]:
    """The stores that can be had on this machine; why others can't is printed."""
    if chosen("SQLite"):
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        yield Subject("SQLite", open_store(Path(folder) / "podium.db"))
    for name in databases.__all__:
        kind = getattr(databases, name)
        is_server = inspect.isclass(kind) and issubclass(kind, databases.DatabaseServer)
        if not is_server or inspect.isabstract(kind) or kind.package in READ_ONLY:
            continue
        of, n_batches = EMULATORS.get(kind.package, ("", N_BATCHES))
        title = f"{of}, emulated by {kind.package}" if of else kind.package
        if chosen(title):
            try:
                address = stack.enter_context(kind()).new_database()
            except databases.NoServer as error:
                print(f"{title}: {error}")
            else:
                n_pages = N_PAGES_EMULATED if of else N_PAGES
                yield Subject(title, open_store(address), n_batches, n_pages)


def table(rounds: Mapping[Subject, Sequence[Taken]]) -> str:
    """The medians, in Markdown."""
    rows = []
    for subject, taken in rounds.items():
        n_records = subject.n_batches * BATCH_ROWS
        each_s = [one.insert_s for one in taken]
        middle = [statistics.median(one) for one in zip(*taken, strict=True)]
        rows.append(
            [
                subject.title,
                f"{n_records / middle[0]:,.0f}",
                " to ".join(f"{n_records / worst(each_s):,.0f}" for worst in (max, min)),
                f"{middle[1] / n_records * 1e6:.0f}",
                f"{middle[2] / subject.n_pages * 1e3:.2f}",
                f"{n_records / middle[3]:,.0f}",
            ]
        )
    head = [
        "store",
        "inserted, records/s",
        "by the round",
        "CPU, us a record",
        "a page of 50, ms",
        "deleted, records/s",
    ]
    return documents.table_of(head, rows)


def main() -> None:
    """Print the table, or put it into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names or their beginnings, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"into {DOCUMENT}")
    options = parser.parse_args()
    only = tuple(options.only.lower().split(",")) if options.only else ("",)
    noise, ids = machine.Noise(), Ids()
    with ExitStack() as stack:
        cores = os.sched_getaffinity(0)
        rounds: dict[Subject, list[Taken]] = {
            one: [] for one in subjects(stack, lambda name: name.lower().startswith(only))
        }
        for one in rounds:
            stack.callback(one.store.close)
            print(
                f"  once before, {one.title}: {measured(one._replace(n_batches=1), ids)}",
                flush=True,
            )
        for number in range(options.rounds):
            noise.sample()
            os.sched_setaffinity(0, cores)
            for one, taken in rounds.items():
                taken.append(measured(one, ids))
                print(f"  round {number + 1} {one.title}: {taken[-1]}", flush=True)
    about = (
        f"Medians of {options.rounds} interleaved rounds on {os.cpu_count()} cores, which the server "
        f"and its caller share. Noise: {noise}; load of the machine {os.getloadavg()[0]:.1f}."
    )
    text = f"{table(rounds)}\n{about}\n"
    if options.write:
        documents.put(DOCUMENT, "stores", text)
    print(text)


if __name__ == "__main__":
    main()
