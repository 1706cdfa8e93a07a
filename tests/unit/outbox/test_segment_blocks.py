"""Blocks in an outbox: whoever reads it finds the records of their rows."""

from __future__ import annotations

import logging
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from podium.errors import StoreError
from podium.outbox.frames import HEAD_BYTES, Packed
from podium.outbox.mark import mark_path
from podium.outbox.outbox import Durability, Outbox
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.salvage import salvage
from podium.outbox.segment import DamagedSegment, packed, packed_in_chunks, unpacked
from podium.outbox.segment_reader import open_segment
from podium.outbox.segment_writer import SegmentWriter
from podium.outbox.shipper import Shipper
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import feedback, sample, sample_block

BLOCK = sample_block(100, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "00000001.db"


@pytest.fixture(params=["normal", "full", "off"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OutboxedStore]:
    durability: Durability = request.param
    opened = OutboxedStore(
        SqliteStore(tmp_path / "records.db"),
        tmp_path / "outbox",
        durability=durability,
        ships=False,
    )
    yield opened
    opened.close()


def read(path: Path) -> list[Record]:
    reader = open_segment(path)
    try:
        return [record for batch in reader.batches(10_000) for record in batch.records]
    finally:
        reader.close()


def test_a_block_is_one_frame_beside_those_of_records(path: Path) -> None:
    writer = SegmentWriter(path, is_synced=False)
    batches = packed_in_chunks([sample(1), BLOCK, sample(2)])
    writer.append(batches)

    assert [one.n_rows for one in batches] == [10, 2]
    assert read(path) == [*BLOCK.records(), sample(1), sample(2)]
    assert (writer.n_rows, writer.n_waiting) == (12, 12)
    reader = open_segment(path)
    reader.advance(list(reader.batches(1)))
    assert reader.mark.n_rows == 10
    assert [one.n_rows for one in writer.left()] == [2]
    reader.close()
    writer.close()


def test_of_a_commit_with_blocks_that_was_cut_nothing_is_read(path: Path) -> None:
    writer = SegmentWriter(path, is_synced=False)
    writer.append([packed([sample(0)])])
    size = path.stat().st_size
    writer.append(packed_in_chunks([BLOCK, sample_block(200, 3), sample(1)]))
    writer.close()
    content = path.read_bytes()
    mark_path(path).unlink()  # the worker was killed while it wrote: nobody was told

    for end in range(size, len(content), 7):
        path.write_bytes(content[:end])
        assert read(path) == [sample(0)], end
    path.write_bytes(content)
    assert len(read(path)) == 15


def test_a_damaged_block_is_damage_and_the_others_are_rescued(path: Path) -> None:
    writer = SegmentWriter(path, is_synced=False)
    others = [sample_block(200, 5), sample_block(300, 5)]
    for block in (others[0], BLOCK, others[1]):
        writer.append(packed_in_chunks([block]))
    writer.close()
    content = path.read_bytes()
    first = (len(content) - HEAD_BYTES) // 3 + HEAD_BYTES

    for place in range(first, len(content) - first, 29):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DamagedSegment):
            read(path)
        found = salvage(path)
        rescued = {record.id for batch in found.batches for record in batch.records}
        assert found.n_rows + found.n_lost == 20, place
        assert len(rescued) == found.n_rows in (10, 15), place


@pytest.mark.parametrize("seed", range(30))
def test_a_block_whose_bytes_are_wrong_is_damage_not_a_failure(path: Path, seed: int) -> None:
    """As if a defect of ours had written it: its checksum is right."""
    chosen = random.Random(seed)
    ((n_rows, payload),) = packed_in_chunks([BLOCK])
    content = bytearray(payload)
    for _ in range(chosen.randrange(1, 4)):
        at = chosen.randrange(1, len(content))
        content[at : at + chosen.randrange(9)] = chosen.randbytes(chosen.randrange(9))
    writer = SegmentWriter(path, is_synced=False)
    writer.append([Packed(n_rows, bytes(content))])
    writer.close()

    try:
        records = unpacked(bytes(content))
    except msgspec.DecodeError:
        with pytest.raises(DamagedSegment):
            read(path)
    else:  # another value
        assert read(path) == records


@pytest.mark.parametrize("size", [0, 1, 5, 40])
def test_a_payload_that_was_cut_is_damage(size: int) -> None:
    ((_, payload),) = packed_in_chunks([BLOCK])

    with pytest.raises(msgspec.DecodeError):
        unpacked(payload[:size])


def test_columns_of_different_lengths_are_damage() -> None:
    short = msgspec.structs.replace(BLOCK, ids=BLOCK.ids[:32])
    ((_, payload),) = packed_in_chunks([short])

    with pytest.raises(msgspec.DecodeError, match="damaged"):
        unpacked(payload)


def test_what_waits_in_a_block_is_found_like_any_record(store: OutboxedStore) -> None:
    expected = BLOCK.records()
    store.record([sample(1), BLOCK])

    assert store.get(expected[3].id) == expected[3]
    page = store.page(RecordQuery(model="penguins"), limit=50)
    assert [one.id for one in page.records] == [
        *(one.id for one in reversed(expected)),
        sample(1).id,
    ]
    assert store.set_feedback(expected[4].id, feedback("Gentoo"))
    with_truth = store.page(RecordQuery(has_feedback=True), limit=50).records
    assert [one.id for one in with_truth] == [expected[4].id]
    assert store.delete(expected[:2]) == 2
    shipper = Shipper(store.folder or Path(), store.store)
    while shipper.ship():
        pass
    shipper.close()
    left = store.page(RecordQuery(), limit=50, order="oldest").records
    assert [one.id for one in left] == [sample(1).id, *(one.id for one in expected[2:])]
    assert left[3].feedback == feedback("Gentoo")  # shipped again, and not overwritten


def test_blocks_are_recorded_without_waiting(store: OutboxedStore) -> None:
    done, failures = threading.Event(), []

    def settled(error: StoreError | None) -> None:
        failures.append(error)
        done.set()

    store.record_later([BLOCK, sample(1)], settled)

    assert done.wait(60)
    assert failures == [None]
    assert len(store.page(RecordQuery(), limit=50).records) == 11


def test_a_full_outbox_counts_the_rows_of_blocks(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, rows_max=25)
    outbox.append([BLOCK])
    outbox.append([sample_block(200, 10)])

    with pytest.raises(StoreError, match="20 records are already waiting"):
        outbox.append([sample_block(300, 10), sample(1)])

    assert outbox.n_waiting == 20
    outbox.close()


def test_blocks_that_wait_are_taken_to_another_folder_where_theirs_was_removed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "outbox"
    old = Outbox(folder)
    old.append([BLOCK])
    shutil.rmtree(folder)

    new = Outbox(folder)
    assert new.copy_waiting(old) == 10

    (segment,) = new.folder.glob("*.db")
    assert read(segment) == BLOCK.records()
    old.close()
    new.close()


def test_a_shipper_that_was_killed_ships_a_block_again_and_each_row_is_stored_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(tmp_path / "records.db")
    outbox = Outbox(tmp_path / "outbox")
    outbox.append([BLOCK])
    outbox.close()
    (segment,) = outbox.folder.glob("*.db")
    assert store.insert(BLOCK.records()[:5]).inserted == 5  # and it ended before it noted that
    assert store.set_feedback(BLOCK.records()[0].id, feedback("Gentoo"))

    with caplog.at_level(logging.WARNING, "podium"):
        shipper = Shipper(tmp_path / "outbox", store)
        shipper.drain(10)
        shipper.close()

    page = store.page(RecordQuery(), limit=50, order="oldest")
    assert [one.id for one in page.records] == [one.id for one in BLOCK.records()]
    assert page.records[0].feedback == feedback("Gentoo")
    assert not segment.exists()
    assert caplog.text == ""
    store.close()


def test_a_store_that_refuses_one_row_of_a_block_takes_the_others(tmp_path: Path) -> None:
    class Picky(MemoryStore):
        def insert(self, records):
            if any(one.row_index == 3 for one in records):
                raise StoreError("no threes")
            return super().insert(records)

    store, outbox = Picky(), Outbox(tmp_path)
    outbox.append([BLOCK])
    outbox.close()
    shipper = Shipper(tmp_path, store)
    for _ in range(4):
        shipper._run_once(0.0)
    shipper.close()

    assert len(store.page(RecordQuery(), limit=50).records) == 9
    assert BLOCK.records()[3].id in (tmp_path / "refused.jsonl").read_text()
