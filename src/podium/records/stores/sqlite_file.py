"""The file under a SqliteStore: opening it, its tables, and the messages about its failures."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

import apsw

from podium.errors import StoreError
from podium.records import forks

Synchronous = Literal["NORMAL", "FULL"]

BUSY_MS = 5_000
# How long to wait for another process that migrates the file: 4 s per million records.
MIGRATED_MS = 60_000
# A reader that pauses lets the log grow; the next checkpoint truncates it to this size.
LOG_BYTES = 64 * 2**20
# "Podi": distinguishes our files from other programs' databases.
APPLICATION_ID = 0x506F6469
IDLE_READERS_MAX = 4

# Pages are found by an index that ends in (time_us, id). The index of a model also contains the
# number: scanning it for a range of outcomes reads no record that isn't shown. Numbers with a
# fraction aren't in the index of outcomes: hardly anybody searches for one, and each would touch a
# page of its own there, which made an insert take twice as long.
IS_INDEXED = "outcome NOT GLOB '[-0-9]*.[0-9]*'"
_RECORDS = f"""
CREATE TABLE record (
    id TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    outcome TEXT NOT NULL,
    outcome_number REAL,
    latency_us INTEGER NOT NULL,
    source TEXT NOT NULL,
    actor TEXT,
    feedback_truth TEXT,
    feedback_time_us INTEGER,
    feedback_actor TEXT,
    feedback_note TEXT
) STRICT;
CREATE UNIQUE INDEX record_by_id ON record (id);
CREATE INDEX record_by_time ON record (time_us, id);
CREATE INDEX record_by_model ON record (model, time_us, id, outcome_number);
CREATE INDEX record_by_outcome ON record (model, outcome, time_us, id) WHERE {IS_INDEXED};
CREATE INDEX record_by_feedback ON record (model, time_us, id) WHERE feedback_time_us IS NOT NULL;
"""
_log = logging.getLogger("podium")
_REQUESTS = """
ALTER TABLE record ADD COLUMN request_id TEXT;
ALTER TABLE record ADD COLUMN row_index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN role TEXT NOT NULL DEFAULT 'primary';
ALTER TABLE record ADD COLUMN bundle_digest TEXT;
ALTER TABLE record ADD COLUMN attributes TEXT;
"""
_KEYS = """
ALTER TABLE record ADD COLUMN feedback_earlier TEXT;
ALTER TABLE record ADD COLUMN business_key TEXT;
CREATE INDEX record_by_key ON record (business_key, time_us, id) WHERE business_key IS NOT NULL;
"""
# The step at index n leads from version n of the tables to n + 1. Since the table is STRICT, SQLite
# reads it through to add a column, but writes to no row.
MIGRATIONS = (_RECORDS, "ALTER TABLE record ADD COLUMN owner TEXT;", _REQUESTS, _KEYS)


Identity: TypeAlias = tuple[int, int]


def identity_of(path: Path) -> Identity | None:
    """The identity of a file, which differs from its replacement's; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a third of the time, before every write
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


class Connections(forks.ForkAware):
    """One connection that writes and several that read, so that a long search delays no prediction.

    In WAL mode readers and the writer don't block each other. Each connection is used by one thread
    at a time, and none is opened after `close`. A fork closes all of them; the next use opens the
    file again.

    Args:
        vfs: the name of SQLite's virtual file system; tests use one that fails.
        creates: whether to create a missing file and its folder. A process that another one has
            started doesn't: the file was removed since, or its disk was unmounted, and records would
            be written to where nobody looks for them.

    Raises:
        StoreError: the file can't be opened, isn't one of ours, or is missing and isn't created.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Synchronous,
        vfs: str = "",
        creates: bool = True,
    ) -> None:
        self._path = path
        self._vfs = vfs
        self._write_lock = threading.RLock()
        self._lock = threading.Lock()
        self._readers: list[apsw.Connection] = []
        self._watch_lock = threading.Lock()
        self._watcher: apsw.Connection | None = None
        self._n_forks = 0
        self._is_closed = False
        self._synchronous: Synchronous = synchronous
        self._writer: apsw.Connection | None = None
        with self._failures():
            if creates:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            self._file = identity_of(path)
            if self._file is None:
                raise removed(path)
            self._open_writer()
            forks.watch(self)

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """The writing connection, in a transaction that is committed as a whole or not at all."""
        with self._failures(), self._write_lock:
            writer = self._current_writer()
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:  # on a full disk SQLite has already rolled back
                    writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection for reading, which no other thread uses at the same time."""
        with self._failures():
            self._check_file_to_read()
            with self._lock:
                if self._is_closed:
                    raise apsw.ConnectionClosedError("the store is closed")
                file = self._file
                reader = self._readers.pop() if self._readers else None
            if reader is None:
                reader = self._open()
                reader.pragma("query_only", True)
            try:
                yield reader
            finally:
                self._release(reader, file)

    def empty_log(self) -> None:
        """Truncate the log, which contains deleted records until overwritten; not while it is read."""
        with self._failures(), self._write_lock:
            writer = self._current_writer()
            try:
                writer.set_busy_timeout(0)
                writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                pass
            finally:
                writer.set_busy_timeout(BUSY_MS)

    def version(self) -> object:
        """A value that changes with every change that anybody commits to the file."""
        with self._failures():
            self._check_file_to_read()
            with self._watch_lock:
                if self._is_closed:
                    raise apsw.ConnectionClosedError("the store is closed")
                if self._watcher is None:
                    self._watcher = self._open()
                # SQLite counts for each connection the changes of others: this one changes nothing.
                n_changes = self._watcher.execute("PRAGMA data_version").get
                return self._file, self._n_forks, n_changes

    def close(self) -> None:
        """Close all idle connections; those in use are closed when they are returned."""
        with self._failures(), self._write_lock, self._lock, self._watch_lock:
            self._is_closed = True
            self._close_idle()

    def before_fork(self) -> None:
        """Close all connections except those that were in use for too long."""
        self._n_forks += 1  # versions of different connections can't be compared
        with ExitStack() as locks:
            for lock in (self._write_lock, self._lock, self._watch_lock):
                if not lock.acquire(blocking=False):
                    return
                locks.callback(lock.release)
            if self._writer is None or not self._writer.in_transaction:
                with suppress(apsw.Error):
                    self._close_idle()

    def after_fork_in_child(self) -> None:
        """Abandon the parent's connections, and replace its locks."""
        for connection in (*self._readers, self._watcher, self._writer):
            if connection is not None:
                forks.abandon(connection)
        self._readers, self._watcher, self._writer = [], None, None
        self._write_lock, self._lock = threading.RLock(), threading.Lock()
        self._watch_lock = threading.Lock()

    def _close_idle(self) -> None:
        idle = [*self._readers, self._watcher, self._writer]
        self._readers, self._watcher, self._writer = [], None, None
        for connection in idle:
            if connection is not None:
                connection.close()

    def _current_writer(self) -> apsw.Connection:
        """The writing connection, to the file that is in place now; the write lock is held."""
        if self._is_closed:
            raise apsw.ConnectionClosedError("the store is closed")
        self._check_file()
        return self._writer or self._open_writer()

    def _open_writer(self) -> apsw.Connection:
        self._writer = writer = self._open()
        try:
            self._prepare(writer)
        except BaseException:
            writer.close()
            self._writer = None
            raise
        return writer

    def _open(self) -> apsw.Connection:
        connection = apsw.Connection(
            str(self._path),
            flags=apsw.SQLITE_OPEN_READWRITE,  # never CREATE: it may be removed at any moment
            vfs=self._vfs or None,
        )
        connection.set_busy_timeout(BUSY_MS)
        return connection

    def _check_file_to_read(self) -> None:
        if identity_of(self._path) != self._file:  # otherwise readers would wait for the writer
            with self._write_lock:
                self._check_file()

    def _check_file(self) -> None:
        """Open the file again if it was replaced; the caller holds the write lock.

        Raises:
            StoreError: it was removed: anything written to it now would be lost with this process.
        """
        file = identity_of(self._path)
        if self._is_closed or file == self._file:
            return
        if file is None:
            raise removed(self._path)
        _log.warning(
            "store_replaced: %s is another file now, which is used from here on", self._path
        )
        with self._lock, self._watch_lock:
            self._close_idle()
            self._file = file
            self._open_writer()

    def _release(self, reader: apsw.Connection, file: Identity | None) -> None:
        with self._lock:
            is_current = not self._is_closed and file == self._file
            is_reusable = is_current and len(self._readers) < IDLE_READERS_MAX
            if is_reusable:
                self._readers.append(reader)
        if not is_reusable:
            reader.close()

    def _prepare(self, writer: apsw.Connection) -> None:
        self._version(writer)  # before a file of another program is changed
        self._use_log(writer)
        writer.pragma("journal_size_limit", LOG_BYTES)
        writer.pragma("synchronous", self._synchronous)
        writer.pragma("secure_delete", True)  # overwrite deleted content with zeros
        if self._version(writer) == len(MIGRATIONS):
            return
        writer.set_busy_timeout(MIGRATED_MS)
        with self.writing():
            # Read again: another process may have migrated while this one waited for the lock.
            for statements in MIGRATIONS[self._version(writer) :]:
                writer.execute(statements)
            writer.pragma("application_id", APPLICATION_ID)
            writer.pragma("user_version", len(MIGRATIONS))
        writer.set_busy_timeout(BUSY_MS)

    def _use_log(self, writer: apsw.Connection) -> None:
        """Switch to WAL mode, which the file remembers."""
        end_s = time.monotonic() + BUSY_MS / 1_000
        while True:
            try:
                writer.pragma("journal_mode", "wal")
            except apsw.BusyError:
                # For this one statement SQLite doesn't wait by itself if another process that opens
                # the new file runs it, too.
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.01)
            else:
                return

    def _version(self, writer: apsw.Connection) -> int:
        """The version of the tables in the file, 0 if there are none."""
        # In one statement, which sees one snapshot.
        application_id, version, n_tables = writer.execute(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
            "FROM pragma_application_id, pragma_user_version"
        ).get
        if application_id != APPLICATION_ID and (application_id, version, n_tables) != (0, 0, 0):
            raise StoreError(
                f"{self._path} is the database of another program",
                hint="use a separate file for the records",
            )
        if version > len(MIGRATIONS):
            raise written_by_newer(self._path)
        return int(version)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn exceptions of SQLite and the file system into a StoreError."""
        try:
            with forks.gate:
                yield
        except apsw.Error as error:
            reason = reason_of(error, self._path)
            raise StoreError(
                f"{self._path}: {error}", hint=hint_of(error), reason=reason
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self._path} can't be opened: {error.strerror}",
                hint="look at the folder's permissions, or choose another folder with --home",
                reason=reason_of(error, self._path),
            ) from error


def removed(path: Path) -> StoreError:
    """The error for a file that was removed: what was written to it now would be lost."""
    return StoreError(
        f"{path} was removed while it was in use",
        hint="put it back, or a copy of it (podium records restore FILE); "
        "or start the server again with an empty one",
        reason=f"{path.name} was removed",
    )


def written_by_newer(path: Path) -> StoreError:
    """The error for a file whose version is newer than this Podium's."""
    return StoreError(
        f"{path} was written by a newer Podium",
        hint="update this one",
        reason=f"{path.name} was written by a newer Podium",
    )


def reason_of(error: Exception, path: Path) -> str:
    """The reason for a failure of SQLite or the file system, without confidential details."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, apsw.FullError) or number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if isinstance(error, (apsw.NotADBError, apsw.CorruptError)):
        return f"{path.name} is damaged: see podium records check"
    if isinstance(error, apsw.BusyError):
        return f"another program has locked {path.name}"
    if isinstance(error, (apsw.CantOpenError, apsw.ReadOnlyError)) or number is not None:
        return f"{path.name} can't be written"
    return "the disk can't be read or written" if isinstance(error, apsw.IOError) else ""


def hint_of(error: apsw.Error) -> str:
    """What to do about a failure of SQLite; empty if unknown."""
    hints: dict[type[apsw.Error], str] = {
        apsw.FullError: "the disk is full: free some space",
        apsw.IOError: "the disk can't be read or written",
        apsw.NotADBError: "the file isn't a SQLite database, or is damaged: use another, or restore a backup",
        apsw.CorruptError: "see podium records check; podium records repair recovers what can be read",
        apsw.CantOpenError: "look at the folder's permissions",
        apsw.ReadOnlyError: "look at the file's permissions",
        apsw.BusyError: "another program has locked the file",
    }
    return next((hint for kind, hint in hints.items() if isinstance(error, kind)), "")
