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
from bench.serve.machine import Noise

from podium.records.open import open_store
from podium.records.record import Ids, Record
from podium.records.store import RecordQuery, Store
from podium.testing import databases

DOCUMENT = Path("docs/benchmarks.md")
BATCH_ROWS, PAGE_ROWS = 1_000, 50
# Of a round: what a store is given, and how many pages of it are read.
N_BATCHES, N_PAGES = 20, 100
# Servers that speak the protocol of another: what they are, and how many batches they are given. Their
# speed says nothing about the server that they stand for.
EMULATORS: Mapping[str, int] = {
    "MongoDB": 1,
    "Elasticsearch": 5,
    "OpenSearch": 5,
    "DynamoDB": 1,
}
MODELS = ("churn", "delays")
INPUTS = b'{"age":41.5,"balance":1204.25,"country":"PT","is_member":true,"score":0.731,"tenure":7}'
LABEL = b'{"prediction":"stays","probabilities":{"leaves":0.18,"stays":0.82},"warnings":[]}'


class Subject(NamedTuple):
    """A store that is measured."""

    title: str
    store: Store
    n_batches: int


class Taken(NamedTuple):
    """The seconds of one round."""

    insert_s: float
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
    began_s = time.perf_counter()
    for batch in batches:
        result = store.insert(batch)
        assert not result.failed, result
    insert_s = time.perf_counter() - began_s

    began_s, n_pages, cursor = time.perf_counter(), 0, None
    while n_pages < N_PAGES:
        page = store.page(RecordQuery(model=MODELS[n_pages % 2]), limit=PAGE_ROWS, cursor=cursor)
        assert len(page.records) == PAGE_ROWS or page.cursor is None
        cursor, n_pages = page.cursor, n_pages + 1
    pages_s = time.perf_counter() - began_s

    began_s, n_deleted = time.perf_counter(), 0
    old = RecordQuery(until_us=batches[-1][-1].time_us + 1)
    while records := store.page(old, limit=BATCH_ROWS, order="oldest").records:
        n_deleted += store.delete(records)
    assert n_deleted == subject.n_batches * BATCH_ROWS, n_deleted
    return Taken(insert_s, pages_s, time.perf_counter() - began_s)


def subjects(stack: ExitStack, chosen: Callable[[str], bool]) -> Iterator[Subject]:
    """The stores that can be had on this machine; why others can't is printed."""
    if chosen("SQLite"):
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        yield Subject("SQLite", open_store(Path(folder) / "podium.db"), N_BATCHES)
    for name in databases.__all__:
        kind = getattr(databases, name)
        is_server = inspect.isclass(kind) and issubclass(kind, databases.DatabaseServer)
        if not is_server or inspect.isabstract(kind) or not chosen(kind.package):
            continue
        try:
            server = stack.enter_context(kind())
        except databases.NoServer as error:
            print(f"{kind.package}: {error}")
            continue
        n_batches = EMULATORS.get(kind.package, N_BATCHES)
        yield Subject(kind.package, open_store(server.new_database()), n_batches)


def table(rounds: Mapping[Subject, Sequence[Taken]]) -> str:
    """The medians, in Markdown."""
    rows = []
    for subject, taken in rounds.items():
        n_records = subject.n_batches * BATCH_ROWS
        each_s = [one.insert_s for one in taken]
        middle = [statistics.median(one) for one in zip(*taken, strict=True)]
        rows.append(
            [
                subject.title + (", emulated" if subject.title in EMULATORS else ""),
                f"{n_records / middle[0]:,.0f}",
                " to ".join(f"{n_records / worst(each_s):,.0f}" for worst in (max, min)),
                f"{middle[1] / N_PAGES * 1e3:.2f}",
                f"{n_records / middle[2]:,.0f}",
            ]
        )
    head = [
        "store",
        "inserted, records/s",
        "by the round",
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
    noise, ids = Noise(), Ids()
    with ExitStack() as stack:
        cores = os.sched_getaffinity(0)
        rounds: dict[Subject, list[Taken]] = {
            one: [] for one in subjects(stack, lambda name: name.lower().startswith(only))
        }
        for one in rounds:
            stack.callback(one.store.close)
            measured(one._replace(n_batches=1), ids)  # connects, and makes the tables
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
