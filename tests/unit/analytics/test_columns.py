"""The columns of exports: typed as the signature says, whatever fields are called."""

from __future__ import annotations

import msgspec
import pytest

from podium.analytics.columns import RECORD_COLUMNS, model_columns
from podium.analytics.export import export_to_duckdb
from podium.records.columns import NAMES
from podium.records.stores.memory import MemoryStore
from podium.signature import Field, Output, Signature
from podium.signature.fields import Category
from podium.testing.stores.samples import feedback, sample

duckdb = pytest.importorskip("duckdb")
pytestmark = pytest.mark.slow
ODD = ("a/b~c", 'sa"id', "it's", "Größe (cm)", "0", "", "$.x", "x y", "AGE", "age", "id", "*")


def signature(*names: str, **options) -> Signature:
    return Signature(fields=tuple(Field(name=name) for name in names), **options)


def exported(tmp_path, signatures, *records, model="penguins"):
    store = MemoryStore()
    store.insert(records)
    path = tmp_path / "records.duckdb"
    export_to_duckdb(store, path, {model: signatures})
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql(f'SELECT * FROM models."{model}" ORDER BY id').to_arrow_table()


def test_every_column_of_a_record_is_exported():
    assert tuple(one.source for one in RECORD_COLUMNS) == NAMES


def test_fields_of_any_name_are_columns_of_their_own(tmp_path):
    inputs = {name: float(n) for n, name in enumerate(ODD)}

    table = exported(tmp_path, [signature(*ODD)], sample(1, inputs=msgspec.json.encode(inputs)))

    found = {name: table[name][0].as_py() for name in table.column_names}
    assert [found[f"input_{name}"] for name in ODD if name != "age"] == [
        inputs[name] for name in ODD if name != "age"
    ]
    assert found["input_age_2"] == inputs["age"]


def test_values_have_the_types_of_the_signature_and_others_are_missing(tmp_path):
    fields = (
        Field(name="size", type="float"),
        Field(name="n", type="integer"),
        Field(name="is_new", type="boolean"),
        Field(name="day", type="date"),
        Field(name="at", type="datetime"),
        Field(name="code", type="category", categories=(Category(1), Category(2))),
        Field(name="island", type="category", categories=(Category("a"), Category(2))),
        Field(name="note", type="text"),
    )
    inputs = (
        b'{"size":1.5,"n":9007199254740993,"is_new":true,"day":"2026-03-01",'
        b'"at":"2026-03-01T12:00:00","code":2,"island":"a","note":"null"}'
    )
    odd = b'{"size":"wide","n":1e99,"is_new":"?","day":"x","at":"x","code":"x","note":null}'

    records = sample(1, inputs=inputs), sample(2, inputs=odd)
    table = exported(tmp_path, [Signature(fields=fields)], *records)

    names = [f"input_{field.name}" for field in fields]
    types = [str(table.schema.field(name).type) for name in names]
    first, second = ([row[name] for name in names] for row in table.to_pylist())
    assert types == [
        *("double", "int64", "bool", "date32[day]", "timestamp[us]", "int64", "string", "string")
    ]
    assert first[:3] == [1.5, 9007199254740993, True]
    assert [str(one) for one in first[3:5]] == ["2026-03-01", "2026-03-01 12:00:00"]
    assert first[5:] == [2, "a", "null"]
    assert second == [None] * len(fields)


def test_outputs_and_truths_are_columns(tmp_path):
    output = Output(task="classification", classes=("Adelie", "Gentoo"), has_probabilities=True)
    true = sample(2, feedback=feedback("Gentoo"))

    table = exported(tmp_path, [signature(outputs=(output,))], sample(1), true)

    first, second = table.to_pylist()
    assert (first["prediction"], first["truth"]) == ("Adelie", None)
    assert (first["probability_Adelie"], first["probability_Gentoo"]) == (0.9, 0.1)
    assert second["truth"] == "Gentoo"


def test_distances_to_clusters_are_columns(tmp_path):
    output = Output(task="clustering", classes=(0, 1), score="distance", has_distances=True)
    record = sample(1, outputs=b'{"prediction":1,"score":0.5,"distances":{"0":2.5,"1":0.5}}')

    table = exported(tmp_path, [signature(outputs=(output,))], record)

    (row,) = table.to_pylist()
    assert (row["score"], row["distance_0"], row["distance_1"]) == (0.5, 2.5, 0.5)


def test_several_outputs_have_columns_of_their_own(tmp_path):
    outputs = Output(name="delay"), Output(name="cost", task="value")
    record = sample(
        1,
        outputs=b'{"prediction":{"delay":3.5,"cost":[1,2]}}',
        feedback=feedback({"delay": 4, "cost": None}),
    )

    table = exported(tmp_path, [signature(outputs=outputs)], record)

    (row,) = table.to_pylist()
    assert (row["prediction_delay"], row["prediction_cost"]) == (3.5, "[1,2]")
    assert (row["truth_delay"], row["truth_cost"]) == (4.0, "null")


def test_the_newest_version_decides_and_fields_of_others_stay():
    newest = Signature(fields=(Field(name="a", type="text"), Field(name="b")))
    before = Signature(fields=(Field(name="a", type="float"), Field(name="c")))

    types = {one.name: one.type for one in model_columns([newest, before])}

    assert (types["input_a"], types["input_b"], types["input_c"]) == ("VARCHAR", "DOUBLE", "DOUBLE")
