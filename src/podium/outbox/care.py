"""Maintenance of the SQLite file that holds the records: check, back up, repair, restore.

All of it can run while servers use the file. Meanwhile nothing moves from the outboxes into it, and
a server that finds another file in its place opens that one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import apsw

from podium.errors import SetupError, StoreError
from podium.outbox.flush import flush
from podium.outbox.mark import read_committed
from podium.outbox.outboxes import moving, outboxes, segments
from podium.outbox.refused import REFUSED_NAME
from podium.outbox.shipper import DAMAGED_NAME
from podium.outbox.waiting import Waiting
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import APPLICATION_ID, MIGRATIONS, hint_of, written_by_newer

PROBLEMS_MAX = 20
READ_ROWS = 1_000
# After this many thousand unreadable rows in a row, the row count itself must be damaged.
GAPS_MAX = 1_000
FLUSH_S = 60.0


class Report(NamedTuple):
    """The result of a check.

    Attributes:
        n_records: in the store; None if they can't be counted.
        problems: of the store's file, in SQLite's words.
        n_waiting: records that aren't in the store yet.
        damaged: files of the outbox that were set aside.
        n_refused: records that the store can't hold and that were set aside.
    """

    n_records: int | None
    problems: tuple[str, ...]
    n_waiting: int
    damaged: tuple[str, ...]
    n_refused: int

    @property
    def is_well(self) -> bool:
        """Whether the store's file is undamaged."""
        return not self.problems


class Repaired(NamedTuple):
    """The result of a repair.

    Attributes:
        n_records: how many were recovered.
        n_lost: how many couldn't be read, as far as that can be determined.
        aside: where the damaged file was moved.
    """

    n_records: int
    n_lost: int
    aside: Path


def check(path: Path, folder: Path) -> Report:
    """Check a store's file and the outboxes before it.

    Raises:
        SetupError: there is no such file.
    """
    _require(path)
    n_records, problems = _checked(path)
    n_waiting = 0
    for outbox, _ in outboxes(folder):
        for segment in segments(outbox):
            with suppress(OSError):
                noted = read_committed(segment)
                n_waiting += max(noted.n_rows - noted.shipped.n_rows, 0)
    aside = folder / DAMAGED_NAME
    damaged = sorted(one.name for one in aside.glob("*.db")) if aside.is_dir() else []
    refused = folder / REFUSED_NAME
    n_refused = refused.read_bytes().count(b"\n") if refused.is_file() else 0
    return Report(n_records, problems, n_waiting, tuple(damaged), n_refused)


def back_up(path: Path, folder: Path, copy: Path) -> int:
    """Copy a store's file with all earlier records, including outboxes; returns their number.

    Raises:
        SetupError: there is no such file, or the copy exists already.
        StoreError: it can't be read, or the copy can't be written.
    """
    _require(path)
    if copy.exists():
        raise SetupError(f"{copy} exists already", hint="choose another name for the backup")
    store = SqliteStore(path, synchronous="FULL")
    waiting = Waiting(folder)
    try:
        if not flush(folder, store, waiting, seconds=FLUSH_S):
            raise StoreError("too many records wait for the store", hint="try again later")
    finally:
        waiting.close()
        store.close()
    return _copied(path, copy)


def restore(path: Path, folder: Path, copy: Path) -> Repaired:
    """Replace a store's file with a copy.

    Raises:
        SetupError: there is no copy, or it contains no records.
        StoreError: the copy is damaged, or writing failed.
    """
    _require(copy)
    _, problems = _checked(copy)
    if problems:
        raise StoreError(f"{copy} is damaged itself: {problems[0]}", hint="use another backup")
    with moving(folder, is_shared=False):
        n_records = _copied(copy, _new(path))
        return Repaired(n_records, 0, _swapped(path, "replaced"))


def repair(path: Path, folder: Path) -> Repaired:
    """Move every readable record to a new file, and set the damaged one aside.

    Raises:
        SetupError: there is no such file.
        StoreError: nothing in it can be read, or the new file can't be written.
    """
    _require(path)
    with moving(folder, is_shared=False):
        new = _new(path)
        for suffix in ("", "-wal", "-shm"):  # left by a repair that was interrupted
            new.with_name(f"{new.name}{suffix}").unlink(missing_ok=True)
        SqliteStore(new, synchronous="FULL").close()  # with its tables
        with _failures(path):
            n_records, n_lost = _rescued(path, new)
        return Repaired(n_records, n_lost, _swapped(path, "damaged"))


def _checked(path: Path) -> tuple[int | None, tuple[str, ...]]:
    """The number of records in a file, and its problems."""
    try:
        connection = _open(path)
    except apsw.Error as error:
        return None, (str(error),)
    try:
        if connection.pragma("application_id") != APPLICATION_ID:
            raise SetupError(f"{path} isn't a file of records", hint="give one written by Podium")
        rows = connection.execute(f"PRAGMA integrity_check({PROBLEMS_MAX})").fetchall()
        problems = tuple(line for (text,) in rows for line in str(text).splitlines())
        n_records = int(connection.execute("SELECT count(*) FROM record").get)
    except apsw.Error as error:
        return None, (str(error),)
    finally:
        connection.close()
    return n_records, () if problems == ("ok",) else problems


def _copied(path: Path, copy: Path) -> int:
    """Copy a file as of one moment, even while others write to it."""
    part = copy.with_name(f"{copy.name}.part")
    with _failures(copy):
        part.touch(mode=0o600)
        source, target = _open(path), apsw.Connection(str(part))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()  # all pages at once: one snapshot
            n_records = int(target.execute("SELECT count(*) FROM record").get)
        finally:
            target.close()
            source.close()
        part.replace(copy)
    return n_records


def _rescued(path: Path, new: Path) -> tuple[int, int]:
    """Copy the readable rows; returns their number, and that of the others."""
    source, target = _open(path), apsw.Connection(str(new))
    try:
        names = [name for _, name, *_ in source.execute("PRAGMA table_info(record)")]
        columns, marks = ", ".join(names), ", ".join("?" for _ in names)
        # The names are those of our own table.
        insert = f"INSERT OR IGNORE INTO record ({columns}) VALUES ({marks})"  # noqa: S608
        n_tried = 0
        with target:
            for row in _rows(source, columns):
                n_tried += 1
                if row is not None:
                    with suppress(apsw.Error):  # a value of a wrong type is damage
                        target.execute(insert, row)
        n_records = int(target.execute("SELECT count(*) FROM record").get)
        return n_records, n_tried - n_records
    finally:
        target.close()
        source.close()


def _rows(source: apsw.Connection, columns: str) -> Iterator[tuple[apsw.SQLiteValue, ...] | None]:
    """Every readable row, and None for each row that is known to exist and isn't."""
    after, last, n_gaps = 0, _last(source), 0
    select = f"SELECT rowid, {columns} FROM record NOT INDEXED"  # noqa: S608 - as above
    while after < last and n_gaps < GAPS_MAX:
        try:
            some = source.execute(
                f"{select} WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, READ_ROWS)
            ).fetchall()
        except apsw.Error:
            some, n_gaps = [], n_gaps + 1
            for rowid in range(after + 1, min(after + READ_ROWS, last) + 1):
                try:
                    some += source.execute(f"{select} WHERE rowid = ?", (rowid,)).fetchall()
                except apsw.Error:
                    yield None
            after = min(after + READ_ROWS, last)
        else:
            n_gaps, after = 0, int(str(some[-1][0])) if some else last
        for row in some:
            yield row[1:]


def _last(source: apsw.Connection) -> int:
    """The last row, by the table or any of its indexes that can be read."""
    numbers = [0]
    for index in ("NOT INDEXED", "INDEXED BY record_by_id", "INDEXED BY record_by_time"):
        with suppress(apsw.Error):
            sql = f"SELECT coalesce(max(rowid), 0) FROM record {index}"  # noqa: S608 - as above
            numbers.append(int(source.execute(sql).get))
    return max(numbers)


def _swapped(path: Path, state: str) -> Path:
    """Put the new file in place, and set the old one aside; returns where that is."""
    aside = path.with_name(f"{path.name}.{state}-{time.strftime('%Y%m%d-%H%M%S')}")
    with _failures(path):
        # The log moves with its file: beside another file, SQLite would apply it to that one.
        for suffix in ("", "-wal", "-shm"):
            old = path.with_name(f"{path.name}{suffix}")
            if old.exists():
                old.rename(aside.with_name(f"{aside.name}{suffix}"))
        _new(path).replace(path)
    return aside


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _open(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(5_000)
    connection.pragma("query_only", True)
    if connection.pragma("user_version") > len(MIGRATIONS):
        connection.close()
        raise written_by_newer(path)
    return connection


def _require(path: Path) -> None:
    if not path.is_file():
        raise SetupError(
            f"there is no file {path}", hint="give the server's home folder with --home"
        )


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"{path}: {error}", hint=hint_of(error)) from error
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="look at the disk and the folder"
        ) from error
