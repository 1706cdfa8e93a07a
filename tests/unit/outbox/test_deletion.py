"""Deleted records are gone for good: from the store, and from wherever else they are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from podium.errors import StoreError
from podium.outbox.care import restore
from podium.outbox.deletion import SINGLE_TIMES_MAX, Deletion, Selection
from podium.outbox.flush import flush
from podium.outbox.keys import Keys
from podium.outbox.outbox import Outbox
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.refused import REFUSED_NAME, store_refused
from podium.outbox.segment_files import set_aside
from podium.outbox.shipper import DAMAGED_NAME, Shipper
from podium.outbox.waiting import Waiting
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import NOON_US, UNKNOWN_ID, ids, ids_of, sample

# Stands in the row of one person, and nowhere else.
MARK = b"Theodora-of-Thessaloniki"
EVERYTHING = Selection(query=RecordQuery())


def marked(number: int) -> Record:
    return sample(number, inputs=b'{"name":"%b","customer":4711}' % MARK)


def of_id(number: int) -> Selection:
    return Selection(query=RecordQuery(id_prefix=sample(number).id))


def files_with_mark(folder: Path) -> list[str]:
    return sorted(
        str(one.relative_to(folder))
        for one in folder.rglob("*")
        if one.is_file() and MARK in one.read_bytes()
    )


class Home:
    """A server's home folder, with all that keeps records in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outbox = folder, folder / "outbox"
        self.file = folder / "podium.db"
        self.store = OutboxedStore(SqliteStore(self.file), self.outbox)
        self.keys = Keys(folder / "keys.db")
        self.deletion = Deletion(self.store, recorder=self.store, keys=self.keys, file=self.file)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.store.close()


@pytest.mark.slow
def test_nothing_of_a_deleted_record_is_left_in_any_file(home: Home) -> None:
    home.store.insert([sample(1), marked(2), sample(3)])
    home.keys.claim("churn", "key", b"digest", ids_of(2), marked(2).time_us)
    home.keys.store_response("churn", "key", "application/json", b'{"prediction":"%b"}' % MARK)
    assert len(ids(home.store)) == 3
    assert len(files_with_mark(home.folder)) >= 3

    deleted = home.deletion.delete(of_id(2))

    assert deleted.n_records == 1
    assert home.deletion.drain(20)
    assert files_with_mark(home.folder) == []
    assert ids(home.store) == ids_of(3, 1)


def test_what_a_reader_moved_does_not_come_back_with_the_shipper(tmp_path: Path) -> None:
    folder, store = tmp_path / "outbox", MemoryStore()
    outbox, waiting, shipper = Outbox(folder), Waiting(folder), Shipper(folder, store)
    outbox.append([sample(1), sample(2)])
    assert shipper.ship_alone() == 2  # it has the segment open from now on
    outbox.append([sample(3), sample(4)])
    assert flush(folder, store, waiting)
    behind = OutboxedStore(store, folder, ships=False)

    assert Deletion(behind, recorder=behind).delete(of_id(3)).n_records == 1
    outbox.append([sample(5)])
    while shipper.ship_alone():
        pass

    assert ids(store) == ids_of(5, 4, 2, 1)
    for one in (outbox, waiting, shipper, behind):
        one.close()


def test_records_that_wait_are_deleted_too(tmp_path: Path) -> None:
    folder, store = tmp_path / "outbox", MemoryStore()
    outbox = Outbox(folder)
    outbox.append([sample(n) for n in range(2_500)])
    behind = OutboxedStore(store, folder, ships=False)

    deleted = Deletion(behind, recorder=behind).delete(EVERYTHING)
    outbox.close()
    shipper = Shipper(folder, store)
    shipper.drain(10)
    shipper.close()

    assert deleted == (2_500, True, ())
    assert ids(store) == []
    behind.close()


def test_nothing_is_deleted_while_the_store_takes_none(tmp_path: Path) -> None:
    class Down(MemoryStore):
        def insert(self, records: Sequence[Record]) -> object:  # type: ignore[override]
            raise StoreError("it is down")

    folder, store = tmp_path / "outbox", Down()
    MemoryStore.insert(store, [sample(1)])
    outbox = Outbox(folder)
    outbox.append([sample(2)])
    behind = OutboxedStore(store, folder, ships=False)

    with pytest.raises(StoreError, match="down"):
        behind.delete([sample(1)])

    assert ids(store) == ids_of(1)
    outbox.close()
    behind.close()


def test_refused_records_are_deleted_by_the_same_filters(home: Home) -> None:
    home.outbox.mkdir()
    others = sample(3, model="flights")
    store_refused(home.outbox, [marked(1), others], dict.fromkeys(ids_of(1, 3), "odd"))
    with (home.outbox / REFUSED_NAME).open("ab") as file:
        file.write(b"half a li")

    home.deletion.delete(Selection(query=RecordQuery(model="penguins")))

    left = (home.outbox / REFUSED_NAME).read_bytes()
    assert MARK not in left
    assert others.id.encode() in left
    assert left.endswith(b"half a li")


@pytest.mark.parametrize("is_in_store", [True, False])
def test_a_damaged_file_with_a_deleted_record_goes_and_others_stay(
    home: Home, is_in_store: bool
) -> None:
    home.outbox.mkdir()
    for records in ([marked(n) for n in range(200)], [sample(n) for n in range(200, 400)]):
        outbox = Outbox(home.folder / "apart")
        outbox.append(records)
        outbox.close()
        set_aside(next(outbox.folder.glob("*.db")), home.outbox / DAMAGED_NAME)
    if is_in_store:
        home.store.insert([marked(7)])

    home.deletion.delete(of_id(7))

    aside = home.outbox / DAMAGED_NAME
    assert len(list(aside.glob("*.db"))) == 1
    assert not [one for one in aside.iterdir() if MARK in one.read_bytes()]


def test_an_id_is_found_wherever_a_page_cuts_it(home: Home) -> None:
    aside = home.outbox / DAMAGED_NAME
    aside.mkdir(parents=True)
    for cut in range(33):
        digits = sample(1).id.encode()
        file = aside / f"{cut}.db"
        file.write_bytes(b"\xd9 " + digits[:cut] + b"\0\0\0\x05" + digits[cut:] + b"\xcf")

    home.deletion.delete(of_id(1))

    assert list(aside.iterdir()) == []


def test_copies_that_were_put_aside_are_searched(home: Home, tmp_path: Path) -> None:
    home.store.insert([marked(1), sample(2)])
    assert len(ids(home.store)) == 2
    copy = tmp_path / "elsewhere.db"
    store = SqliteStore(copy)
    store.insert([sample(2)])
    store.close()
    aside = restore(home.file, home.outbox, copy).aside
    broken = aside.with_name("podium.db.damaged-20260101-000000")
    broken.write_bytes(b"no database at all" * 300)

    deleted = home.deletion.delete(of_id(1))

    # What was on the way when the copy was put in its place may have come into it since.
    assert deleted in ((0, True, (broken,)), (1, True, (broken,)))
    assert ids(home.store) == ids_of(2)
    kept = SqliteStore(aside)
    assert ids(kept) == ids_of(2)
    kept.close()
    assert MARK not in aside.read_bytes()


def test_a_business_key_finds_exactly_its_records(home: Home) -> None:
    big = 2**53 + 1
    rows = [b'{"customer":%d}' % big, b'{"customer":%d}' % (big - 1), b'{"customer":"7"}', b"{}"]
    rows += [b'{"customer":7}', b'{"customer":7.0}', b'{"customer":null}', b'{"customer":true}']
    home.store.insert([sample(n, inputs=row) for n, row in enumerate(rows)])

    def found(value: str) -> int:
        return home.deletion.count(Selection(query=RecordQuery(), field="customer", value=value))[0]

    assert [found(str(big)), found(str(big - 1)), found("7"), found("7.0")] == [1, 1, 3, 2]
    assert [found("true"), found("1"), found("null"), found(""), found("NaN")] == [1, 0, 1, 0, 0]
    selection = Selection(query=RecordQuery(), field="customer", value=str(big))
    assert home.deletion.delete(selection).n_records == 1
    assert ids(home.store) == ids_of(7, 6, 5, 4, 3, 2, 1)


def test_a_response_stored_for_a_retry_is_deleted_with_any_of_its_records(home: Home) -> None:
    now_us = time.time_ns() // 1_000  # keys of yesterday are deleted now and then
    versions = {1: "7", 2: "8", 3: "9"}
    home.store.insert([sample(n, time_us=now_us, version=one) for n, one in versions.items()])
    for key, number in (("first", 1), ("second", 3)):
        home.keys.claim("m", key, b"d", ids_of(number, number + 100), now_us)
        home.keys.store_response("m", key, "text/csv", b"answer")

    home.deletion.delete(Selection(query=RecordQuery(version="7")))

    again = home.keys.claim("m", "first", b"another request", ids_of(9), now_us)
    assert (again.ids, again.body) == (tuple(ids_of(9)), None)
    assert home.keys.claim("m", "second", b"d", ids_of(9), now_us).body == b"answer"
    home.deletion.delete(of_id(103))  # which no store has any more
    assert home.keys.claim("m", "second", b"d", ids_of(9), now_us).body is None


def test_what_came_after_the_count_is_left(home: Home) -> None:
    home.store.insert([sample(n) for n in range(5)])
    count = home.deletion.count(EVERYTHING)
    home.store.insert([sample(5)])

    pinned = Selection(query=RecordQuery(until_us=count.newest_us + 1))
    deleted = home.deletion.delete(pinned)

    assert (count.n_records, deleted.n_records) == (5, 5)
    assert ids(home.store) == ids_of(5)


def test_counting_ends_at_its_limit() -> None:
    store = MemoryStore()
    store.insert([sample(n) for n in range(1_200)])

    assert Deletion(store).count(EVERYTHING, most=1_199)[:2] == (1_199, False)
    assert Deletion(store).count(EVERYTHING, most=1_200)[:2] == (1_200, True)
    assert Deletion(MemoryStore()).count(EVERYTHING) == (0, True, 0)


def test_a_deletion_out_of_time_says_so_and_the_same_again_does_the_rest() -> None:
    store = MemoryStore()
    store.insert([sample(n) for n in range(1_200)])
    n_deleted, n_calls, is_all = 0, 0, False

    while not is_all:
        some, is_all, _ = Deletion(store).delete(EVERYTHING, seconds=0)
        n_deleted, n_calls = n_deleted + some, n_calls + 1

    assert (n_deleted, ids(store)) == (1_200, [])
    assert n_calls > 2


def test_two_at_once_delete_each_record_once(home: Home) -> None:
    home.store.insert([sample(n) for n in range(1_500)])
    start = threading.Barrier(3)

    def delete() -> int:
        start.wait()
        return home.deletion.delete(EVERYTHING).n_records

    with ThreadPoolExecutor(3) as threads:
        counts = [threads.submit(delete) for _ in range(3)]

    assert sum(one.result() for one in counts) == 1_500
    assert ids(home.store) == []


def test_the_log_says_what_became_of_a_deletion_and_holds_no_values() -> None:
    class Breaks(MemoryStore):
        n_left = 2

        def delete(self, records: Sequence[Record]) -> int:
            self.n_left -= 1
            if not self.n_left:
                raise StoreError("it broke")
            return super().delete(records)

    store = Breaks()
    store.insert([marked(n) for n in range(1_200)])
    log: list[tuple[str, dict[str, str]]] = []

    def audit(event: str, details: Mapping[str, str]) -> None:
        log.append((event, dict(details)))

    query = RecordQuery(model="penguins", outcome="Adelie", until_us=NOON_US * 2)
    selection = Selection(query=query, field="name", value=MARK.decode())
    with pytest.raises(StoreError, match="broke"):
        Deletion(store).delete_audited(selection, audit)
    Deletion(store).delete_audited(selection, audit)

    events = [(event, details.get("n_records")) for event, details in log]
    assert events == [
        ("records_deletion_begun", None),
        ("records_deletion_failed", "500"),
        ("records_deletion_begun", None),
        ("records_deleted", "700"),
    ]
    assert log[0][1]["model"] == "penguins"
    assert log[0][1]["field"] == "name"
    assert MARK.decode() not in str(log)
    assert "Adelie" not in str(log)
    assert ids(store) == []


def test_what_cannot_be_written_down_is_not_begun() -> None:
    store = MemoryStore()
    store.insert([sample(1)])

    def audit(event: str, details: Mapping[str, str]) -> None:
        raise StoreError("the accounts are away")

    with pytest.raises(StoreError, match="away"):
        Deletion(store).delete_audited(EVERYTHING, audit)

    assert ids(store) == ids_of(1)


def test_an_id_that_nobody_has_deletes_nothing(home: Home) -> None:
    home.store.insert([sample(1)])

    assert home.deletion.delete(Selection(query=RecordQuery(id_prefix=UNKNOWN_ID))) == (0, True, ())
    assert ids(home.store) == ids_of(1)


@pytest.mark.parametrize("n_requests", [1, 3, SINGLE_TIMES_MAX + 5])
def test_what_was_computed_beside_a_record_is_deleted_with_it_and_not_counted(n_requests) -> None:
    store = MemoryStore()
    rows = [
        sample(2 * n + row, time_us=NOON_US + n, request_id=sample(2 * n).id, row_index=row)
        for n in range(n_requests + 1)
        for row in (0, 1)
    ]
    shadows = [
        msgspec.structs.replace(one, id=sample(1_000 + n).id, role="shadow", version="2")
        for n, one in enumerate(rows)
    ]
    store.insert([*rows, *shadows])
    # The last request stays, and the second row of the others.
    doomed = [one for one in rows[:-2] if one.row_index == 0]
    query = RecordQuery(ids=tuple(one.id for one in doomed), role="primary")

    deleted = Deletion(store).delete(Selection(query=query))

    assert deleted.n_records == n_requests
    left = ids(store)
    gone = {one.id for one in (*doomed, *shadows[:-2:2])}
    assert set(left) == {one.id for one in (*rows, *shadows)} - gone


def test_what_was_searched_is_no_text_of_the_audit_log():
    selection = Selection(query=RecordQuery(model="loans", text="ada lovelace"))

    assert selection.described == {"model": "loans", "text": "some value"}
