"""What can't be packed as it was given is refused in words of ours, with what to do."""

from __future__ import annotations

import datetime as dt
import warnings
from decimal import Decimal
from fractions import Fraction

import catboost
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

import podium
from podium.bundle.skops_file import skops_of
from podium.cli.pack import packed
from podium.errors import SetupError

N = 40
Y = np.random.default_rng(0).normal(size=N)
X = pd.DataFrame({"a": Y})
MEAN = DummyRegressor().fit(X, Y)
LINE = LinearRegression().fit(Y[:, None], Y)
INTERVALS = pd.interval_range(0, N)


with warnings.catch_warnings():  # numpy warns of it once, in whatever test comes first
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    MATRIX = np.asmatrix(Y[:, None])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[1, 2]] * N, "make a column of each of its values"),
        ([{"u": 1}] * N, "make a column of each of its values"),
        ([np.arange(3)] * N, "make a column of each of its values"),
        (Y + 1j, "real and imaginary"),
        ([b"x", b"y"] * (N // 2), "decode it"),
        (pd.period_range("2020-01", periods=N, freq="M"), "to_timestamp"),
        (pd.to_timedelta(np.arange(N), "h"), "total_seconds"),
        (np.arange(N).astype("m8[ns]"), "convert it"),
        (INTERVALS, "its middle or its text"),
        ([dt.time(i % 24) for i in range(N)], "hours or seconds"),
        ([Fraction(1, i + 1) for i in range(N)], "convert the column"),
        (2**60 + np.arange(N), "as text, or as floats"),
        (pd.Series(2**60 + np.arange(N)).astype("Int64").where(Y > 0), "as text, or as floats"),
        (np.uint64(2**64 - 1) - np.arange(N, dtype=np.uint64), "as text, or as floats"),
        (-(2**53) - np.arange(N), "as text, or as floats"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("model", [LinearRegression(), RandomForestRegressor(2)])
def test_a_column_that_no_field_can_hold_says_what_to_make_of_it(values, said, model, tmp_path):
    frame = X.assign(z=values)

    with pytest.raises(SetupError, match="column 'z' holds") as caught:
        podium.pack(model.fit(X.assign(z=1), Y), frame, Y, name="m", path=tmp_path)

    assert said in caught.value.hint
    assert "leave it out" in caught.value.hint or "leave out the column" in caught.value.hint


def test_integers_at_the_limit_of_exactness_are_packed_and_predicted(tmp_path):
    rows = pd.DataFrame({"z": 2**53 - np.arange(N), "a": Y})
    model = RandomForestRegressor(2).fit(rows, Y)

    bundle = podium.pack(model, rows, Y, name="m", path=tmp_path)

    assert bundle.predict({"z": 2**53, "a": Y[0]}).predictions == pytest.approx(
        model.predict(rows[:1])
    )


def test_a_file_with_whole_numbers_that_are_not_exact_is_refused(tmp_path):
    rows = pd.DataFrame({"z": 2**60 + np.arange(N), "a": Y})
    (tmp_path / "m.skops").write_bytes(skops_of(RandomForestRegressor(2).fit(rows, Y)))
    rows.assign(t=Y).to_csv(tmp_path / "rows.csv", index=False)

    with pytest.raises(SetupError, match="column 'z' holds whole numbers of more than"):
        packed(str(tmp_path / "m.skops"), data=tmp_path / "rows.csv", target="t", path=tmp_path)


@pytest.mark.parametrize(
    "values", [[Decimal(str(round(y, 3))) for y in Y], Y.astype(np.longdouble)]
)
@pytest.mark.parametrize("form", ["frame", "array", "dicts"])
def test_decimals_and_long_doubles_are_numbers(values, form, tmp_path):
    numbers = np.array(values, float)[:, None]
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    rows = {"frame": frame, "array": frame.to_numpy(), "dicts": frame.to_dict("records")}[form]
    model = LinearRegression().fit(numbers, Y)

    bundle = podium.pack(model, rows, values, name="m", path=tmp_path)

    assert bundle.signature.fields[0].type == "float"
    assert bundle.predict(numbers).predictions == pytest.approx(model.predict(numbers))


@pytest.mark.parametrize(
    "rows", [MATRIX, pd.Index(Y), {"a": Y}], ids=lambda rows: type(rows).__name__
)
def test_whatever_is_an_array_at_heart_is_read_as_one(rows, tmp_path):
    bundle = podium.pack(LINE, rows, pd.Index(Y), name="m", path=tmp_path)

    assert {one.name: one.value for one in bundle.card.metrics}["r2"] == pytest.approx(1)


@pytest.mark.slow  # PyTorch takes seconds to load
def test_tensors_are_read_as_arrays(tmp_path):
    import torch

    bundle = podium.pack(LINE, torch.tensor(Y[:, None]), torch.tensor(Y), name="m", path=tmp_path)

    assert {one.name: one.value for one in bundle.card.metrics}["r2"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("rows", "said", "hint"),
    [
        (scipy.sparse.csr_matrix(Y[:, None]), "a csr_matrix can't be read", "toarray"),
        (pd.DataFrame(np.c_[Y, Y], columns=["a", "a"]), "two columns", ""),
        (catboost.Pool(Y[:, None], Y), "a Pool can't be read", "a numpy array"),
        (pl.DataFrame({"a": [{"u": 1}] * N}), "values of type dict", "make a column of each"),
        (np.zeros((N, 2, 2)), "an array of 3 dimensions", "rows, columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_rows_that_are_no_table_say_what_to_give(rows, said, hint, tmp_path):
    with pytest.raises(SetupError, match=said) as caught:
        podium.pack(MEAN, rows, Y, name="m", path=tmp_path)

    assert hint in caught.value.hint


SURVIVAL = np.array([(y > 0, abs(y)) for y in Y], dtype=[("event", "?"), ("time", "f8")])


@pytest.mark.parametrize(
    ("y", "noted"),
    [
        (SURVIVAL, "y has event, time for each row"),
        (pd.date_range("2020", periods=N), "isn't a number"),
        (pd.Series(pd.date_range("2020", periods=N)), "isn't a number"),
        (INTERVALS, "isn't a number"),
        ([[1], [1, 2]] * (N // 2), "isn't a number"),
        (Y + 1j, "isn't a number"),
        (pd.to_timedelta(Y, "h"), "isn't a number"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_target_without_metrics_is_packed_with_a_note(y, noted, tmp_path):
    bundle = podium.pack(MEAN, X, y, name="m", path=tmp_path, holdout=(X, y))

    assert bundle.card.metrics == ()
    assert any(noted in note for note in bundle.card.notes)


def test_targets_as_lists_of_rows_are_several(tmp_path):
    both = [[y, 2 * y] for y in Y]

    bundle = podium.pack(LinearRegression().fit(X, both), X, both, name="m", path=tmp_path)

    assert len(bundle.signature.outputs) == 2
    assert bundle.card.metrics[0].value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["2020-01-01", "2020-01-02"] * (N // 2), "M8[D]"),
        np.array([b"a", b"b"] * (N // 2)),
        np.array([1, 2] * (N // 2), "m8[h]"),
    ],
    ids=lambda classes: classes.dtype.kind,
)
def test_classes_that_json_has_no_form_for_are_refused(classes, tmp_path):
    model = KNeighborsClassifier(3).fit(X, classes)

    with pytest.raises(SetupError, match="its classes are of type") as caught:
        podium.pack(model, X, classes, name="m", path=tmp_path)

    assert "astype(str)" in caught.value.hint


def test_a_model_that_is_not_fitted_or_is_no_instance_says_so(tmp_path):
    with pytest.raises(SetupError, match="LinearRegression isn't fitted") as caught:
        podium.pack(LinearRegression(), X, Y, name="m", path=tmp_path)
    assert caught.value.hint == "fit it, then pack it"
    with pytest.raises(SetupError, match="LinearRegression is a class"):
        podium.pack(LinearRegression, X, Y, name="m", path=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["model", "file"])
def test_text_features_of_catboost_are_texts(form, tmp_path):
    rows = pd.DataFrame({"said": ["good day" if y > 0 else "bad day" for y in Y], "a": Y})
    left = np.where(Y > 0, "yes", "no")
    silent = {"verbose": 0, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(5, text_features=["said"], **silent).fit(rows, left)
    model.save_model(str(tmp_path / "m.cbm"))

    given = model if form == "model" else tmp_path / "m.cbm"
    bundle = podium.pack(given, rows, left, name="m", path=tmp_path)

    assert bundle.signature.field("said").type == "text"
    assert bundle.predict(rows).predictions.tolist() == model.predict(rows).tolist()
    bundle.predict({"said": "words that nobody ever said", "a": 0.0})
