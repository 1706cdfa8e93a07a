"""The status of shipping, in a small file that any process can read."""

from __future__ import annotations

from pathlib import Path

import msgspec

STATUS_NAME = "shipper.json"


class Status(msgspec.Struct, frozen=True):
    """The status of shipping, for other processes.

    Attributes:
        n_errors: how often the store failed.
        failing_since_s: when the failures began, in seconds since 1970; 0 while there are none.
        error: the store's message.
        reason: the reason without confidential details; anyone may see it.
        n_refused: records that no store can hold and that were set aside.
        n_damaged: damaged segments that were set aside.
        n_lost: unreadable records in them.
        oldest_s: the time of the oldest record that waits; 0 if none waits.
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
