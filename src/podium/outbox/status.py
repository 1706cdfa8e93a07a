"""How shipping goes, in a small file that any process can read."""

from __future__ import annotations

from pathlib import Path

import msgspec

STATUS_NAME = "shipper.json"


class Status(msgspec.Struct, frozen=True):
    """The status of shipping, for other processes.

    Attributes:
        n_errors: how often the store failed.
        failing_since_s: when it began to, in seconds since 1970; 0 while all is well.
        error: what it said.
        reason: what everybody may hear of it.
        n_refused: records that no store can hold, set aside.
        n_damaged: segments that were damaged, set aside.
        n_lost: records that were in them and couldn't be read.
        oldest_s: when the oldest record that waits was made; 0 when none waits.
    """

    n_errors: int = 0
    failing_since_s: float = 0.0
    error: str = ""
    reason: str = ""
    n_refused: int = 0
    n_damaged: int = 0
    n_lost: int = 0
    oldest_s: float = 0.0


_STATUS = msgspec.json.Decoder(Status)


def write_status(folder: Path, status: Status) -> None:
    """Write the status file.

    Raises:
        OSError: the file can't be written.
    """
    part = folder / f"{STATUS_NAME}.part"
    part.write_bytes(msgspec.json.encode(status))
    part.replace(folder / STATUS_NAME)


def status_of(folder: Path) -> Status:
    """The last status of this folder's shipper."""
    try:
        return _STATUS.decode((folder / STATUS_NAME).read_bytes())
    except (OSError, msgspec.DecodeError):
        return Status()
