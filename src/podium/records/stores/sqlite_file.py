"""The file under a SqliteStore: how it is opened, what is in it, and how its failures are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import apsw

from podium.errors import StoreError

Synchronous = Literal["NORMAL", "FULL"]

BUSY_MS = 5_000
# A reader that pauses lets the log grow; after the next checkpoint it is cut to this again.
LOG_BYTES = 64 * 2**20
# "Podi": what tells a file of ours from a database of somebody else's program.
APPLICATION_ID = 0x506F6469
READERS_KEPT_MAX = 4

# Pages are found in an index that ends in (time_us, id). That of a model holds the number too:
# scanning it for a range of outcomes reads no record that isn't shown.
# Numbers with a point don't stand in the index of outcomes: hardly anybody looks for one of them, and
# each would touch a page of its own there, so that an insert took twice as long.
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
# The step at place n leads from version n of the tables to n + 1.
MIGRATIONS = (_RECORDS,)


class Connections:
    """One connection that writes and some that read, so that a long search delays no prediction.

    In a WAL readers and the writer don't wait for each other. Each connection is used by one thread
    at a time, and none is opened after `close`.

    Args:
        vfs: the name of SQLite's virtual file system; tests bring one that fails.

    Raises:
        StoreError: the file can't be opened, or isn't one of ours.
    """

    def __init__(self, path: Path, *, synchronous: Synchronous, vfs: str = "") -> None:
        self._path = path
        self._vfs = vfs
        self._write_lock = threading.Lock()
        self._lock = threading.Lock()
        self._readers: list[apsw.Connection] = []
        self._watch_lock = threading.Lock()
        self._watcher: apsw.Connection | None = None
        self._is_closed = False
        with self._failures():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._writer = self._opened()
            try:
                self._prepare(synchronous)
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """The writing connection, inside a transaction that is committed whole or not at all."""
        with self._write_lock, self._failures():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # on a full disk SQLite has rolled back already
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection that reads, and that no other thread has now."""
        with self._failures():
            with self._lock:
                if self._is_closed:
                    raise apsw.ConnectionClosedError("the store is closed")
                reader = self._readers.pop() if self._readers else None
            if reader is None:
                reader = self._opened()
                reader.pragma("query_only", True)
            try:
                yield reader
            finally:
                self._give_back(reader)

    def version(self) -> int:
        """A number that is another one after every change that anybody commits to the file."""
        with self._watch_lock, self._failures():
            if self._is_closed:
                raise apsw.ConnectionClosedError("the store is closed")
            if self._watcher is None:
                self._watcher = self._opened()
            # SQLite counts for each connection what others change: this one changes nothing.
            return int(self._watcher.execute("PRAGMA data_version").get)

    def close(self) -> None:
        """Close all that are idle; those in use are closed when they come back."""
        with self._lock:
            self._is_closed = True
            readers, self._readers = self._readers, []
        with self._write_lock, self._watch_lock, self._failures():
            watcher = () if self._watcher is None else (self._watcher,)
            for connection in (*readers, *watcher, self._writer):
                connection.close()

    def _opened(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path), vfs=self._vfs or None)
        connection.set_busy_timeout(BUSY_MS)
        return connection

    def _give_back(self, reader: apsw.Connection) -> None:
        with self._lock:
            is_kept = not self._is_closed and len(self._readers) < READERS_KEPT_MAX
            if is_kept:
                self._readers.append(reader)
        if not is_kept:
            reader.close()

    def _prepare(self, synchronous: Synchronous) -> None:
        self._version()  # before anything is changed in a file that may be somebody else's
        self._use_log()
        self._writer.pragma("journal_size_limit", LOG_BYTES)
        self._writer.pragma("synchronous", synchronous)
        if self._version() == len(MIGRATIONS):
            return
        with self.writing() as connection:
            # Read again: another process may have migrated while this one waited for the lock.
            for statements in MIGRATIONS[self._version() :]:
                connection.execute(statements)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", len(MIGRATIONS))

    def _use_log(self) -> None:
        """Turn the WAL on, which the file then remembers."""
        end_s = time.monotonic() + BUSY_MS / 1_000
        while True:
            try:
                self._writer.pragma("journal_mode", "wal")
            except apsw.BusyError:
                # For this one statement SQLite doesn't wait by itself when another process that
                # opens the new file runs it too.
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.01)
            else:
                return

    def _version(self) -> int:
        """The version of the tables in the file, 0 where there are none."""
        # In one statement, which is one snapshot.
        application_id, version, n_tables = self._writer.execute(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
            "FROM pragma_application_id, pragma_user_version"
        ).get
        if application_id != APPLICATION_ID and (application_id, version, n_tables) != (0, 0, 0):
            raise StoreError(
                f"{self._path} is a database of another program",
                hint="name a file of its own for the records",
            )
        if version > len(MIGRATIONS):
            raise StoreError(f"{self._path} was written by a newer Podium", hint="update this one")
        return int(version)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what SQLite and the file system raise into a StoreError."""
        try:
            yield
        except apsw.Error as error:
            raise StoreError(f"{self._path}: {error}", hint=hint_of(error)) from error
        except OSError as error:
            raise StoreError(
                f"{self._path} can't be opened: {error.strerror}",
                hint="look at the folder's permissions, or name another with --home",
            ) from error


def hint_of(error: apsw.Error) -> str:
    """What to do about a failure of SQLite's; empty where nothing is known."""
    hints: dict[type[apsw.Error], str] = {
        apsw.FullError: "the disk is full: free some space",
        apsw.IOError: "the disk can't be read or written",
        apsw.NotADBError: "this file is no SQLite database: name another",
        apsw.CorruptError: "the file is damaged: put back a copy, or start with another file",
        apsw.CantOpenError: "look at the folder's permissions",
        apsw.ReadOnlyError: "look at the file's permissions",
        apsw.BusyError: "another program holds the file",
    }
    return next((hint for kind, hint in hints.items() if isinstance(error, kind)), "")
