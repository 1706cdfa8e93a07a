"""Queries over an export: they reach nothing else, change nothing, and end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from podium.analytics import query
from podium.analytics.export import export_to_duckdb
from podium.analytics.query import run_query
from podium.errors import SetupError
from podium.records.stores.memory import MemoryStore
from podium.signature import Field, Signature
from podium.testing.stores.samples import sample

pytest.importorskip("duckdb")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """An export whose file is named as a schema in it."""
    path = tmp_path_factory.mktemp("it's") / "models.duckdb"
    store = MemoryStore()
    store.insert([sample(n, outcome_number=float(n)) for n in range(2_500)])
    signatures = {"penguins": [Signature(fields=(Field(name="bill_length_mm"),))]}
    export_to_duckdb(store, path, signatures)
    return path


def answer(path: Path, sql: str, **options) -> list[tuple]:
    with run_query(path, sql, **options) as found:
        return list(found.rows())


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select count(*) from records", [(2_500,)]),
        ("from models.penguins select sum(input_bill_length_mm)::int;", [(97_750,)]),
        ("with few as (select 1) select * from few", [(1,)]),
    ],
)
def test_a_select_is_answered(path: Path, sql: str, expected: list[tuple]):
    assert answer(path, sql) == expected


def test_all_rows_come_and_columns_of_one_name_are_told_apart(path: Path):
    with run_query(path, "select id, time, id from records order by id") as found:
        assert found.names == ["id", "time", "id_2"]
        assert [row[0] for row in found.rows()] == [sample(n).id for n in range(2_500)]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "select 1; select 2",
        "delete from records",
        "insert into records (id) values ('a')",
        "create table a (b int)",
        "copy records to '{folder}/stolen.csv'",
        "export database '{folder}/stolen'",
        "attach '{folder}/other.db'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "reset lock_configuration",
        "call enable_logging(storage = 'file', storage_path = '{folder}/log')",
        "select * from enable_logging(storage = 'file', storage_path = '{folder}/log')",
        "explain analyze copy records to '{folder}/stolen.csv'",
        "select * from read_text('{folder}/secret.csv')",
        "select * from read_csv('{folder}/secret.csv')",
        "select * from read_blob('{folder}/*')",
        "select * from '{folder}/secret.csv'",
        "select * from glob('{folder}/*')",
        "select * from read_csv('http://127.0.0.1:9/a.csv')",
        "select getenv('HOME')",
        "select * from query('delete from records')",
        "selekt 1",
        "select nothing from records",
        "select 'a'::int",
    ],
)
def test_nothing_else_is_read_or_changed(path: Path, tmp_path: Path, sql: str):
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    before = path.read_bytes()

    with pytest.raises(SetupError):
        answer(path, sql.replace("{folder}", str(tmp_path)))

    assert [one.name for one in tmp_path.iterdir()] == ["secret.csv"]
    assert path.read_bytes() == before


def test_a_variable_of_the_program_is_no_table(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(query, "SECRET", np.arange(3), raising=False)

    with pytest.raises(SetupError, match="SECRET"):
        answer(path, "select * from SECRET")


def test_a_query_without_an_end_is_stopped(path: Path):
    endless = "with recursive n as (select 1 a union all select a from n) select count(*) from n"

    with pytest.raises(SetupError, match=r"longer than 0\.2 seconds"):
        answer(path, endless, seconds=0.2)


def test_a_query_takes_no_more_memory_than_it_may(path: Path):
    large = "select count(distinct a.id || b.id) from records a, records b"

    with pytest.raises(SetupError, match="more memory than 20MB"):
        answer(path, large, memory="20MB")


def test_what_is_wrong_is_said(path: Path, tmp_path: Path):
    for options, told in (
        ({"memory": "much"}, "no amount of memory"),
        ({"memory": "1'; select 1"}, "no amount of memory"),
    ):
        with pytest.raises(SetupError, match=told):
            answer(path, "select 1", **options)
    with pytest.raises(SetupError, match="there is no export"):
        answer(tmp_path / "none.duckdb", "select 1")
    (tmp_path / "text.duckdb").write_text("no database" * 500)
    with pytest.raises(SetupError, match=r"text\.duckdb"):
        answer(tmp_path / "text.duckdb", "select 1")
