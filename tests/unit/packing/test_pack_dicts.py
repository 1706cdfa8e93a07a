"""Models of dicts, and rows given as plain values to models that take something else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import podium
from podium.bundle.skops_file import skops_of
from podium.cli.pack import packed
from podium.errors import InvalidRows

RANDOM = np.random.default_rng(0)
Y = RANDOM.normal(size=60)
# `discount` is a key of every third row only.
ROWS = [
    {"age": float(y), "rooms": i % 5, "shop": f"s{i % 4}", "vip": i % 2 == 0}
    | ({} if i % 3 else {"discount": 1.5})
    for i, y in enumerate(Y)
]
FRAME = pd.DataFrame(ROWS)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    model = make_pipeline(DictVectorizer(), LinearRegression()).fit(ROWS, Y)
    return podium.pack(model, ROWS, Y, name="dicts", path=tmp_path_factory.mktemp("dicts"))


def asked(rows):
    return make_pipeline(DictVectorizer(), LinearRegression()).fit(ROWS, Y).predict(rows)


def test_a_model_of_dicts_has_a_field_for_each_key(bundle):
    types = {field.name: field.type for field in bundle.signature.fields}

    assert types == {
        "age": "float",
        "rooms": "integer",
        "shop": "category",
        "vip": "boolean",
        "discount": "float",
    }
    assert {one.name: one.value for one in bundle.card.metrics}["r2"] == pytest.approx(1)
    np.testing.assert_allclose(bundle.predict(ROWS).predictions, asked(ROWS))


@pytest.mark.parametrize("row", [{"age": 1.0}, {"shop": "s1", "discount": 1.5}, {"shop": "new"}])
def test_a_key_that_is_missing_is_absent_and_an_unknown_category_counts_nothing(row, bundle):
    outputs = bundle.predict(row)

    assert outputs.predictions == pytest.approx(asked([row]), abs=1e-12)
    assert all(one.code == "unknown" for one in outputs.warnings)


def test_the_api_and_the_form_of_a_model_of_dicts_answer_with_missing_keys(bundle, client_of):
    client = client_of(bundle)

    answer = client.post("/api/models/dicts/predict", {"age": 2.0, "vip": True})
    form = {"age": "2", "rooms": "", "shop": "", "vip": "true"}
    page = client.send_form("/models/dicts", form, follows=True)

    (expected,) = asked([{"age": 2.0, "vip": True}])
    assert (answer.status, page.status) == (200, 200)
    assert answer.json()["prediction"] == pytest.approx(expected)


@pytest.mark.slow
def test_a_file_of_rows_goes_to_a_model_of_dicts_as_dicts(tmp_path):
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(ROWS, Y > 0)
    FRAME.assign(left=Y > 0).to_csv(tmp_path / "rows.csv", index=False)
    podium.pack(model, ROWS, Y > 0, name="m", path=tmp_path)  # as its owner has it

    (tmp_path / "m.skops").write_bytes(skops_of(model))
    bundle = packed(
        str(tmp_path / "m.skops"), data=tmp_path / "rows.csv", target="left", path=tmp_path
    )

    assert bundle.signature.frame == "dicts"
    assert bundle.predict(ROWS).predictions.tolist() == model.predict(ROWS).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [FeatureHasher(16), DictVectorizer(sparse=False), FunctionTransformer(pd.DataFrame)],
    ids=lambda step: type(step).__name__,
)
def test_whatever_takes_dicts_gets_dicts(first, tmp_path):
    rows = [{"a": row["age"], "b": row["rooms"]} for row in ROWS]
    model = make_pipeline(first, RandomForestRegressor(5)).fit(rows, Y)

    bundle = podium.pack(model, rows, Y, name="m", path=tmp_path)

    assert bundle.signature.frame == "dicts"
    np.testing.assert_allclose(bundle.predict(rows).predictions, model.predict(rows))


@pytest.mark.slow
def test_a_key_without_which_the_model_fails_is_not_optional(tmp_path):
    columns = make_column_transformer((OneHotEncoder(), ["shop"]), ("passthrough", ["age"]))
    frame = FunctionTransformer(pd.DataFrame)
    model = make_pipeline(frame, columns, LinearRegression()).fit(ROWS, Y)

    bundle = podium.pack(model, ROWS, Y, name="m", path=tmp_path)

    with pytest.raises(InvalidRows, match="shop: is missing"):
        bundle.predict({"age": 1.0})


@pytest.mark.parametrize("given", [ROWS, FRAME.to_dict("list")], ids=["dicts", "columns"])
def test_plain_values_go_to_a_model_of_frames_as_a_frame(given, tmp_path):
    columns = make_column_transformer((OneHotEncoder(), ["shop"]), ("passthrough", ["age"]))
    model = make_pipeline(columns, LinearRegression()).fit(FRAME, Y)

    bundle = podium.pack(model, given, Y, name="m", path=tmp_path)

    assert bundle.signature.frame == "pandas"
    np.testing.assert_allclose(bundle.predict(FRAME).predictions, model.predict(FRAME))


def test_plain_values_in_another_order_go_to_a_model_that_knows_names(tmp_path):
    truth = FRAME.age * 10 + FRAME.rooms
    model = LinearRegression().fit(FRAME[["age", "rooms"]], truth)

    bundle = podium.pack(
        model, FRAME[["rooms", "age"]].to_dict("records"), truth, name="m", path=tmp_path
    )

    assert bundle.predict({"age": 1.0, "rooms": 2}).predictions == pytest.approx([12.0])
