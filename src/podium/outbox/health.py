"""Whether records can be stored, checked by a thread so that nobody who asks has to wait."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from podium.errors import StoreError

State: TypeAlias = Literal["kept", "waiting for the store", "failing"]
LOOK_S = 0.5
# A check that takes this long hangs, as does the disk that it checks.
STILL_S = 5.0
PROBE_NAME = "probe"
# A commit of SQLite takes a page of 4 KB and a little more.
PROBE_BYTES = 8_192


class Health(NamedTuple):
    """The health of the recorder.

    Attributes:
        reason: why they can't be stored, without paths and addresses; anyone may see it.
    """

    state: State
    reason: str = ""


HEALTHY = Health("kept")


class Watch:
    """Checks the health of the recorder periodically until it is stopped.

    Args:
        look: returns the current health; it may wait for a disk.
    """

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._health = HEALTHY
        self._checked_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-watch", daemon=True)
        self._thread.start()

    @property
    def health(self) -> Health:
        """The health at the last check."""
        if time.monotonic() - self._checked_s > STILL_S:
            return Health("failing", "the home folder doesn't respond")
        return self._health

    def stop(self) -> None:
        """Stop checking, without waiting for the thread: a disk may never respond."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._health = self._look()
            self._checked_s = time.monotonic()
            self._stop.wait(LOOK_S)


def of_failure(error: StoreError) -> Health:
    """The health when records can't be stored because of this error."""
    return Health("failing", error.reason or "records can't be stored now: the log says why")


def try_disk(folder: os.PathLike[str]) -> None:
    """Write a little into a folder, and remove it.

    Raises:
        OSError: writing fails: the disk is full or read-only.
    """
    path = os.path.join(folder, PROBE_NAME)  # noqa: PTH118 - it runs twice a second
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, bytes(PROBE_BYTES), 0)
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)
