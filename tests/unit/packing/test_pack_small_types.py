"""Columns and targets of small types: what is asked is never cast into a narrower one."""

from __future__ import annotations

import io
import json

import catboost
import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import podium
from podium.flow.formats.arrow import ARROW
from podium.runtimes.dtypes import holding
from podium.testing.client import Client

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame({"a": RANDOM.integers(0, 100, 200), "b": RANDOM.integers(0, 100, 200)})
SUM = (ROWS.a * 10 + ROWS.b + RANDOM.normal(size=200)).rename("t")
WHOLE = pd.DataFrame({"a": [300, 70_000, -200, 12], "b": [1, 2, 3, 4]})
BROKEN = WHOLE + 0.3

WHOLE_TYPES = ["int8", "uint8", "int16", "uint16", "uint32"]
TYPES = [*WHOLE_TYPES, "float16", "float32"]
MODELS = {
    "ridge": Ridge(),
    "scaled": make_pipeline(StandardScaler(), Ridge()),
    "polynomial": make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()),
    "forest": RandomForestRegressor(5, random_state=0),
    "histograms": HistGradientBoostingRegressor(max_iter=5),
    "neighbours": KNeighborsRegressor(3),
    "lightgbm": lightgbm.LGBMRegressor(n_estimators=5, verbose=-1),
    "xgboost": xgboost.XGBRegressor(n_estimators=5),
    "catboost": catboost.CatBoostRegressor(iterations=5, verbose=0, allow_writing_files=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", TYPES)
def test_values_beyond_the_training_type_are_predicted_as_by_the_model(dtype, name, tmp_path):
    rows = ROWS.astype(dtype)
    model = MODELS[name].fit(rows, SUM)
    asked = WHOLE if dtype in WHOLE_TYPES else BROKEN

    compiled = podium.pack(model, rows, SUM, name="c", path=tmp_path)
    original = podium.pack(model, rows, SUM, name="o", path=tmp_path, compiles=False)

    right = model.predict(asked)
    assert compiled.runtime_name == "program", compiled.compilation.why
    np.testing.assert_allclose(compiled.predict(asked).predictions, right, rtol=1e-5)
    np.testing.assert_allclose(original.predict(asked).predictions, right, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numpy", "polars", "Int8", "UInt16", "int8[pyarrow]"])
def test_every_kind_of_table_has_room(kind, tmp_path):
    rows = {
        "numpy": lambda: ROWS.to_numpy(np.uint8),
        "polars": lambda: pl.from_pandas(ROWS).cast(pl.UInt8),
    }.get(kind, lambda: ROWS.astype(kind))()
    model = Ridge().fit(rows, SUM)

    bundle = podium.pack(model, rows, SUM, name="m", path=tmp_path, compiles=False)

    asked = WHOLE.to_numpy() if kind == "numpy" else WHOLE
    right = Ridge().fit(ROWS, SUM).predict(WHOLE)
    answers = bundle.predict(asked).predictions
    np.testing.assert_allclose(answers, right, rtol=1e-6)


def as_json(table):
    return json.dumps(table.to_dict("records")).encode(), "application/json"


def as_csv(table):
    return table.to_csv(index=False).encode(), "text/csv"


def as_lines(table):
    return table.to_json(orient="records", lines=True).encode(), "application/x-ndjson"


def as_arrow(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, (held := pa.Table.from_pandas(table)).schema) as writer:
        writer.write_table(held)
    return sink.getvalue(), ARROW


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False])
def test_every_entry_has_room(compiles, tmp_path):
    rows = ROWS.astype("uint8")
    model = Ridge().fit(rows, SUM)
    bundle = podium.pack(model, rows, SUM, name="m", path=tmp_path, compiles=compiles)
    app = podium.App(bundle, home=str(tmp_path / "home"))
    try:
        client = Client(app)
        answers = {}
        for write in (as_json, as_csv, as_lines, as_arrow):
            body, media = write(WHOLE)
            reply = client.post(
                "/api/models/m/predict", body=body, content_type=media, accept="application/json"
            )
            answers[write.__name__] = reply.json()["predictions"]
        form = client.send_form("/api/models/m/predict", {"a": "300", "b": "1"})
    finally:
        app.close()

    right = model.predict(WHOLE)
    for entry, found in answers.items():
        np.testing.assert_allclose(found, right, rtol=1e-6, err_msg=entry)
    assert form.json()["prediction"] == pytest.approx(right[0])


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False])
@pytest.mark.parametrize("dtype", TYPES)
def test_a_target_of_a_small_type_is_measured_and_predicted(dtype, compiles, tmp_path):
    target = (ROWS.a + 20).astype(dtype)  # at most 119: every type holds it, none its square
    model = Ridge(alpha=0).fit(ROWS, target.astype(float))
    labels = (ROWS.a > 50).astype(dtype)
    tree = DecisionTreeClassifier(max_depth=2).fit(ROWS, labels)
    packing = {"path": tmp_path, "compiles": compiles}

    numbers = podium.pack(model, ROWS, target, name="n", **packing)
    classes = podium.pack(tree, ROWS, labels, name="c", **packing)

    errors = {one.name: one.value for one in numbers.card.metrics}
    assert errors["r2"] == pytest.approx(1)
    assert errors["root_mean_squared_error"] < 1e-6
    assert {one.name: one.value for one in classes.card.metrics}["accuracy"] == 1.0
    assert classes.predict({"a": 300, "b": 1}).predictions.tolist() == [1]


@pytest.mark.slow
def test_a_neighbour_of_a_batch_does_not_change_what_a_row_of_halves_gets(tmp_path):
    rows = ROWS.astype("float16")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, SUM > 500)
    bundle = podium.pack(model, rows, name="m", path=tmp_path, compiles=False)

    alone = bundle.predict({"a": 12, "b": 4}).probabilities[0]
    beside = bundle.predict(BROKEN.iloc[:2].assign(a=[12, 300.3], b=[4, 1])).probabilities[0]

    np.testing.assert_allclose(alone, beside, rtol=1e-12)


@pytest.mark.slow
def test_a_value_within_the_type_stays_in_it(tmp_path):
    rows = ROWS.astype("uint8")
    model = make_pipeline(FunctionTransformer(), StandardScaler(), Ridge()).fit(rows, SUM)

    bundle = podium.pack(model, rows, SUM, name="m", path=tmp_path, compiles=False)

    assert bundle.signature.fields[0].dtype == "uint8"
    assert bundle.predict(rows.iloc[:3]).predictions == pytest.approx(model.predict(rows.iloc[:3]))


@pytest.mark.parametrize(
    ("dtype", "cells", "right"),
    [
        ("uint8", [255.0, np.nan], "uint8"),
        ("uint8", [256, 1], "int64"),
        ("uint8", [-1, 1], "int64"),
        ("uint8", [1.5, 2], "float64"),
        ("UInt8", [256, 1], "Int64"),
        ("UInt8", [np.nan, 300.0], "Int64"),
        ("Int8", [1.5, 2], "Float64"),
        ("int8[pyarrow]", [128, 1], "int64[pyarrow]"),
        ("int8[pyarrow]", [0.5, 1], "double[pyarrow]"),
        ("uint64", [-1, 2], "int64"),
        ("int64", [2**63 - 1, 2], "int64"),
        ("float16", [1.0, 2], "float64"),
        ("float32", [0.1, np.inf], "float32"),
        ("float32", [1e39, 1], "float64"),
        ("float[pyarrow]", [1e39, 1], "double[pyarrow]"),
        ("int8", [np.inf, 1], "float64"),
        ("object", [300, 1], "object"),
        ("datetime64[s]", np.array(["2024-01-01T00:00:00.5"], "datetime64[us]"), "datetime64[us]"),
        ("datetime64[s]", np.array(["2024-01-01T00:00:01"], "datetime64[us]"), "datetime64[s]"),
        ("datetime64[ns]", np.array(["3000-01-01"], "datetime64[us]"), "datetime64[us]"),
        (
            "timestamp[ms, tz=UTC][pyarrow]",
            np.array(["2024-01-01T00:00:00.000001"], "datetime64[us]"),
            "timestamp[us, tz=UTC][pyarrow]",
        ),
        (
            "Datetime(time_unit='ms', time_zone='UTC')",
            np.array(["2024-01-01T00:00:00.000001"], "datetime64[us]"),
            "Datetime(time_unit='us', time_zone='UTC')",
        ),
    ],
)
def test_a_type_is_as_wide_as_its_cells_need(dtype, cells, right):
    assert holding(dtype, np.asarray(cells)) == right
