"""Databases and outboxes that earlier versions wrote: they are opened, migrated, read and written."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from sqlalchemy import event, inspect, text

from podium.errors import StoreError
from podium.outbox.earlier_segment import VERSION as EARLIER_VERSION
from podium.outbox.frames import VERSION
from podium.outbox.refused import delete_refused
from podium.outbox.segment_reader import open_segment
from podium.outbox.shipper import Shipper
from podium.records.columns import NAMES
from podium.records.history import earlier_statements
from podium.records.record import Feedback, Record
from podium.records.store import RecordQuery, Store
from podium.records.stores import sqlite_file
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_engine import engine_of
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import MIGRATIONS
from podium.testing.stores.samples import decoded, feedback, sample

HERE = Path(__file__).parent
FOLDERS = sorted(HERE.glob("records-*"), key=lambda folder: int(folder.name.partition("-")[2]))
FIRST = HERE / "records-1"
NEW = sample(
    9,
    request_id=sample(8).id,
    row_index=1,
    role="shadow",
    bundle_digest="ab" * 32,
    attributes=b'{"a":[1]}',
    business_key="order 1",
)
DATABASES = [
    "sqlalchemy",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("postgresql", "mariadb")),
]
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
each_database = pytest.mark.parametrize("database", DATABASES)

# Several of these begin at one moment, when the file `go` is there.
OPENING = """
import sys, time
from pathlib import Path
from podium.records.open import open_store
from podium.testing.stores.samples import sample

address, number, go = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
if "://" in address:
    import podium.records.stores.sql
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
store = open_store(address)
assert store.insert([sample(number, role="replay")]).inserted == 1
store.close()
"""
# The process ends as by `kill -9`, once some of the columns are there.
KILLED_IN_SQLITE = """
import os, sys
from pathlib import Path
import apsw
from podium.records.stores import sqlite_file
from podium.records.stores.sqlite import SqliteStore

apsw.connection_hooks.append(
    lambda connection: connection.create_scalar_function("die", lambda: os._exit(9))
)
*before, last = sqlite_file.MIGRATIONS
column = "ALTER TABLE record ADD COLUMN business_key"
half = last.replace(column, f"SELECT die(); {column}")
assert half != last
sqlite_file.MIGRATIONS = (*before, half)
SqliteStore(Path(sys.argv[1]))
"""
KILLED_IN_SQL = """
import os, sys
from podium.records.store import RecordQuery
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_engine import Database

add = Database._add
def add_or_die(self, table, column):
    if column.name == "role":
        os._exit(9)
    add(self, table, column)
Database._add = add_or_die
SqlStore(sys.argv[1]).page(RecordQuery(), limit=1)
"""


def said_by(folder: Path, name: str = "records.json") -> list[dict[str, Any]]:
    """What the records of a folder say, with the defaults of what they have no word of."""
    found = []
    for said in json.loads((folder / name).read_text()):
        values = dict(said)
        for name in ("inputs", "outputs", "attributes"):
            if values.get(name) is not None:
                values[name] = values[name].encode()
        if values["feedback"] is not None:
            said = dict(values["feedback"])
            for name in ("truth", "earlier"):
                if said.get(name) is not None:
                    said[name] = said[name].encode()
            values["feedback"] = Feedback(**said)
        found.append(decoded(Record(**values)))
    return found


def check_store(store: Store, folder: Path) -> None:
    """Whether all is there, and old and new records can be written to."""
    expected = said_by(folder)
    assert [decoded(store.get(one["id"])) for one in expected] == expected

    assert store.insert([NEW]).inserted == 1
    assert store.set_feedback(expected[0]["id"], feedback("Chinstrap"))

    newest_first = [NEW.id, *(one["id"] for one in reversed(expected))]
    assert [one.id for one in store.page(RecordQuery(), limit=50).records] == newest_first
    assert decoded(store.get(NEW.id)) == decoded(NEW)
    changed = store.get(expected[0]["id"])
    assert changed is not None
    assert changed.feedback == feedback("Chinstrap")
    assert store.set_feedback(expected[0]["id"], feedback("Gentoo"))
    corrected = store.get(expected[0]["id"])
    assert corrected is not None
    assert [one.truth for one in earlier_statements(corrected.feedback)] == ["Chinstrap"]
    by_key = store.page(RecordQuery(business_keys=("order 1",)), limit=50).records
    assert [one.id for one in by_key] == [NEW.id]


def test_a_change_of_the_columns_needs_a_new_folder():
    """`make_records.py` writes it; the readers of the older ones stay."""
    (said, *_) = json.loads((FOLDERS[-1] / "records.json").read_text())

    assert tuple(said) == Record.__struct_fields__
    assert (len(MIGRATIONS), VERSION) == (4, 5)


def test_what_old_records_have_no_word_of_gets_its_default():
    said = said_by(FIRST)[0]

    assert (said["request_id"], said["row_index"], said["role"]) == (None, 0, "primary")
    assert (said["bundle_digest"], said["attributes"], said["business_key"]) == (None, None, None)


@each_folder
def test_a_file_of_an_earlier_version_is_opened(folder: Path, tmp_path: Path):
    file = shutil.copy(folder / "sqlite.db", tmp_path / "podium.db")

    with closing(SqliteStore(file)) as store:
        check_store(store, folder)

    with closing(sqlite3.connect(file)) as connection:
        columns = connection.execute("PRAGMA table_info(record)").fetchall()
        assert {name for _, name, *_ in columns} == set(NAMES)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture
def outbox(folder: Path, tmp_path: Path) -> Path:
    """The folder of outboxes, as it was left by a worker that was killed."""
    with tarfile.open(folder / "outbox.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "outbox"


@each_folder
def test_what_an_earlier_version_left_in_an_outbox_is_shipped(folder: Path, outbox: Path):
    store = MemoryStore()
    shipper = Shipper(outbox, store)
    while shipper.ship():
        pass
    shipper.close()

    # The first was shipped before, and the third has its feedback from the store.
    expected = [one for one in said_by(folder)[1:] if one["feedback"] is None]
    assert len(expected) == 2
    if (folder / "blocks.json").exists():
        expected += said_by(folder, "blocks.json")
    assert [decoded(store.get(one["id"])) for one in expected] == expected
    assert len(store.page(RecordQuery(), limit=50).records) == len(expected)
    assert [path for path in outbox.iterdir() if path.is_dir()] == []
    assert delete_refused(outbox, lambda record: record.id == said_by(folder)[0]["id"]) == 1


@pytest.mark.parametrize("folder", [FIRST, FOLDERS[-1]])
def test_an_outbox_of_a_newer_version_waits_for_it(folder: Path, outbox: Path):
    (segment,) = outbox.glob("*/*.db")
    if folder == FIRST:
        with closing(apsw.Connection(str(segment))) as connection:
            connection.pragma("user_version", EARLIER_VERSION + 1)
    else:
        with segment.open("r+b") as file:
            file.seek(4)
            file.write((VERSION + 1).to_bytes(4, "little"))
    store = MemoryStore()
    shipper = Shipper(outbox, store)

    for _ in range(2):
        with pytest.raises(StoreError, match="was written by a newer Podium"):
            shipper.ship()

    shipper.close()
    assert segment.exists()
    assert not (outbox / "damaged").exists()
    assert store.page(RecordQuery(), limit=50).records == ()
    with closing(open_segment(segment)) as reader, pytest.raises(StoreError, match="newer"):
        list(reader.batches(10))


@pytest.fixture
def filled(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Any:
    """What makes a database of a kind out of a folder; returns its address."""

    def fill(folder: Path) -> str:
        address = f"sqlite+pysqlite:///{tmp_path}/records.db"
        if database != "sqlalchemy":
            address = request.getfixturevalue(database).new_database()
        sql = (folder / f"{database}.sql").read_text()
        if database == "sqlalchemy":
            with closing(sqlite3.connect(tmp_path / "records.db")) as connection:
                connection.executescript(sql)
            return address
        engine = engine_of(address)
        with engine.begin() as connection:
            for statement in filter(None, map(str.strip, sql.split(";\n"))):
                connection.exec_driver_sql(statement)
        engine.dispose()
        return address

    return fill


@each_folder
@each_database
def test_a_table_of_an_earlier_version_is_opened(folder: Path, filled: Any):
    address = filled(folder)

    with closing(SqlStore(address)) as store:
        check_store(store, folder)
        names = {one["name"] for one in inspect(store.engine).get_columns("podium_record")}
    assert names == {*NAMES, "outcome_start"}


@each_database
def test_an_earlier_version_still_writes_to_a_table_that_was_migrated(filled: Any):
    """Servers that share a database are updated one after the other."""
    address = filled(FIRST)
    with closing(SqlStore(address)) as store:
        store.page(RecordQuery(), limit=1)
        old = [
            name for name in NAMES if name in json.loads((FIRST / "records.json").read_text())[0]
        ]
        values = {"outcome_start": "Adelie"} | {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in msgspec.structs.asdict(sample(9)).items()
            if name in old
        }
        columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        with store.engine.begin() as connection:
            insert = f"INSERT INTO podium_record ({columns}) VALUES ({marks})"
            connection.execute(text(insert), values)

        assert decoded(store.get(sample(9).id)) == decoded(sample(9))


def opened_at_once(address: str, folder: Path) -> None:
    """Several processes open the same database at one moment, and write to it."""
    go = folder / "go"
    command = [sys.executable, "-c", OPENING, address]
    processes = [
        subprocess.Popen(
            [*command, str(number), str(go)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(20, 23)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    go.touch()
    for process in processes:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error


def test_processes_that_migrate_a_file_at_once_all_get_in(tmp_path: Path):
    file = shutil.copy(FIRST / "sqlite.db", tmp_path / "podium.db")

    opened_at_once(str(file), tmp_path)

    with closing(SqliteStore(file)) as store:
        check_store_at_once(store)


def test_a_file_that_another_migrates_for_long_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = shutil.copy(FIRST / "sqlite.db", tmp_path / "podium.db")
    SqliteStore(file).close()  # it has its log
    monkeypatch.setattr(sqlite_file, "BUSY_MS", 1)
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, "SELECT 1"))

    with closing(apsw.Connection(str(file))) as another:
        another.execute("BEGIN IMMEDIATE")
        opening = ThreadPoolExecutor(1).submit(SqliteStore, file)
        with pytest.raises(TimeoutError):
            opening.result(0.3)
        another.execute("COMMIT")

    with closing(opening.result(30)) as store:
        check_store(store, FIRST)


def check_store_at_once(store: Store) -> None:
    """Whether the old records are there, and those of each process."""
    records = store.page(RecordQuery(), limit=50).records
    assert [one.role for one in records] == ["replay"] * 3 + ["primary"] * 4
    assert [decoded(one) for one in reversed(records[3:])] == said_by(FIRST)


@each_database
def test_processes_that_migrate_a_table_at_once_all_get_in(filled: Any, tmp_path: Path):
    address = filled(FIRST)

    opened_at_once(address, tmp_path)

    with closing(SqlStore(address)) as store:
        check_store_at_once(store)


@each_database
def test_another_that_is_sooner_with_a_column_is_no_failure(filled: Any):
    address = filled(FIRST)
    with closing(SqlStore(address)) as store:
        other = engine_of(address)

        @event.listens_for(store.engine, "before_cursor_execute")
        def be_sooner(*said: Any) -> None:
            if said[2].startswith("ALTER"):
                with other.begin() as connection:
                    connection.exec_driver_sql(said[2])

        check_store(store, FIRST)
    other.dispose()


def killed(script: str, where: str) -> None:
    """Run a migration that ends in the middle."""
    command = [sys.executable, "-c", script, where]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr


def test_a_file_whose_migration_was_killed_is_migrated_by_the_next(tmp_path: Path):
    file = shutil.copy(FIRST / "sqlite.db", tmp_path / "podium.db")

    killed(KILLED_IN_SQLITE, str(file))

    with closing(SqliteStore(file)) as store:
        check_store(store, FIRST)


@each_database
def test_a_table_whose_migration_was_killed_is_migrated_by_the_next(filled: Any):
    address = filled(FIRST)

    killed(KILLED_IN_SQL, address)

    with closing(SqlStore(address)) as store:
        names = {one["name"] for one in inspect(store.engine).get_columns("podium_record")}
        assert "row_index" in names
        assert "role" not in names
        check_store(store, FIRST)
