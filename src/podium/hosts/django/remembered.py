"""Tokens and their permissions, cached in one process: a prediction waits for no database.

Invariant: what is returned was true in the database at most `POLL_S` and one reading ago if the
change was made through Django, and at most `READ_S` ago in any case. While the database can't be
read, the last known state is used for `GRACE_S`, and after that only the public permissions: they
belong to nobody, and can't be revoked while the database can't be read. One thread reads; it ends
when the cache hasn't been used for a while, and the next caller waits for the first reading of a
new one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from podium.access import NOBODY, Actor
from podium.errors import AccountsError

POLL_S = 0.5
READ_S = 30.0
GRACE_S = 300.0
IDLE_S = 60.0
USED_S = 60.0
UNREAD = "the accounts' database can't be read: the log says why"
FIRST_READ_S = 5.0
_log = logging.getLogger("podium")


@dataclass(frozen=True, slots=True)
class Remembered:
    """One token.

    Attributes:
        expires_s: when it expires, in seconds since 1970.
    """

    actor: Actor
    expires_s: float
    token_id: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The result of a reading: actors by digest, and the anonymous actor."""

    tokens: Mapping[str, Remembered] = field(default_factory=dict)
    public: Actor = NOBODY


class TokenTable:
    """The valid tokens.

    Args:
        read: reads all of them, with the permissions of each owner: about a millisecond an owner.
        valid: reads the digests of those that are still valid; much faster.
        stamp: reads a number that changes with them; cheap.
        note_used: stores which tokens were used since the last call.
        close: closes the connection of the calling thread.
    """

    def __init__(
        self,
        read: Callable[[], Snapshot],
        valid: Callable[[], AbstractSet[str]],
        stamp: Callable[[], int],
        note_used: Callable[[AbstractSet[int]], None],
        close: Callable[[], None],
    ) -> None:
        self._read, self._valid, self._stamp = read, valid, stamp
        self._note_used, self._close = note_used, close
        self._lock = threading.Lock()
        self._pid = 0  # the process of the running thread; threads don't outlive a fork
        self._was_called = False
        self._snapshot: Snapshot | None = None
        self._public: Actor | None = None
        self.failure = ""
        self._version = 0
        self._used: set[int] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def version(self) -> int:
        """Changes whenever somebody's permissions may have; also once a minute while read."""
        self._ensure_running()
        return self._version

    def find(self, digest: str) -> Actor | None:
        """The actor of the token with this digest; None if there is none.

        Raises:
            AccountsError: the database hasn't been read for too long.
        """
        found = self._require_snapshot().tokens.get(digest)
        if found is None or found.expires_s <= time.time():
            return None
        self._used.add(found.token_id)
        return found.actor

    def public(self) -> Actor:
        """The actor of requests without a token.

        Raises:
            AccountsError: the database has never been read.
        """
        self._ensure_running()
        return self._require_snapshot().public if self._public is None else self._public

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join()

    def _require_snapshot(self) -> Snapshot:
        self._ensure_running()
        snapshot = self._snapshot
        if snapshot is None:
            raise AccountsError(
                "the accounts can't be read", hint="check whether their database is running"
            )
        return snapshot

    def _ensure_running(self) -> None:
        self._was_called = True
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._was_called, self._snapshot = True, None
            self._stopping = threading.Event()
            is_read = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(is_read,), name="podium-tokens", daemon=True
            )
            self._thread.start()
            # If even this is too short, callers in the meantime are refused, and don't wait.
            is_read.wait(FIRST_READ_S)
            self._pid = os.getpid()

    def _run(self, is_read: threading.Event) -> None:
        state = _Seen()
        try:
            while True:
                self._look(state)
                is_read.set()
                if self._stopping.wait(POLL_S) or self._is_idle(state):
                    return
        finally:
            is_read.set()
            self._close()

    def _look(self, state: _Seen) -> None:
        """Read again what may have changed."""
        now, known = time.monotonic(), self._snapshot
        try:
            stamp = self._stamp()
            if known is None or stamp != state.stamp or now - state.read_at >= READ_S:
                if known is not None:  # a revocation doesn't wait until all permissions are read
                    valid = self._valid()
                    left = {key: one for key, one in known.tokens.items() if key in valid}
                    self._show(Snapshot(left, known.public))
                # The stamp first: changes during the reading are read once more.
                self._show(self._read())
                state.stamp, state.read_at = stamp, now
            elif any(one.expires_s <= time.time() for one in known.tokens.values()):
                self._show(known)
            if now - state.used_at >= USED_S:
                used, self._used = self._used, set()
                self._note_used(used)
                self._version += 1  # a token that is looked up again was used
                state.used_at = now
            if state.is_failing:
                _log.warning("accounts_read_again")
            state.good_at, state.is_failing, self.failure = now, False, ""
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; it is retried soon
            if not state.is_failing:  # twice a second would be too many messages
                _log.error("accounts_not_read: %s", error)
            state.is_failing = True
            self.failure = getattr(error, "reason", "") or UNREAD
            self._close()
            if now - state.good_at > GRACE_S and self._snapshot is not None:
                self._snapshot = None
                self._version += 1

    def _show(self, snapshot: Snapshot) -> None:
        now = time.time()
        valid = {key: one for key, one in snapshot.tokens.items() if one.expires_s > now}
        self._snapshot, self._public = Snapshot(valid, snapshot.public), snapshot.public
        self._version += 1

    def _is_idle(self, state: _Seen) -> bool:
        """Whether nobody has called for so long that the cache can be dropped."""
        now = time.monotonic()
        if self._was_called:
            self._was_called, state.called_at = False, now
        if now - state.called_at < IDLE_S:
            return False
        with self._lock:
            self._pid = 0
        used, self._used = self._used, set()
        self._note_used(used)
        return True


@dataclass(slots=True)
class _Seen:
    """When the thread did what, by a monotonic clock."""

    stamp: int = 0
    is_failing: bool = False
    read_at: float = field(default_factory=time.monotonic)
    good_at: float = field(default_factory=time.monotonic)
    used_at: float = field(default_factory=time.monotonic)
    called_at: float = field(default_factory=time.monotonic)
