"""The file of a SqliteStore: whose it is, who may read it, and which files are refused."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from podium.errors import StoreError
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import APPLICATION_ID, MIGRATIONS
from podium.testing.stores.samples import decoded, feedback, ids, ids_of, sample

Sql = Callable[[str], list[Any]]


def test_only_its_owner_may_read_the_file_and_its_log(path: Path, store: SqliteStore) -> None:
    store.insert([sample(1)])

    files = [path, path.with_name("podium.db-wal"), path.with_name("podium.db-shm")]
    assert [stat.S_IMODE(one.stat().st_mode) for one in files] == [0o600] * 3


def test_the_file_is_a_wal_of_strict_tables_and_says_whose_it_is(
    path: Path, store: SqliteStore, sql: Sql
) -> None:
    assert sql("PRAGMA journal_mode") == [("wal",)]
    assert sql("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql("PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert sql("SELECT name FROM pragma_table_list WHERE strict") == [("record",)]


@pytest.mark.parametrize(
    ("options", "level", "durability"),
    [({}, 1, "process"), ({"synchronous": "FULL"}, 2, "power")],
)
def test_it_waits_for_the_disk_as_configured(
    path: Path, options: dict[str, Any], level: int, durability: str
) -> None:
    store = SqliteStore(path, **options)

    with store._connections.writing() as connection:
        assert connection.pragma("synchronous") == level
    assert store.features.durability == durability
    store.close()


def test_records_and_feedback_are_there_when_it_is_opened_again(path: Path) -> None:
    first = SqliteStore(path)
    first.insert([sample(1), sample(2)])
    first.set_feedback(sample(1).id, feedback("Gentoo"))
    first.close()

    second = SqliteStore(path)

    assert decoded(second.get(sample(1).id)) == decoded(sample(1, feedback=feedback("Gentoo")))
    assert ids(second) == ids_of(2, 1)
    second.close()


def test_its_records_can_be_queried_in_plain_sql(path: Path, store: SqliteStore, sql: Sql) -> None:
    store.insert([sample(1)])

    found = sql("SELECT inputs ->> 'island', typeof(time_us), outcome FROM record")

    assert found == [("Torgersen", "integer", "Adelie")]


def test_a_newer_podiums_file_is_refused_and_left_as_it_was(path: Path, sql: Sql) -> None:
    SqliteStore(path).close()
    sql(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="newer Podium"):
        SqliteStore(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE record (a)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"]
)
def test_another_programs_database_is_refused_and_left_as_it_was(
    path: Path, statement: str, sql: Sql
) -> None:
    sql(statement)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="another program") as raised:
        SqliteStore(path)

    assert raised.value.hint
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"id,time\n" * 1_000)

    with pytest.raises(StoreError, match="not a database") as raised:
        SqliteStore(path)

    assert raised.value.hint
    assert isinstance(raised.value.__cause__, apsw.NotADBError)


def test_a_damaged_file_is_a_store_error(path: Path) -> None:
    store = SqliteStore(path)
    store.insert([sample(n) for n in range(500)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    store = SqliteStore(path)

    with pytest.raises(StoreError) as raised:
        store.page(RecordQuery(), limit=500)

    assert "podium records check" in raised.value.hint
    store.close()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError) as raised:
        SqliteStore(tmp_path / "file" / "podium.db")

    assert isinstance(raised.value.__cause__, OSError)


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.close()

    for call in (
        lambda: store.insert([sample(1)]),
        lambda: store.get(sample(1).id),
        lambda: store.page(RecordQuery(), limit=1),
        lambda: store.set_feedback(sample(1).id, feedback()),
        lambda: store.delete([sample(1)]),
    ):
        with pytest.raises(StoreError, match="closed"):
            call()


@pytest.mark.parametrize("is_another", [False, True])
def test_a_cached_page_is_dropped_at_the_next_change(
    path: Path, store: SqliteStore, is_another: bool
) -> None:
    writer = SqliteStore(path) if is_another else store
    everything = RecordQuery()
    changes: list[Callable[[], object]] = [
        lambda: writer.insert([sample(1), sample(2)]),
        lambda: writer.set_feedback(sample(1).id, feedback("Gentoo")),
        lambda: writer.insert([sample(3)]),
        lambda: writer.delete([sample(1), sample(2), sample(3)]),
    ]
    before = store.page(everything, limit=10)
    for change in changes:
        assert store.page(everything, limit=10) is before

        change()

        after = store.page(everything, limit=10)
        assert after != before
        before = after
    if is_another:
        writer.close()


def test_cached_pages_are_distinguished(store: SqliteStore) -> None:
    store.insert([sample(n) for n in range(5)])

    first = store.page(RecordQuery(), limit=2)

    assert store.page(RecordQuery(), limit=3) != first
    assert store.page(RecordQuery(), limit=2, cursor=first.cursor) != first
    assert store.page(RecordQuery(model="another"), limit=2) != first
    assert store.page(RecordQuery(), limit=2) is first


def test_a_page_of_large_records_is_not_cached(store: SqliteStore) -> None:
    large = msgspec.structs.replace(sample(1), inputs=b'{"text": "%b"}' % (b"x" * 2**20))
    store.insert([large])

    first = store.page(RecordQuery(), limit=10)

    assert store.page(RecordQuery(), limit=10) is not first


def test_a_closed_file_returns_no_cached_page(path: Path) -> None:
    store = SqliteStore(path)
    store.page(RecordQuery(), limit=10)
    store.close()

    with pytest.raises(StoreError):
        store.page(RecordQuery(), limit=10)


def test_a_late_store_creates_no_file_and_uses_one_that_is_put_there(path: Path) -> None:
    late = SqliteStore(path, is_late=True)

    for call in (lambda: late.insert([sample(1)]), lambda: ids(late)):
        with pytest.raises(StoreError, match=r"podium\.db was removed") as raised:
            call()
    was_created = path.exists()
    SqliteStore(path).close()
    late.insert([sample(1)])

    assert raised.value.reason == "podium.db was removed"
    assert not was_created
    assert ids(late) == ids_of(1)
    late.close()
