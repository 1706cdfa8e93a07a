"""Idempotency keys: a request that is sent again gets the same answer, and no second record."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from podium.errors import InputError
from podium.records.segment import failures

KEPT_S = 86_400
KEY_LENGTH_MAX = 255
DELETED_ROWS = 1_000
_BUSY_MS = 5_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    ids TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    media TEXT,
    body BLOB,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_by_time ON claim (time_us);
"""
_CLAIM = "INSERT INTO claim VALUES (?, ?, ?, ?, ?, NULL, NULL) ON CONFLICT DO NOTHING"
_FIND = "SELECT digest, ids, time_us, media, body FROM claim WHERE scope = ? AND key = ?"
_ANSWER = "UPDATE claim SET media = ?, body = ? WHERE scope = ? AND key = ? AND body IS NULL"
_DELETE = (
    "DELETE FROM claim WHERE (scope, key) IN "
    "(SELECT scope, key FROM claim WHERE time_us < ? ORDER BY time_us LIMIT ?)"
)


class KeyReused(InputError):
    """The same idempotency key came with another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a key stands for.

    Attributes:
        ids: of the records: of the first request with this key, so that however often it is run,
            the store has one record a row.
        time_us: when that one came, in microseconds since 1970.
        media: the content type of its answer; None as long as there is none.
        body: its answer.
    """

    ids: tuple[str, ...]
    time_us: int
    media: str | None = None
    body: bytes | None = None


class Keys:
    """The keys of the last day, in a file that all processes of a home folder share.

    Args:
        path: the file; made when the first key comes.
        is_synced: a claim survives the loss of power, too.
    """

    def __init__(self, path: Path, *, is_synced: bool = False) -> None:
        self._path = path
        self._is_synced = is_synced
        self._threads = threading.local()

    def claim(self, scope: str, key: str, digest: bytes, ids: Sequence[str], time_us: int) -> Claim:
        """What this key stands for: this request, unless another one had it before.

        Args:
            scope: whose key it is: the same key of two models or two callers has nothing in common.
            digest: of the request.
            ids: for its records, if it is the first.

        Raises:
            KeyReused: the key came with another request.
            InputError: it can't be a key.
            StoreError: the file can't be used.
        """
        if not 1 <= len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
            raise InputError(
                "this Idempotency-Key can't be used",
                hint=f"send 1 to {KEY_LENGTH_MAX} printable ASCII characters, such as a UUID",
            )
        connection = self._connection()
        with failures(self._path):
            connection.execute(_CLAIM, (scope, key, digest, " ".join(ids), time_us))
            found = connection.execute(_FIND, (scope, key)).fetchone()
        if found is None:  # deleted in between, a day after it was made
            return Claim(tuple(ids), time_us)
        if not secrets.compare_digest(found[0], digest):
            raise KeyReused(
                "this Idempotency-Key was sent with another request before",
                hint="use a new key for every new request",
            )
        return Claim(tuple(found[1].split()), found[2], found[3], found[4])

    def answer(self, scope: str, key: str, media: str, body: bytes) -> tuple[str, bytes]:
        """Keep the answer, for whoever sends the request again; returns the one that is kept.

        It is another one where the same request was run twice at once, and the other was sooner.

        Raises:
            StoreError: the file can't be used.
        """
        connection = self._connection()
        with failures(self._path):
            connection.execute(_ANSWER, (media, body, scope, key))
            found = connection.execute(_FIND, (scope, key)).fetchone()
            if not secrets.randbelow(64):
                old_us = int((time.time() - KEPT_S) * 1e6)
                connection.execute(_DELETE, (old_us, DELETED_ROWS))
        return (media, body) if found is None else (found[3], found[4])

    def _connection(self) -> apsw.Connection:
        """This thread's own: none waits for another's statement."""
        found: apsw.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            with failures(self._path):
                self._path.touch(mode=0o600)
                found = apsw.Connection(str(self._path))
                found.set_busy_timeout(_BUSY_MS)
                found.pragma("journal_mode", "wal")
                found.pragma("synchronous", "FULL" if self._is_synced else "NORMAL")
                found.execute(_SCHEMA)
            self._threads.connection = found
        return found
