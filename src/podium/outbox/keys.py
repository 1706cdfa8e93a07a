"""Idempotency keys: a repeated request gets the same response and adds no second record."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from podium.errors import InputError
from podium.outbox.segment import failures
from podium.records import forks
from podium.records.record import Record
from podium.records.stores.sqlite_file import Identity, identity_of

STORED_S = 86_400
KEY_LENGTH_MAX = 255
DELETED_ROWS = 1_000
_BUSY_MS = 5_000
_log = logging.getLogger("podium")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    ids TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    media TEXT,
    body BLOB,
    version TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_by_time ON claim (time_us);
"""
_COLUMNS = "PRAGMA table_info(claim)"
_ADD_VERSION = "ALTER TABLE claim ADD COLUMN version TEXT NOT NULL DEFAULT ''"
_CLAIM = (
    "INSERT INTO claim (scope, key, digest, ids, time_us, version) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_SELECT = "SELECT digest, ids, time_us, media, body, version FROM claim WHERE scope = ? AND key = ?"
_STORE_RESPONSE = (
    "UPDATE claim SET media = ?, body = ? WHERE scope = ? AND key = ? AND body IS NULL"
)
_DELETE = (
    "DELETE FROM claim WHERE (scope, key) IN "
    "(SELECT scope, key FROM claim WHERE time_us < ? ORDER BY time_us LIMIT ?)"
)

_SELECT_AT = "SELECT scope, key, ids FROM claim WHERE time_us = ?"
_FORGET = "DELETE FROM claim WHERE scope = ? AND key = ?"
_FORGET_ID = "DELETE FROM claim WHERE instr(ids, ?)"


class KeyReused(InputError):
    """The same idempotency key was used for a different request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Claim:
    """The request that a key identifies.

    Attributes:
        ids: of the records: those of the first request with this key, so that the store has one
            record per row, however often it is repeated.
        time_us: the time of the first request, in microseconds since 1970.
        media: the content type of its response; None until there is one.
        body: its response.
        version: the digest of the bundle that it was passed to.
    """

    ids: tuple[str, ...]
    time_us: int
    media: str | None = None
    body: bytes | None = None
    version: str = ""


class Keys(forks.ForkAware):
    """The keys of the last day, in a file that all processes of a home share.

    Args:
        path: the file; created with the first key.
        is_synced: whether a claim survives a power failure, too.
    """

    def __init__(self, path: Path, *, is_synced: bool = False) -> None:
        self._path = path
        self._is_synced = is_synced
        # Idle connections, with their file. Appending and popping need no lock.
        self._idle: list[tuple[Identity | None, apsw.Connection]] = []
        forks.watch(self)

    def before_fork(self) -> None:
        """Close the connections."""
        while self._idle:
            with suppress(apsw.Error):
                self._idle.pop()[1].close()

    def find(self, scope: str, key: str, digest: bytes) -> Claim | None:
        """The claim of this key; None if there is none, or nobody could have claimed it.

        Args:
            digest: of the request.

        Raises:
            KeyReused: the key was used for a different request.
            StoreError: the file can't be used.
        """
        if not _is_valid(key):
            return None
        with self._using() as connection:
            row = connection.execute(_SELECT, (scope, key)).fetchone()
        return None if row is None else _claim_of(row, digest)

    def claim(
        self,
        scope: str,
        key: str,
        digest: bytes,
        ids: Sequence[str],
        time_us: int,
        version: str = "",
    ) -> Claim:
        """Claim this key for a request; returns the earlier claim if there is one.

        Args:
            scope: the same key of another model or another caller is a different key.
            digest: of the request.
            ids: for its records, if it is the first.
            version: the digest of the bundle that answers it, if it is the first.

        Raises:
            KeyReused: the key was used for a different request.
            InputError: the key is invalid.
            StoreError: the file can't be used.
        """
        if not _is_valid(key):
            raise InputError(
                "this Idempotency-Key can't be used",
                hint=f"send 1 to {KEY_LENGTH_MAX} printable ASCII characters, such as a UUID",
            )
        with self._using() as connection:
            connection.execute(_CLAIM, (scope, key, digest, " ".join(ids), time_us, version))
            row = connection.execute(_SELECT, (scope, key)).fetchone()
        if row is None:  # deleted in between, a day after it was created
            return Claim(tuple(ids), time_us, version=version)
        return _claim_of(row, digest)

    def store_response(self, scope: str, key: str, media: str, body: bytes) -> tuple[str, bytes]:
        """Store the response for a repeated request; returns the one that is stored.

        It is another response if the same request ran twice at once and the other was faster.

        Raises:
            StoreError: the file can't be used.
        """
        with self._using() as connection:
            connection.execute(_STORE_RESPONSE, (media, body, scope, key))
            row = connection.execute(_SELECT, (scope, key)).fetchone()
            if not secrets.randbelow(64):
                old_us = int((time.time() - STORED_S) * 1e6)
                connection.execute(_DELETE, (old_us, DELETED_ROWS))
        return (media, body) if row is None else (row[3], row[4])

    def forget(self, records: Sequence[Record]) -> None:
        """Delete the keys of these records, with the stored responses: they contain their values.

        Raises:
            StoreError: the file can't be used.
        """
        if not self._path.exists():
            return
        ids = {record.id for record in records}
        with self._using() as connection:
            with connection:
                for time_us in {record.time_us for record in records}:
                    for scope, key, text in connection.execute(_SELECT_AT, (time_us,)).fetchall():
                        if not ids.isdisjoint(str(text).split()):
                            connection.execute(_FORGET, (scope, key))
            _empty_log(connection)

    def forget_id(self, record_id: str) -> None:
        """The same for a record of which only the id is known.

        Raises:
            StoreError: the file can't be used.
        """
        if self._path.exists():
            with self._using() as connection:
                connection.execute(_FORGET_ID, (record_id,))
                _empty_log(connection)

    @contextmanager
    def _using(self) -> Iterator[apsw.Connection]:
        """A connection that no other thread uses: none waits for another's statement."""
        with failures(self._path), forks.gate:
            file, connection = self._connection()
            try:
                yield connection
            finally:
                self._idle.append((file, connection))

    def _connection(self) -> tuple[Identity | None, apsw.Connection]:
        file = identity_of(self._path)
        with suppress(IndexError):  # no other is idle
            while True:
                opened_as, connection = self._idle.pop()
                if opened_as == file:
                    return opened_as, connection
                connection.close()
                _log.warning(
                    "keys_replaced: %s was removed or replaced: a new one begins", self._path
                )
        self._path.touch(mode=0o600)
        file = identity_of(self._path)
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(_BUSY_MS)
        self._set_up(connection)
        return file, connection

    def _set_up(self, connection: apsw.Connection) -> None:
        # Several processes that come first at once: SQLite doesn't wait while it switches to WAL
        # mode, so the busy timeout has no effect there.
        until_s = time.monotonic() + _BUSY_MS / 1_000
        while True:
            try:
                connection.pragma("journal_mode", "wal")
                connection.pragma("synchronous", "FULL" if self._is_synced else "NORMAL")
                connection.pragma("secure_delete", True)  # overwrite deleted content with zeros
                connection.execute(_SCHEMA)
                if "version" not in [row[1] for row in connection.execute(_COLUMNS)]:
                    with suppress(apsw.SQLError):  # another process has added it by now
                        connection.execute(_ADD_VERSION)
            except apsw.BusyError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.005)
            else:
                return


def _is_valid(key: str) -> bool:
    return 1 <= len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()


def _claim_of(row: Sequence[Any], digest: bytes) -> Claim:
    if not secrets.compare_digest(row[0], digest):
        raise KeyReused(
            "this Idempotency-Key was used for a different request before",
            hint="use a new key for every new request",
        )
    return Claim(tuple(row[1].split()), *row[2:])


def _empty_log(connection: apsw.Connection) -> None:
    with suppress(apsw.BusyError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
