"""Columns of files and frames are what the model says, not what they look like."""

from __future__ import annotations

import catboost
import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import podium
from podium.bundle.trust import file_digest
from podium.cli.pack import packed
from podium.errors import SetupError

RANDOM = np.random.default_rng(0)
KINDS, SIZES = ["tea", "beer", "NA", "milk"], [3, 1, 2]
DRINKS = pd.DataFrame(
    {
        "price": RANDOM.normal(size=400),
        "kind": pd.Categorical(RANDOM.choice(KINDS, 400), categories=KINDS),
        "size": pd.Categorical(RANDOM.choice(SIZES, 400), categories=SIZES),
    }
)
SOLD = DRINKS.kind.map({"tea": 1, "beer": 5, "NA": 9, "milk": -3}).astype(float)
SOLD = (SOLD + DRINKS.price + DRINKS["size"].astype(int) * 20).rename("sold")
FEW = DRINKS[DRINKS.kind != "tea"].index[::-1]  # other levels, in another order


def saved(library, folder):
    """A booster's own file, and what the booster says of the drinks."""
    if library == "lightgbm":
        file = folder / "drinks.txt"
        settings = {"verbose": -1, "min_data_per_group": 1}
        model = lightgbm.train(settings, lightgbm.Dataset(DRINKS, SOLD), 20)
        model.save_model(file)
        return file, model.predict(DRINKS)
    file = folder / f"drinks.{library}"
    model = xgboost.XGBRegressor(n_estimators=20, enable_categorical=True).fit(DRINKS, SOLD)
    model.save_model(file)
    return file, model.predict(DRINKS)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["lightgbm", "json", "ubj"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_booster_knows_the_categories_that_a_file_of_rows_lacks(
    library, suffix, tmp_path, client_of
):
    file, answers = saved(library, tmp_path)
    data = tmp_path / f"drinks{suffix}"
    rows = DRINKS.loc[FEW].astype({"kind": str, "size": int}).assign(sold=SOLD)
    rows.to_csv(data, index=False) if suffix == ".csv" else rows.to_parquet(data, index=False)

    bundle = packed(str(file), data=data, target="sold", path=tmp_path)

    assert bundle.signature.field("kind").labels == tuple(KINDS)
    assert bundle.signature.field("size").labels == tuple(SIZES)
    body = DRINKS.astype({"kind": str, "size": int}).to_csv(index=False).encode()
    reply = client_of(bundle).post(
        "/api/models/drinks/predict", body=body, content_type="text/csv", accept="application/json"
    )
    assert reply.json()["predictions"] == pytest.approx(answers.tolist(), rel=1e-5)


def test_categories_unknown_to_a_booster_are_reported(tmp_path):
    file, _ = saved("lightgbm", tmp_path)
    rows = DRINKS.assign(kind="juice", sold=SOLD)
    rows.to_csv(tmp_path / "d.csv", index=False)

    with pytest.raises(SetupError, match="'kind' holds juice, which is none of the categories"):
        packed(str(file), data=tmp_path / "d.csv", target="sold", path=tmp_path)


LANDS = ["DE", "NA", "CH"]
HOMES = pd.DataFrame(
    {
        "zip": RANDOM.choice(["01234", "12345", "00001"], 200),
        "land": RANDOM.choice(LANDS, 200),
        "code": RANDOM.choice([7, 8], 200),
        "area": RANDOM.integers(20, 200, 200) / 4,
    }
)
RENT = HOMES.zip.astype(int) / 1e3 + HOMES.land.map({"DE": 1, "NA": 2, "CH": 3}) + HOMES.area
RENT = RENT.rename("rent")
CATEGORIES = ["zip", "land", "code"]


def estimator(kind):
    encoders = {"one-hot": OneHotEncoder(), "ordinal": OrdinalEncoder()}
    if kind == "catboost":
        model = catboost.CatBoostRegressor(
            n_estimators=30, verbose=0, cat_features=CATEGORIES, allow_writing_files=False
        )
        return model.fit(HOMES, RENT)
    columns = make_column_transformer((encoders[kind], CATEGORIES), remainder="passthrough")
    return make_pipeline(columns, LinearRegression()).fit(HOMES, RENT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one-hot", "ordinal", "catboost"])
@pytest.mark.parametrize("written", [{"sep": ","}, {"sep": ";", "decimal": ","}], ids=[",", ";"])
def test_texts_that_look_like_numbers_or_like_nothing_stay_texts(
    kind, written, tmp_path, client_of
):
    model = estimator(kind)
    joblib.dump(model, tmp_path / "homes.joblib")
    data = tmp_path / "homes.csv"
    HOMES.assign(rent=RENT).to_csv(data, index=False, **written)
    trust = f"sha256:{file_digest(tmp_path / 'homes.joblib')}"

    bundle = packed(
        str(tmp_path / "homes.joblib"),
        data=data, holdout=data, target="rent", path=tmp_path, trust=(trust,),
    )  # fmt: skip

    fields = {one.name: set(one.labels) for one in bundle.signature.fields}
    assert fields["zip"] == {"01234", "12345", "00001"}
    assert (fields["land"], bundle.signature.field("land").missing_share) == (set(LANDS), 0)
    assert bundle.signature.field("area").type == "float"
    figures = {one.name: one.value for one in bundle.card.metrics}
    assert figures["r2"] == pytest.approx(model.score(HOMES, RENT), abs=1e-6)
    client = client_of(bundle)
    body = HOMES[:5].to_csv(index=False, **written).encode()
    reply = client.post(
        "/api/models/homes/predict", body=body, content_type="text/csv", accept="application/json"
    )
    expected = model.predict(HOMES[:5])
    assert reply.json()["predictions"] == pytest.approx(expected.tolist())
    (row,) = HOMES[:1].astype(str).to_dict("records")
    assert client.send_form("/models/homes", row, follows=True).status == 200
    assert bundle.predict(HOMES[:5]).predictions == pytest.approx(expected)


@pytest.mark.parametrize("kind", [str, int])
def test_catboost_says_whether_it_was_trained_on_zip_codes_or_on_numbers(kind, tmp_path):
    homes = HOMES[["zip", "area"]].astype({"zip": kind})
    model = catboost.CatBoostRegressor(
        n_estimators=30, verbose=0, cat_features=["zip"], allow_writing_files=False
    )
    model.fit(homes, RENT).save_model(str(tmp_path / "homes.cbm"))
    HOMES[["zip", "area"]].assign(rent=RENT).to_csv(tmp_path / "homes.csv", index=False)

    bundle = packed(
        str(tmp_path / "homes.cbm"), data=tmp_path / "homes.csv", target="rent", path=tmp_path
    )

    assert set(bundle.signature.field("zip").labels) == set(homes.zip)
    figures = {one.name: one.value for one in bundle.card.metrics}
    assert figures["r2"] == pytest.approx(model.score(homes, RENT), abs=1e-6)


def test_a_frame_that_lost_its_zeros_is_refused_with_what_to_do(tmp_path):
    lost = HOMES.assign(zip=HOMES.zip.astype(int))

    with pytest.raises(SetupError, match=r"'zip' holds 1234.*\n.*dtype=\{'zip': str\}"):
        podium.pack(estimator("one-hot"), lost, RENT, name="homes", path=tmp_path)


def test_numbers_in_a_frame_are_the_texts_that_the_model_knows_where_no_zero_is_lost(tmp_path):
    homes = HOMES[HOMES.zip == "12345"].assign(zip=12345)

    bundle = podium.pack(estimator("one-hot"), homes, name="homes", path=tmp_path)

    assert bundle.signature.field("zip").labels[0] == "12345"


def test_a_decimal_comma_is_named_where_it_may_be_another_comma(tmp_path, client_of):
    bundle = podium.pack(estimator("ordinal"), HOMES, name="homes", path=tmp_path)
    row = {"zip": "01234", "land": "NA", "code": "7", "area": "12,5"}

    refused = client_of(bundle).send_form("/models/homes", row)

    assert refused.status == 422
    assert "its comma may be a thousands or a decimal separator, so write 12.5" in refused.text
