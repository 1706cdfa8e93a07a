"""One record that a store can't take doesn't keep the others from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from podium.errors import StoreError
from podium.outbox.isolation import insert_valid
from podium.outbox.outbox import Outbox
from podium.outbox.refused import REFUSED_NAME
from podium.outbox.shipper import ISOLATED_AFTER, Shipper
from podium.records.record import Record
from podium.records.store import InsertResult, RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import ids_of, sample


class ChokingStore(MemoryStore):
    """A store that refuses a whole batch when a record in it is one of these."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.bad = set(ids_of(*numbers))
        self.n_inserts = 0
        self.is_down = False

    def insert(self, records: Sequence[Record]) -> InsertResult:
        self.n_inserts += 1
        if self.is_down:
            raise StoreError("the store is down")
        if any(record.id in self.bad for record in records):
            raise StoreError("a value is out of range")
        return super().insert(records)

    def ids(self) -> set[str]:
        return {record.id for record in self.page(RecordQuery(), limit=10_000).records}


def test_all_but_the_bad_ones_are_inserted():
    store = ChokingStore(3, 77)
    records = [sample(number) for number in range(100)]

    result = insert_valid(store, records)

    assert result.inserted == 98
    assert result.failed == dict.fromkeys(ids_of(3, 77), "a value is out of range")
    assert store.ids() == set(ids_of(*range(100))) - store.bad


def test_a_store_that_is_nearly_full_gets_what_fits_and_sets_nothing_aside():
    class Full(MemoryStore):
        def insert(self, records: Sequence[Record]) -> InsertResult:
            if any(len(one.inputs) > 1_000 for one in records):
                raise StoreError("no room", reason="the store is full")
            return super().insert(records)

    store = Full()
    large = sample(7, inputs=b'{"a":"%b"}' % (b"x" * 2_000))

    with pytest.raises(StoreError, match="no room"):
        insert_valid(store, [*(sample(number) for number in range(7)), large])

    assert {one.id for one in store.page(RecordQuery(), limit=10).records} >= set(ids_of(*range(4)))


def test_a_store_that_accepts_nothing_is_tried_a_few_times_only():
    store = ChokingStore()
    store.is_down = True

    with pytest.raises(StoreError, match="is down"):
        insert_valid(store, [sample(number) for number in range(1_000)])

    assert store.n_inserts < 30


def test_a_store_that_fails_for_a_reason_of_its_own_blames_no_record():
    store = ChokingStore(3)
    choking = store.insert

    def insert(records: Sequence[Record]) -> InsertResult:
        try:
            return choking(records)
        except StoreError as error:  # as a damaged file does: some of its pages can be written
            raise StoreError(error.message, reason="podium.db is damaged") from error

    store.insert = insert

    with pytest.raises(StoreError):
        insert_valid(store, [sample(number) for number in range(100)])


def test_a_batch_in_which_every_record_is_bad_is_no_proof_against_them():
    store = ChokingStore(0, 1, 2)

    with pytest.raises(StoreError):
        insert_valid(store, [sample(number) for number in range(3)])


def test_a_store_that_goes_down_meanwhile_blames_no_record():
    store = ChokingStore(0)
    store.insert_all = store.insert

    def insert(records: Sequence[Record]) -> InsertResult:
        store.is_down = store.n_inserts > 8
        return store.insert_all(records)

    store.insert = insert

    with pytest.raises(StoreError, match="is down"):
        insert_valid(store, [sample(number) for number in range(16)])


def test_the_shipper_sets_a_bad_record_aside_and_goes_on(tmp_path: Path):
    store = ChokingStore(2)
    outbox = Outbox(tmp_path)
    for number in range(5):
        outbox.append([sample(number)])
    shipper = Shipper(tmp_path, store)

    for _ in range(ISOLATED_AFTER):
        shipper._run_once(0.0)
    before = store.ids()
    shipper._run_once(0.0)
    shipper.close()
    outbox.close()
    refused = [
        msgspec.json.decode(line) for line in (tmp_path / REFUSED_NAME).read_bytes().splitlines()
    ]

    assert before == set()  # a store that fails is waited for at first
    assert store.ids() == set(ids_of(0, 1, 3, 4))
    assert [one["record"]["id"] for one in refused] == ids_of(2)
