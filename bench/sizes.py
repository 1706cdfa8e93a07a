"""What a record takes on a disk, in each store that can be had on this machine.

100,000 records of six inputs each, half of them labels with probabilities, half numbers. A database
server is stopped before its files are weighed, so that all is written; logs that it writes ahead are left
out, because they are used again and again. Valkey holds records in memory, and says how much. MongoDB itself
is in no package: what is weighed is the documents that it gets, to which it adds indexes, and which it
compresses.

    python -m bench.sizes [--rows 100000] [--write]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import documents
from bench.stores import BATCH_ROWS, some_records

from podium.outbox.outbox import Outbox
from podium.records.open import open_store
from podium.records.record import Ids, Record
from podium.records.store import Store
from podium.records.stores.documents import document_of
from podium.testing import databases

DOCUMENT = Path("docs/how-to/capacity.md")


class Size(NamedTuple):
    """What records take.

    Attributes:
        where: what was weighed.
    """

    title: str
    where: str
    n_bytes: float


def batches_of(ids: Ids, n_rows: int) -> Iterator[list[Record]]:
    """Records as a server makes them."""
    for _ in range(n_rows // BATCH_ROWS):
        yield some_records(ids, BATCH_ROWS)


def fill(store: Store, n_rows: int) -> None:
    """Insert so many records, and close the store.

    Raises:
        AssertionError: it refused one.
    """
    for batch in batches_of(Ids(), n_rows):
        result = store.insert(batch)
        assert not result.failed, result
    store.close()


def weight(folder: Path, patterns: Iterable[str]) -> int:
    """The bytes of files."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sum(path.stat().st_size for path in paths)


def outbox_sizes(n_rows: int) -> Iterator[Size]:
    """The outbox: one record in each commit."""
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder), segment_bytes=2**40, rows_max=n_rows + 1)
        for batch in batches_of(Ids(), n_rows):
            for record in batch:
                outbox.append([record])
        segments = outbox.folder.iterdir()
        n_bytes = sum(len(one.read_bytes().rstrip(b"\0")) for one in segments)
        outbox.close()
    yield Size("outbox", "a record in each request", n_bytes / n_rows)


def file_sizes(n_rows: int) -> Iterator[Size]:
    """Files of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        fill(open_store(Path(folder) / "podium.db"), n_rows)
        yield Size("SQLite", "the file, with its indexes", weight(Path(folder), ["*"]) / n_rows)


def server_size(
    kind: type[databases.DatabaseServer], where: str, *patterns: str
) -> Callable[[int], Iterator[Size]]:
    """What the files of a server grow by."""

    def measured(n_rows: int) -> Iterator[Size]:
        with kind() as server:
            address = server.new_database()
            fill(open_store(address), BATCH_ROWS)  # its tables, once
            server.stop()
            before = weight(server.folder, patterns)
            server.start()
            fill(open_store(address), n_rows)
            server.stop()
            yield Size(kind.package, where, (weight(server.folder, patterns) - before) / n_rows)

    return measured


def valkey_sizes(n_rows: int) -> Iterator[Size]:
    """Memory, which is what limits it."""
    import redis

    with databases.ValkeyServer() as server:
        address = server.new_database()
        with redis.Redis.from_url(address) as client:
            before = client.info("memory")["used_memory"]
            fill(open_store(address), n_rows)
            n_bytes = client.info("memory")["used_memory"] - before
    yield Size("Valkey", "memory", n_bytes / n_rows)


def document_sizes(n_rows: int) -> Iterator[Size]:
    """What MongoDB is sent."""
    from bson import encode

    batches = batches_of(Ids(), n_rows)
    n_bytes = sum(len(encode(document_of(record))) for batch in batches for record in batch)
    yield Size("MongoDB", "documents, without indexes or compression", n_bytes / n_rows)


def main() -> None:
    """Print the table, or put it into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help=f"into {DOCUMENT}")
    options = parser.parse_args()
    kinds = [
        outbox_sizes,
        file_sizes,
        server_size(databases.PostgresServer, "its tables and indexes", "files/base/*/*"),
        server_size(databases.MariaServer, "its tables and indexes", "files/*/*.ibd"),
        valkey_sizes,
        document_sizes,
    ]
    rows = []
    for measured in kinds:
        try:
            for one in measured(options.rows):
                rows.append([one.title, one.where, f"{one.n_bytes:,.0f}"])
                print(*rows[-1], flush=True)
        except databases.NoServer as error:
            print(error)
    text = documents.table_of(["store", "what was weighed", "bytes a record"], rows)
    about = f"{options.rows:,} records of six inputs, by `python -m bench.sizes`.\n"
    if options.write:
        documents.put(DOCUMENT, "sizes", f"{text}\n{about}")


if __name__ == "__main__":
    main()
