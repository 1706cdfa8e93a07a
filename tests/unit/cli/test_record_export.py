"""`podium records export` and `query`: files for analysis, and answers on the terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import podium
from podium.deployments.registry import Registry
from podium.outbox.outboxed import OutboxedStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import feedback, sample

pytestmark = pytest.mark.slow
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(penguins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registered model, and 150 records of which one is in the outbox."""
    home = tmp_path_factory.mktemp("home")
    Registry(home).register(podium.load(penguins))
    store = SqliteStore(home / "podium.db")
    store.insert([sample(n, outcome="=1+1" if n == 7 else "Adelie") for n in range(149)])
    store.set_feedback(sample(3).id, feedback("Gentoo"))
    store.close()
    outbox = OutboxedStore(SqliteStore(home / "podium.db"), home / "outbox", ships=False)
    outbox.insert([sample(200, model="other\x1b[31m", outcome_number=float(2**60))])
    outbox.close()
    return home


@pytest.fixture
def records(podium_run: Command, home: Path) -> Command:
    """Runs a subcommand of `podium records` on the home."""
    return lambda name, *arguments: podium_run("records", name, "--home", home, *arguments)


def test_an_export_says_what_it_contains_and_what_was_new(records: Command, tmp_path: Path) -> None:
    path = tmp_path / "records.duckdb"

    first = records("export", "--to", path)
    again = records("export", "--to", path)
    whole = records("export", "--to", path, "--whole")

    said = f"{path} contains 150 records: %s new, 0 with other feedback than before.\n"
    assert first == (0, said % 150, "")
    assert again == (0, said % 0, "")
    assert whole == (0, said % 150, "")


def test_a_query_reads_typed_columns_of_a_model(records: Command, tmp_path: Path) -> None:
    path = tmp_path / "penguins.duckdb"
    records("export", "--to", path, "--model", "penguins")
    sql = (
        "select sum(input_bill_length_mm)::int as mm, any_value(input_island) as island, "
        "max(probability_Adelie) as p, max(truth) as truth, count(*) as n from models.penguins"
    )

    _, from_file, _ = records("query", sql, "--from", path, "--json")
    _, from_home, _ = records("query", sql, "--json")

    assert json.loads(from_file) == {
        "mm": 5826,
        "island": "Torgersen",
        "p": 0.9,
        "truth": "Gentoo",
        "n": 149,
    }
    assert from_home == from_file


def test_answers_are_tables_json_or_csv(records: Command) -> None:
    sql = "select outcome, outcome_number as n, inputs, time from records where id in ('{}', '{}')"
    sql = sql.format(sample(7).id, sample(200).id) + " order by id"

    code, table, _ = records("query", sql)
    _, lines, _ = records("query", sql, "--json")
    _, text, _ = records("query", sql, "--csv")

    assert code == 0
    assert "outcome" in table
    first, second = map(json.loads, lines.splitlines())
    assert (first["outcome"], first["n"], first["time"]) == (
        "=1+1",
        None,
        "2026-03-01T12:00:00.007000",
    )
    assert second["n"] == float(2**60)
    names, one, two = csv.reader(io.StringIO(text))
    assert names == ["outcome", "n", "inputs", "time"]
    assert one[0] == "'=1+1"
    assert json.loads(two[2]) == {"bill_length_mm": 39.1, "island": "Torgersen"}


def test_values_of_every_kind_are_printed(records: Command) -> None:
    sql = (
        "select 'nan'::double as a, 1.10::decimal(5,2) as b, [1, 'inf'::double] as c, {'k': date "
        "'2026-03-01'} as d, 'ab'::blob as e, interval 1 day as f, 2::hugeint ** 70 as g, null as h"
    )

    _, lines, _ = records("query", sql, "--json")
    csv_code, _, _ = records("query", sql, "--csv")
    table_code, _, _ = records("query", sql)

    found = json.loads(lines)
    assert (found["a"], found["b"], found["c"]) == (None, "1.10", [1.0, None])
    assert (found["d"], found["h"]) == ({"k": "2026-03-01"}, None)
    assert (csv_code, table_code) == (0, 0)


def test_a_table_is_short_and_without_control_characters(records: Command) -> None:
    _, table, _ = records("query", "select id from records order by id")
    _, text, _ = records("query", "select id from records", "--csv")
    _, other, _ = records("query", "select model from records order by id desc limit 1")

    assert len(table.splitlines()) == 102
    assert "The first 100 rows" in table
    assert len(text.splitlines()) == 151
    assert "\x1b" not in other


def test_what_cant_be_done_is_said(records: Command, podium_run: Command, tmp_path: Path) -> None:
    cases = [
        (records("export", "--to", tmp_path / "a.csv"), 2, "ends in .duckdb or .parquet"),
        (records("export", "--to", tmp_path / "no" / "a.duckdb"), 2, "there is no folder"),
        (records("query", "delete from records"), 1, "this isn't one SELECT"),
        (records("query", "select x from records"), 1, "SHOW ALL TABLES"),
        (records("query", "select 1", "--from", tmp_path / "no.duckdb"), 1, "there is no export"),
        (records("query", "select 1", "--from", "a", "--model", "b"), 2, "write it in SQL"),
        (records("query", "select 1", "--seconds", "0"), 2, "seconds"),
    ]
    for (code, _, error), expected, told in cases:
        assert code == expected, error
        assert told in error
    code, _, error = podium_run(
        "records", "export", "--home", tmp_path, "--to", tmp_path / "a.duckdb"
    )
    assert code == 1
    assert "there are no records" in error
    assert list(tmp_path.iterdir()) == []
