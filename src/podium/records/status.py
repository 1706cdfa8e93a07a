"""How shipping goes, in a small file that any process can read."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

# A store that answers "no" for so long is told of at `/readyz`.
ALARM_S = 60.0
STATUS_NAME = "shipper.json"


class Status(msgspec.Struct, frozen=True):
    """How shipping goes, for whoever asks in another process.

    Attributes:
        n_errors: how often the store failed.
        failing_since_s: when it began to, in seconds since 1970; 0 while all is well.
        error: what it said.
        n_refused: records that no store can hold, set aside.
        n_damaged: segments that nobody can read, set aside.
        oldest_s: when the oldest record that waits was made; 0 when none waits.
    """

    n_errors: int = 0
    failing_since_s: float = 0.0
    error: str = ""
    n_refused: int = 0
    n_damaged: int = 0
    oldest_s: float = 0.0

    @property
    def is_alarmed(self) -> bool:
        """Whether the store has failed for long."""
        return bool(self.failing_since_s) and time.time() - self.failing_since_s > ALARM_S


def write_status(folder: Path, status: Status) -> None:
    """Tell how it goes.

    Raises:
        OSError: the file can't be written.
    """
    part = folder / f"{STATUS_NAME}.part"
    part.write_bytes(msgspec.json.encode(status))
    part.replace(folder / STATUS_NAME)


def status_of(folder: Path) -> Status:
    """What the shipper of this folder last told."""
    try:
        return msgspec.json.decode((folder / STATUS_NAME).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return Status()
