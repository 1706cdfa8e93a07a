"""Records that the store can't hold, in a file for people to inspect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from podium.outbox.segment import failures
from podium.records.record import Record

REFUSED_NAME = "refused.jsonl"
_log = logging.getLogger("podium")


def store_refused(folder: Path, records: Sequence[Record], failed: Mapping[str, str]) -> None:
    """Append the records that failed, each with its reason.

    Args:
        folder: of the outboxes; the caller holds its lock `moving`.

    Raises:
        OSError: the file can't be written.
    """
    with (folder / REFUSED_NAME).open("ab") as file:
        for record in records:
            if record.id in failed:
                entry = {"why": failed[record.id], "record": asdict(record)}
                file.write(msgspec.json.encode(entry) + b"\n")
    _log.error("records_refused: %d, first: %s", len(failed), next(iter(failed.values())))


def delete_refused(folder: Path, is_chosen: Callable[[Record], bool]) -> int:
    """Delete some of them; returns their number.

    Args:
        folder: of the outboxes; the caller holds its lock `moving` exclusively.

    Raises:
        StoreError: the file can't be read or written.
    """
    path = folder / REFUSED_NAME
    part = path.with_suffix(".part")
    n_deleted = 0
    with failures(path):
        if not path.exists():
            return 0
        part.touch(mode=0o600)
        with path.open("rb") as lines, part.open("wb") as left:
            for line in lines:
                record = _read(line)
                if record is not None and is_chosen(record):
                    n_deleted += 1
                else:
                    left.write(line)
        part.replace(path) if n_deleted else part.unlink()
    return n_deleted


def _read(line: bytes) -> Record | None:
    """The record in a line; None if it is unreadable."""
    try:
        saved: dict[str, Any] = msgspec.json.decode(line)["record"]
        # Fields at the end that an older version's line lacks get their defaults.
        values = [saved[name] for name in Record.__struct_fields__ if name in saved]
        return msgspec.convert(values, Record)
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None
