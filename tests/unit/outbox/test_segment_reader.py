"""Segments: what is whole is read, in whatever state the file is."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.outbox.disk import Disk
from podium.outbox.frames import FRAME_BYTES, HEAD_BYTES, frames
from podium.outbox.mark import mark_path, read_mark, write_progress
from podium.outbox.salvage import salvage
from podium.outbox.segment import DamagedSegment, SegmentDeleted, packed
from podium.outbox.segment_reader import open_segment
from podium.outbox.segment_writer import SegmentWriter
from podium.testing.stores.samples import sample


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "00000001.db"


def seqs(path: Path, after: int | None = None) -> list[int]:
    reader = open_segment(path)
    try:
        return [batch.seq for batch in reader.batches(1_000, after)]
    finally:
        reader.close()


def test_what_was_appended_is_read_in_order_and_from_any_batch_on(path):
    writer = SegmentWriter(path, is_synced=False)
    for number in range(5):
        writer.append([packed([sample(number)])])
    reader = open_segment(path)

    first = list(reader.batches(2))
    reader.advance(first)

    assert [one.records for one in first] == [[sample(0)], [sample(1)]]
    assert reader.end == 5
    assert [one.seq for one in reader.batches(100)] == [3, 4, 5]
    assert [one.seq for one in reader.batches(100, after=1)] == [2, 3, 4, 5]
    assert [one.seq for one in reader.batches(100, after=4)] == [5]
    assert seqs(path) == [3, 4, 5]  # by the place that is noted
    assert writer.n_waiting == 3
    assert [one.n_rows for one in writer.left()] == [1, 1, 1]
    writer.close()
    reader.close()


def test_a_commit_is_seen_when_it_is_whole(path):
    writer = SegmentWriter(path, is_synced=False)
    writer.append([packed([sample(0)])])
    size = path.stat().st_size
    writer.append([packed([sample(number)]) for number in range(1, 4)])
    content = path.read_bytes()

    # As if the worker were killed while it wrote the second: nobody was told of it.
    writer.close()
    mark_path(path).unlink()
    for end in range(size, len(content), 7):
        path.write_bytes(content[:end])
        assert seqs(path) == [1], end
    path.write_bytes(content)
    assert seqs(path) == [1, 2, 3, 4]


def test_a_commit_that_was_noted_and_is_not_whole_is_damage(path):
    writer = SegmentWriter(path, is_synced=False)
    writer.append([packed([sample(0)])])
    writer.append([packed([sample(1)])])
    writer.close()
    content = path.read_bytes()

    for place in range(HEAD_BYTES, len(content), 11):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DamagedSegment):
            seqs(path)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_to_the_file_ends_in_an_error_or_in_what_was_written(path, seed):
    chosen = random.Random(seed)
    writer = SegmentWriter(path, is_synced=False)
    written = [[sample(number)] for number in range(30)]
    for records in written:
        writer.append([packed(records)])
    writer.close()
    content = bytearray(path.read_bytes())
    for _ in range(chosen.randrange(1, 5)):
        at = chosen.randrange(len(content))
        content[at : at + chosen.randrange(64)] = chosen.randbytes(chosen.randrange(64))
    path.write_bytes(content)
    reader = open_segment(path)
    read = []

    try:
        read.extend(reader.batches(1_000))
    except DamagedSegment:
        pass
    finally:
        reader.close()

    assert [one.records for one in read] == written[: len(read)]


def test_a_value_that_looks_like_a_frame_is_none(path):
    forged = frames(b"x" * 8, 2, [packed([sample(99)])])
    writer = SegmentWriter(path, is_synced=False)
    writer.append([packed([sample(0, inputs=forged)])])
    writer.close()
    content = bytearray(path.read_bytes())
    content[HEAD_BYTES + FRAME_BYTES] ^= 1

    path.write_bytes(content)

    assert forged in content
    assert salvage(path).batches == []


def test_a_failed_commit_is_overwritten_where_it_cannot_be_removed(path):
    class Stuck(Disk):
        fails = False

        def write(self, fd, content, at):
            if self.fails:
                super().write(fd, content[:-3], at)
                raise OSError(28, "full")
            return super().write(fd, content, at)

        def cut(self, fd, size):
            raise OSError(5, "broken")

    disk = Stuck()
    writer = SegmentWriter(path, is_synced=False, disk=disk)
    disk.fails = True
    with pytest.raises(StoreError, match="full"):
        writer.append([packed([sample(number)]) for number in range(20)])
    disk.fails = False
    assert seqs(path) == []

    writer.append([packed([sample(50)])])

    reader = open_segment(path)
    assert [one.records for one in reader.batches(100)] == [[sample(50)]]
    assert reader.end == 1
    assert reader.has_rest  # of the one that failed
    reader.close()
    writer.close()


def test_a_place_that_is_noted_wrongly_is_not_trusted(path):
    writer = SegmentWriter(path, is_synced=False)
    for number in range(3):
        writer.append([packed([sample(number)])])
    reader = open_segment(path)
    write_progress(writer._mark, read_mark(writer._mark)._replace(seq=3, n_rows=3, at=2**40))

    assert reader.end == 3
    reader.close()
    writer.close()


def test_it_is_read_while_it_is_written(path):
    writer = SegmentWriter(path, is_synced=False)
    chosen, n_batches = random.Random(0), 3_000

    def write() -> None:
        for number in range(n_batches):
            inputs = b'"%s"' % (b"x" * chosen.randrange(2_000))
            writer.append([packed([sample(number, inputs=inputs)])])

    thread = threading.Thread(target=write)
    thread.start()
    reader = open_segment(path)
    read: list[int] = []
    while len(read) < n_batches and (thread.is_alive() or len(read) < reader.end):
        batches = list(reader.batches(50))
        read += [batch.seq for batch in batches]
        if batches:
            reader.advance(batches)
    thread.join()
    reader.close()
    writer.close()

    assert read == list(range(1, n_batches + 1))


def test_what_is_gone_is_said_to_be(path):
    with pytest.raises(SegmentDeleted):
        open_segment(path)
