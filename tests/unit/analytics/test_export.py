"""Exports of records: exact, brought up to date, and whole whatever happens meanwhile."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from podium.analytics.export import (
    LATE_US,
    Exported,
    export_to_duckdb,
    export_to_parquet,
)
from podium.errors import SetupError, StoreError
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import NOON_US, TEXTS, feedback, ids_of, sample

duckdb = pytest.importorskip("duckdb")
pytestmark = pytest.mark.slow
SLOW_EXPORT = """
import sys
from pathlib import Path
from podium.analytics.export import export_to_duckdb
from podium.records.stores.sqlite import SqliteStore
class Slow(SqliteStore):
    def page(self, query, *, cursor=None, **options):
        if cursor is not None:
            print("half", flush=True)
            sys.stdin.read()
        return super().page(query, cursor=cursor, **options)
export_to_duckdb(Slow(Path(sys.argv[1])), Path(sys.argv[2]), {})
"""


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.duckdb"


def rows(path: Path, sql: str = "SELECT id FROM records ORDER BY id") -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def exported_ids(path: Path) -> list[str]:
    return [id_ for (id_,) in rows(path)]


def test_a_record_is_exported_as_it_was_stored(store: Store, path: Path):
    full = sample(
        1,
        outcome_number=0.1 + 0.2,
        actor="it's",
        request_id=sample(2).id,
        row_index=3,
        feedback=feedback({"a": None}, note="é\n'"),
        business_key="k",
        attributes=b'{"b":[1]}',
    )
    store.insert([full])

    export_to_duckdb(store, path, {})

    names = "id, time, inputs::TEXT, outcome_number, actor, row_index, feedback_truth::TEXT, feedback_time, feedback_note"
    noon = dt.datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as it is in the file, in UTC
    assert rows(path, f"SELECT {names} FROM records") == [
        (
            full.id,
            noon + dt.timedelta(milliseconds=1),
            full.inputs.decode(),
            0.1 + 0.2,
            "it's",
            3,
            '{"a":null}',
            noon,
            "é\n'",
        )
    ]
    assert path.stat().st_mode & 0o077 == 0


def test_texts_of_every_script_are_exported(store: Store, path: Path):
    store.insert([sample(n, outcome=text, actor=text or None) for n, text in enumerate(TEXTS)])

    export_to_duckdb(store, path, {})

    found = rows(path, "SELECT outcome, actor FROM records ORDER BY id")
    assert found == [(text, text or None) for text in TEXTS]


def test_exporting_again_adds_what_is_new_and_feedback_of_old_records(store: Store, path: Path):
    day_us = 86_400_000_000
    store.insert([sample(n, time_us=NOON_US + n * day_us) for n in range(30)])
    first = export_to_duckdb(store, path, {})
    store.insert([sample(40, time_us=NOON_US + 40 * day_us)])
    store.insert([sample(41, time_us=NOON_US + 29 * day_us - LATE_US + 1)])
    store.set_feedback(sample(2).id, feedback("Gentoo"))
    store.set_feedback(sample(29).id, feedback("Gentoo"))

    second = export_to_duckdb(store, path, {})
    store.set_feedback(sample(2).id, feedback("Adelie"))
    third = export_to_duckdb(store, path, {})

    assert first == Exported(30, 30, 0)
    assert second == Exported(32, 2, 2)
    assert third == Exported(32, 0, 1)
    assert export_to_duckdb(store, path, {}) == Exported(32, 0, 0)
    assert exported_ids(path) == ids_of(*range(30), 40, 41)
    truths = rows(path, "SELECT id, feedback_truth::TEXT FROM records WHERE feedback_time NOTNULL")
    assert dict(truths) == {sample(2).id: '"Adelie"', sample(29).id: '"Gentoo"'}


def test_deleted_records_stay_until_the_file_is_written_anew(store: Store, path: Path):
    store.insert([sample(1), sample(2)])
    export_to_duckdb(store, path, {})
    store.delete([sample(1)])

    kept = export_to_duckdb(store, path, {})
    anew = export_to_duckdb(store, path, {}, is_whole=True)

    assert (kept.n_records, anew.n_records) == (2, 1)
    assert exported_ids(path) == ids_of(2)


def test_a_file_has_the_records_of_one_model_or_of_all(store: Store, path: Path):
    store.insert([sample(1), sample(2, model="other")])
    export_to_duckdb(store, path, {}, model="other")

    with pytest.raises(SetupError, match="has the records of other"):
        export_to_duckdb(store, path, {})

    assert exported_ids(path) == ids_of(2)


def test_a_database_of_another_program_is_left_alone(store: Store, path: Path, tmp_path: Path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs (a INTEGER)")
    text = tmp_path / "text.duckdb"
    text.write_text("no database")

    with pytest.raises(SetupError, match="another program"):
        export_to_duckdb(store, path, {})
    with pytest.raises(SetupError, match=r"text\.duckdb"):
        export_to_duckdb(store, text, {})

    assert rows(path, "SHOW TABLES") == [("theirs",)]
    assert text.read_text() == "no database"


def test_a_file_in_use_is_an_error_that_says_so(store: Store, path: Path):
    export_to_duckdb(store, path, {})
    held = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", held, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline()

        with pytest.raises(SetupError, match=r"records\.duckdb.*lock"):
            export_to_duckdb(store, path, {})
    finally:
        other.communicate(b"\n")


@pytest.mark.parametrize("is_there", [True, False])
def test_an_export_that_is_killed_leaves_the_earlier_file_whole(tmp_path, path, is_there):
    store = SqliteStore(tmp_path / "podium.db")
    store.insert([sample(n) for n in range(10)])
    if is_there:
        export_to_duckdb(store, path, {})
    store.insert([sample(n) for n in range(10, 5_000)])
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_EXPORT, store_path(tmp_path), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"half\n"

    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert path.exists() == is_there
    if is_there:
        assert set(exported_ids(path)) >= set(ids_of(*range(10)))
    assert export_to_duckdb(store, path, {}).n_records == 5_000
    assert exported_ids(path) == ids_of(*range(5_000))
    store.close()


def store_path(folder: Path) -> Path:
    return folder / "podium.db"


def test_a_failure_in_the_middle_leaves_nothing_beside_the_file(store: Store, tmp_path: Path):
    class Failing(MemoryStore):
        def page(self, query, **options):
            raise StoreError("the database is away")

    for name, export in (("a.duckdb", export_to_duckdb), ("a.parquet", export_to_parquet)):
        with pytest.raises(StoreError):
            export(Failing(), tmp_path / name, {})

    assert list(tmp_path.iterdir()) == []


def test_parquet_is_written_whole_and_typed_for_one_model(store: Store, tmp_path: Path):
    from pyarrow import parquet

    from podium.signature import Field, Signature

    path = tmp_path / "it's.parquet"
    store.insert([sample(1), sample(2), sample(3, model="other")])
    signatures = {"penguins": [Signature(fields=(Field(name="bill_length_mm"),))]}

    export_to_parquet(store, path, signatures)
    everything = parquet.read_table(path)
    export_to_parquet(store, path, signatures, model="penguins")
    typed = parquet.read_table(path)

    assert everything.column("id").to_pylist() == ids_of(1, 2, 3)
    assert typed.column("input_bill_length_mm").to_pylist() == [39.1, 39.1]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0
