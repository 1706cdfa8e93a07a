"""Recovers what is readable in a damaged segment.

Frames are recognized by the random number of their file, and checked by their checksums: those behind
the damage are found wherever they begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from podium.outbox.earlier_segment import is_earlier, readable
from podium.outbox.frames import HEAD_BYTES, SALT_BYTES, Frame, find_frames, read_head
from podium.outbox.mark import read_committed, read_salt
from podium.outbox.segment import Batch, unpacked


class Salvage(NamedTuple):
    """The result of salvaging a segment.

    Attributes:
        batches: the readable ones, after those that are in the store.
        n_lost: how many committed records couldn't be read.
    """

    batches: list[Batch]
    n_lost: int

    @property
    def n_rows(self) -> int:
        """The number of records that could be read."""
        return sum(len(batch.records) for batch in self.batches)


def salvage(path: Path) -> Salvage:
    """Read the readable batches of a segment that is no longer written to.

    Raises:
        OSError: its files can't be read.
    """
    committed = read_committed(path)
    after = committed.shipped.seq
    if is_earlier(path):
        batches = list(readable(path, after, committed.seq))
    else:
        batches = [batch for batch in _found(path, committed.seq) if batch.seq > after]
    n_read = sum(len(batch.records) for batch in batches)
    return Salvage(batches, max(committed.n_rows - committed.shipped.n_rows - n_read, 0))


def _found(path: Path, committed: int) -> Iterator[Batch]:
    """Each batch that can be found and decoded, of commits that are whole or were noted.

    Args:
        committed: the last batch that was noted; of those behind it nobody was told.
    """
    content = path.read_bytes()
    head = read_head(content)
    first = content[HEAD_BYTES : HEAD_BYTES + SALT_BYTES]  # of the first frame
    found: dict[int, tuple[Frame, bytes]] = {}
    for salt in {read_salt(path) or first, first if head is None else head[1]}:
        if any(salt):
            found |= {frame.seq: (frame, payload) for frame, payload in find_frames(content, salt)}
    for seq, (frame, payload) in sorted(found.items()):
        others = range(seq + 1, seq + frame.n_following + 1)
        if seq <= committed or all(other in found for other in others):
            with suppress(msgspec.DecodeError):
                yield Batch(seq, unpacked(payload))
