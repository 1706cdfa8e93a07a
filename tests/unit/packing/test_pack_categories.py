"""Categories of a packed model: as many as there are, and as its estimator takes them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from lightgbm import LGBMRegressor
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.errors import InvalidRows, SignatureError

RANDOM = np.random.default_rng(0)
SHOPS = [f"shop {i:04}" for i in range(3_000)]
SALES = pd.DataFrame({"shop": SHOPS + SHOPS[:1_500], "price": RANDOM.normal(size=4_500)})
SOLD = pd.Series(RANDOM.normal(size=4_500), name="sold")


def one_hot(handle_unknown: str):
    encoder = OneHotEncoder(handle_unknown=handle_unknown)
    return make_pipeline(
        make_column_transformer((encoder, ["shop"]), remainder="passthrough"), Ridge()
    ).fit(SALES, SOLD)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    path = tmp_path_factory.mktemp("strict")
    return podium.pack(one_hot("error"), SALES, SOLD, name="strict", path=path)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """Packed with a sample of the rows that it was fitted on."""
    path = tmp_path_factory.mktemp("lenient")
    return podium.pack(one_hot("ignore"), SALES[:200], SOLD[:200], name="lenient", path=path)


def test_three_thousand_shops_are_a_category(strict):
    field = strict.signature.field("shop")

    assert (field.type, len(field.labels), field.unknown) == ("category", 3_000, "refuse")


def test_what_the_encoder_refuses_is_refused_by_name_with_what_was_perhaps_meant(strict):
    with pytest.raises(InvalidRows, match=r"did you mean 'shop 0007'\?"):
        strict.predict({"shop": "Shop  0007 ", "price": 1.0})


def test_what_the_encoder_ignores_passes_with_a_warning(lenient):
    outputs = lenient.predict({"shop": "nowhere", "price": 1.0})

    assert [one.code for one in outputs.warnings] == ["unknown"]
    (theirs,) = one_hot("ignore").predict(pd.DataFrame({"shop": ["nowhere"], "price": [1.0]}))
    assert outputs.predictions[0] == pytest.approx(theirs)


def test_a_sample_of_the_rows_does_not_limit_what_the_encoder_knows(lenient):
    assert set(lenient.signature.field("shop").labels) == set(SHOPS)
    assert lenient.predict({"shop": "shop 2999", "price": 1.0}).warnings == ()


def test_a_form_of_many_categories_is_searched_without_javascript(strict, lenient, client_of):
    client = client_of(strict, lenient)

    page = client.get("/models/strict").text

    assert 'list="f0-list"' in page
    assert page.count("<option") == 3_000
    assert "Type part of a name to search 3,000 known values." in page
    assert "others are accepted with a warning" in client.get("/models/lenient").text
    refused = client.send_form("/models/strict", {"shop": "SHOP 0007", "price": "1"})
    assert refused.status == 422
    assert "did you mean &#39;shop 0007&#39;?" in refused.text


@pytest.mark.slow
def test_equal_lists_are_sent_once_and_a_page_has_a_bounded_number_of_options(tmp_path, client_of):
    labels = [f"<i>{i}</i>" for i in range(3_000)]
    rows = pd.DataFrame({f"c{i}": pd.Categorical(labels) for i in range(40)})
    rows["other"] = pd.Categorical([label.upper() for label in labels])
    model = HistGradientBoostingRegressor(max_iter=1, categorical_features=[])
    model = make_pipeline(make_column_transformer((CountVectorizer(), "c0")), Ridge())
    bundle = podium.pack(model.fit(rows, np.arange(3_000.0)), rows, name="m", path=tmp_path)

    page = client_of(bundle).get("/models/m").text

    assert page.count("<datalist") == 2
    assert page.count("<option") == 6_000
    assert "<i>" not in page


def test_missing_numbers_pass_with_a_warning_where_the_model_imputes_them(tmp_path):
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0, 5.0], "b": [2, 1, 4, 3]})
    imputing = make_pipeline(SimpleImputer(), LinearRegression()).fit(rows, [1, 2, 3, 4])
    plain = LinearRegression().fit(rows, [1, 2, 3, 4])

    told = podium.pack(imputing, rows, name="imputing", path=tmp_path)
    refused = podium.pack(plain, rows, name="plain", path=tmp_path)

    assert [one.missing for one in told.signature.fields] == ["warn", "warn"]
    assert [one.missing for one in refused.signature.fields] == ["refuse", "refuse"]
    outputs = told.predict({"a": None, "b": 3})
    assert outputs.warnings[0].message == "no value was given"
    expected = imputing.predict(pd.DataFrame({"a": [np.nan], "b": [3]}))
    assert outputs.predictions == pytest.approx(expected)


def test_whole_numbers_that_a_booster_takes_as_categories_are_categories(tmp_path):
    rows = pd.DataFrame({"code": RANDOM.integers(0, 30, 500), "x": RANDOM.normal(size=500)})
    model = HistGradientBoostingRegressor(max_iter=5, categorical_features=[0])
    model.fit(rows, rows.x + (rows.code % 3))

    bundle = podium.pack(model, rows, name="codes", path=tmp_path)

    field = bundle.signature.field("code")
    assert (field.type, field.unknown, set(field.labels)) == ("category", "warn", set(range(30)))
    outputs = bundle.predict([{"code": 77, "x": 0.0}, {"code": "3", "x": 0.0}])
    assert [(one.row, one.code) for one in outputs.warnings] == [(0, "unknown")]
    expected = model.predict(pd.DataFrame({"code": [77, 3], "x": [0.0, 0.0]}))
    assert outputs.predictions == pytest.approx(expected)


def test_an_order_and_declared_levels_stay(tmp_path, client_of):
    sizes = pd.CategoricalDtype(["S", "M", "L", "XL"], ordered=True)
    rows = pd.DataFrame({"size": pd.Series(["L", "S", "M", "S"] * 50, dtype=sizes)})
    model = LGBMRegressor(n_estimators=5, min_data_per_group=1, cat_smooth=1, verbose=-1)
    model.fit(rows, np.tile([3.0, 1.0, 2.0, 1.0], 50))

    bundle = podium.pack(model, rows, name="shirts", path=tmp_path)

    field = bundle.signature.field("size")
    assert (field.labels, field.is_ordered) == (("S", "M", "L", "XL"), True)
    outputs = bundle.predict({"size": "XL"})
    assert outputs.warnings == ()
    asked = pd.DataFrame({"size": pd.Series(["XL"], dtype=sizes)})
    assert outputs.predictions == pytest.approx(model.predict(asked))
    page = client_of(bundle).get("/models/shirts").text
    at = [page.index(f'value="{size}"') for size in ("S", "M", "L", "XL")]
    assert at == sorted(at)


def test_a_declared_level_that_the_encoder_never_met_is_refused(tmp_path):
    sizes = pd.CategoricalDtype(["S", "M", "XL"])
    rows = pd.DataFrame({"size": pd.Series(["S", "M"] * 20, dtype=sizes)})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, [1, 2] * 20)

    bundle = podium.pack(model, rows, name="shirts", path=tmp_path)

    with pytest.raises(InvalidRows, match="isn't a known category"):
        bundle.predict({"size": "XL"})


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b"] * 20).astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
        pd.Series(pd.array(["a", "b"] * 20, dtype="string")),
        pl.Series(["a", "b"] * 20, dtype=pl.Enum(["b", "a", "c"])),
        pl.Series(["a", "b"] * 20, dtype=pl.Categorical),
    ],
    ids=["Arrow's dictionary", "nullable texts", "an enum", "a categorical of polars"],
)
def test_every_library_gives_categories(column, tmp_path):
    frame = pd.DataFrame if isinstance(column, pd.Series) else pl.DataFrame
    rows = frame({"x": column})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression())

    bundle = podium.pack(
        model.fit(rows, [1.0, 2.0] * 20), rows, name="m", path=tmp_path, compiles=False
    )

    assert bundle.signature.field("x").type == "category"
    assert bundle.predict([{"x": "a"}, {"x": "b"}]).predictions == pytest.approx([1.0, 2.0])


@pytest.mark.slow
def test_one_as_a_number_and_as_a_text_are_distinguished_or_refused(tmp_path, client_of):
    rows = pd.DataFrame({"x": pd.Categorical([1, "1"] * 20)})
    model = LGBMRegressor(n_estimators=5, min_data_per_group=1, cat_smooth=1, verbose=-1)
    model.fit(rows, [1.0, 2.0] * 20)
    bundle = podium.pack(model, rows, name="m", path=tmp_path)

    answers = bundle.predict([{"x": 1}, {"x": "1"}]).predictions

    assert answers[0] < answers[1]
    reply = client_of(bundle).post("/api/models/m/predict", body=b"x\n1\n", content_type="text/csv")
    assert reply.status == 422
    assert "may be a number or a text" in reply.text


def test_dates_as_categories_are_refused_with_what_to_do():
    rows = pd.DataFrame({"day": pd.Categorical([dt.date(2024, 3, 1), dt.date(2024, 3, 2)])})

    with pytest.raises(SignatureError, match="holds categories of type date") as caught:
        podium.pack(LinearRegression().fit([[1], [2]], [1, 2]), rows, name="m")

    assert "convert the column before fitting" in caught.value.hint


@pytest.mark.slow
def test_hundreds_of_columns_leave_time_to_find_out_about_the_categories(tmp_path):
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(200, 300)), columns=[f"n{i}" for i in range(300)])
    X["shop"] = random.choice(list("abcd"), 200)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["shop"]), remainder="passthrough"
    )
    model = make_pipeline(encode, LinearRegression()).fit(X, X.n0)

    fields = podium.pack(model, X, name="m", path=tmp_path).signature.fields

    assert fields[-1].unknown == "warn"
    assert {one.missing for one in fields[:-1]} == {"refuse"}


@pytest.mark.parametrize(  # scikit-learn refuses NaN where None is to be imputed
    ("missing", "imputed"), [(None, None), (None, np.nan), (np.nan, np.nan)]
)
@pytest.mark.parametrize("values", [["a", "b"], [True, False]], ids=["texts", "truths"])
def test_missing_values_of_objects_are_those_of_training(tmp_path, missing, imputed, values):
    """None and NaN are two things to an imputer and to an encoder, and one to JSON."""
    column = pd.Series([*values, missing, values[0]] * 25, dtype=object)
    rows = pd.DataFrame({"kind": column, "size": np.arange(100.0)})
    encoder = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=imputed),
        OneHotEncoder(handle_unknown="ignore"),
    )
    columns = ColumnTransformer([("kind", encoder, ["kind"])], remainder="passthrough")
    model = make_pipeline(columns, LinearRegression())

    bundle = podium.pack(
        model.fit(rows, np.arange(100) % 4), rows, name="kinds", path=tmp_path, importance=False
    )

    assert bundle.is_compiled
    assert bundle.predict(rows).predictions == pytest.approx(model.predict(rows))
