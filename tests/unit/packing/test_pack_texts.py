"""Models that take nothing but texts: a series or a list of them instead of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

import podium
from podium.errors import SetupError, SignatureError
from podium.signature import Field, Signature

TEXTS = ["good film", "bad film", "good plot, great", "awful, bad plot", "great", "boring film"] * 4
LIKED = ["yes", "no", "yes", "no", "yes", "no"] * 4
FORMS = {
    "a list": TEXTS,
    "an array": np.array(TEXTS),
    "a pandas series": pd.Series(TEXTS, name="review"),
    "a polars series": pl.Series("review", TEXTS),
    "a series without a name": pd.Series(TEXTS),
    "a frame": pd.DataFrame({"review": TEXTS}),
}


@pytest.fixture
def model():
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LIKED)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compiles", [True, False], ids=["compiled", "original"])
def test_texts_in_any_form_make_one_field(model, form, compiles, tmp_path):
    bundle = podium.pack(model, FORMS[form], LIKED, name="films", path=tmp_path, compiles=compiles)

    new = ["a great, great film", "awful", "of no known word", ""]
    (field,) = bundle.signature.fields
    outputs = bundle.predict([{field.name: text} for text in new])
    assert (field.type, field.label) in [("text", "Text"), ("text", "Review")]
    assert bundle.is_compiled == compiles
    assert outputs.predictions.tolist() == model.predict(new).tolist()
    np.testing.assert_allclose(outputs.probabilities, model.predict_proba(new), rtol=1e-12)


def test_a_model_of_texts_is_served(model, tmp_path, client_of):
    bundle = podium.pack(model, pd.Series(TEXTS, name="review"), LIKED, name="films", path=tmp_path)
    client = client_of(bundle)

    answer = client.post("/api/models/films/predict", {"review": "a great film"})
    page = client.get("/models/films")

    assert answer.json()["prediction"] == "yes"
    assert "Review" in page.text


def test_a_single_text_is_no_row_of_columns(tmp_path):
    model = make_pipeline(CountVectorizer(), Ridge()).fit(TEXTS, range(24))

    bundle = podium.pack(model, TEXTS[:1], name="films", path=tmp_path)

    assert bundle.signature.is_series
    np.testing.assert_allclose(bundle.predict(TEXTS).predictions, model.predict(TEXTS), rtol=1e-9)


def test_a_holdout_of_texts_is_measured(model, tmp_path):
    bundle = podium.pack(
        model, TEXTS, LIKED, name="films", path=tmp_path, holdout=(pd.Series(TEXTS), LIKED)
    )

    assert bundle.card.n_metric_rows == 24
    assert bundle.card.metrics_on == "holdout"


def test_a_model_that_takes_neither_table_nor_texts_is_refused(model, tmp_path):
    with pytest.raises(SetupError, match="returned 1 predictions for 2"):
        podium.pack(
            model, pd.DataFrame({"n": [1.5, 2.5]}), ["yes", "no"], name="films", path=tmp_path
        )


def test_a_series_of_two_columns_cannot_be():
    with pytest.raises(SignatureError, match="one column, not 2"):
        Signature(fields=(Field(name="a"), Field(name="b")), is_series=True)
