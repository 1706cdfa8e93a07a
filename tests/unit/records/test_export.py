"""Records as CSV: complete, readable by programs, harmless in spreadsheets, and never all at once."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from podium.errors import StoreError
from podium.records.export import iter_csv, neutral, time_text
from podium.records.record import Record
from podium.records.store import PAGE_ROWS, RecordQuery, Store
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import NOON_US, feedback, ids, sample


@pytest.fixture
def store() -> Iterator[Store]:
    store = MemoryStore()
    yield store
    store.close()


def rows(content: bytes) -> list[dict[str, str]]:
    """What a program reads from the file."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def recorded(number: int, outputs: object = None, **inputs: Any) -> Record:
    return sample(
        number,
        inputs=msgspec.json.encode(inputs),
        outputs=msgspec.json.encode(outputs or {"prediction": 1.5, "warnings": []}),
    )


def test_a_row_contains_the_whole_record(store: Store) -> None:
    outputs = {"prediction": "Adelie", "probabilities": {"Adelie": 0.9, "Gentoo": 0.1}}
    record = replace(
        recorded(1, outputs, island="Torgersen", age=3),
        request_id="0" * 32,
        row_index=2,
        bundle_digest="ab",
        attributes=b'{"a":1}',
        business_key="4711",
    )
    store.insert([record])
    store.set_feedback(record.id, feedback("Adelie"))
    store.set_feedback(record.id, feedback("Gentoo", actor="ada", note="seen"))

    content = b"".join(iter_csv(store, RecordQuery(), ["island", "age"], ["Adelie", "Gentoo"]))

    assert rows(content) == [
        {
            "id": record.id,
            "time": "2026-03-01T12:00:00.001Z",
            "model": "penguins",
            "version": "1",
            "latency_us": "310",
            "source": "api",
            "actor": "",
            "owner": "",
            "request_id": "0" * 32,
            "row_index": "2",
            "role": "primary",
            "bundle_digest": "ab",
            "attributes": '{"a":1}',
            "business_key": "4711",
            "input.island": "Torgersen",
            "input.age": "3",
            "prediction": "Adelie",
            "probability.Adelie": "0.9",
            "probability.Gentoo": "0.1",
            "feedback": "Gentoo",
            "feedback.time": "2026-03-01T12:00:00.000Z",
            "feedback.actor": "ada",
            "feedback.note": "seen",
            "feedback.earlier": f'[{{"truth":"Adelie","time_us":{NOON_US},"actor":null,"note":""}}]',
        }
    ]


def test_a_file_without_records_has_its_header(store: Store) -> None:
    content = b"".join(iter_csv(store, RecordQuery(), ["age"], []))

    assert content.startswith(b"\xef\xbb\xbfid,time,")
    assert content.endswith(b"feedback.earlier\r\n")
    assert content.count(b"\r\n") == 1


def test_fields_called_like_our_columns_keep_their_own(store: Store) -> None:
    store.insert([recorded(1, id="mine", prediction="theirs", time=7)])

    (row,) = rows(b"".join(iter_csv(store, RecordQuery(), ["id", "prediction", "time"], [])))

    assert (row["input.id"], row["input.prediction"], row["input.time"]) == ("mine", "theirs", "7")
    assert (row["id"], row["prediction"]) == (sample(1).id, "1.5")


def test_cells_of_every_kind_come_back(store: Store) -> None:
    odd = 'a,"b"\r\nc;\td'
    store.insert(
        [
            recorded(
                1, {"prediction": {"x": 1, "y": [2]}}, a=odd, b=True, c=None, d=1e-7, e="שלום 😀"
            )
        ]
    )

    (row,) = rows(b"".join(iter_csv(store, RecordQuery(), ["a", "b", "c", "d", "e", "gone"], [])))

    assert [row[f"input.{name}"] for name in "abcde"] == [odd, "true", "", "1e-07", "שלום 😀"]
    assert row["input.gone"] == ""
    assert row["prediction"] == '{"x":1,"y":[2]}'


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+x",
        "-x",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "=cmd|' /C calc'!A0",
        "-1+1",
        "+1-2",
        "-",
        "-inf",
        "+nan",
        "-1_000",
        "-0x10",
        "\uff1d1",
        "\uff20a",
        "--1",
        "-1 ",
    ],
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str, store: Store) -> None:
    told = feedback(text, actor=text, note=text)
    outputs = {"prediction": text, "probabilities": {text: 0.5}}
    record = msgspec.structs.replace(
        recorded(1, outputs, a=text),
        actor=text,
        version=text,
        source=text,
        model=text,
        business_key=text,
    )
    store.insert([record])
    store.set_feedback(record.id, told)

    (row,) = rows(b"".join(iter_csv(store, RecordQuery(), ["a", text], [text])))

    names = ("model", "version", "source", "actor", "input.a", "prediction")
    names += ("feedback", "feedback.actor", "feedback.note", "business_key")
    assert {row[name] for name in names} == {f"'{text}"}
    assert row[f"probability.{text}"] == "0.5"


@pytest.mark.parametrize(
    "text", ["-1", "+1.5", "-.5", "-1e-7", "+1E5", "-12.", "", "a=1", "'=1", " ="]
)
def test_other_texts_and_numbers_stay(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize("cell", [-1, -0.5, None, float("-inf")])
def test_what_is_no_text_stays(cell: object) -> None:
    assert neutral(cell) == cell


@given(st.text())
def test_no_text_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    cell = neutral(text)

    assert isinstance(cell, str)
    if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
        float(cell)
    assert cell.removeprefix("'") == text.removeprefix("'")


def test_times_are_exact_to_the_last_millisecond() -> None:
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
    assert time_text(1_772_366_400_999_999) == "2026-03-01T12:00:00.999Z"
    assert time_text(2**53 - 1) == "2255-06-05T23:47:34.740Z"


def test_filters_hold_and_many_pages_are_complete(store: Store) -> None:
    n_records = 2 * PAGE_ROWS + 3
    store.insert([recorded(n, model_year=n) for n in range(n_records)])
    query = RecordQuery(since_us=sample(1).time_us)

    found = rows(b"".join(iter_csv(store, query, ["model_year"], [])))

    assert [row["id"] for row in found] == ids(store, query)
    assert len(found) == n_records - 1


def test_a_store_that_fails_at_once_gives_no_piece() -> None:
    store = MemoryStore()
    store.close()

    with pytest.raises(StoreError):
        next(iter_csv(store, RecordQuery(), [], []))


def test_other_programs_read_the_names_without_the_mark_at_the_beginning(
    store: Store, tmp_path: Path
) -> None:
    import pandas as pd
    import polars as pl

    store.insert([recorded(1, age=3)])
    path = tmp_path / "records.csv"
    path.write_bytes(b"".join(iter_csv(store, RecordQuery(), ["age"], [])))

    assert pd.read_csv(path).columns[0] == "id"
    assert pl.read_csv(path).columns[0] == "id"


@pytest.mark.slow
def test_memory_stays_flat_however_many_records_there_are(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "podium.db")
    n_records = 100_000
    for start in range(0, n_records, 5_000):
        store.insert([recorded(n, a=n / 7, b="x" * 40) for n in range(start, start + 5_000)])

    tracemalloc.start()
    n_bytes = n_lines = 0
    for piece in iter_csv(store, RecordQuery(), ["a", "b"], ["Adelie"]):
        n_bytes += len(piece)
        n_lines += piece.count(b"\r\n")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    store.close()

    assert n_lines == n_records + 1
    assert n_bytes > 10_000_000
    assert peak_bytes < 4_000_000
