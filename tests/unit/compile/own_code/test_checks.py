"""scikit-learn's checks of data in one's own code refuse the same rows in a program."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import assert_all_finite, check_is_fitted, validate_data

from podium.compile import Compiled, compile_model
from podium.errors import ModelError
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

X = pd.DataFrame({"size": np.arange(1.0, 41.0), "age": np.arange(40.0) % 7})
Y = np.arange(40.0) ** 2


class Checked(TransformerMixin, BaseEstimator):
    """Checks its rows, and goes on with them in one way or another."""

    def __init__(self, how: Any) -> None:
        self.how = how

    def fit(self, X: Any, y: Any = None) -> Checked:
        validate_data(self, X, ensure_all_finite=False)
        return self

    def transform(self, X: Any) -> Any:
        check_is_fitted(self)
        return self.how(self, X)


def compiled(how: Any) -> Compiled:
    model = make_pipeline(Checked(how), LinearRegression()).fit(X, Y)
    table = Table.of(X)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    return compile_model(model, signature, table, original=original.predict)


def and_goes_on(_: Any, X: Any) -> Any:
    check_array(X)  # what it returns isn't used
    return X[["size"]] * 2


def and_goes_on_with_an_array(_: Any, X: Any) -> Any:
    X = np.asarray(X)
    assert_all_finite(X)
    return X[:, :1] * 2


def of_the_guide(self: Any, X: Any) -> Any:
    X = validate_data(self, X, reset=False)
    return X - X[:, [0]] / 3


@pytest.mark.parametrize("how", [and_goes_on, and_goes_on_with_an_array, of_the_guide])
def test_what_a_check_refuses_is_refused(how):
    found = compiled(how)

    assert found.why == ""
    assert found.program is not None
    for column, bad in (("size", np.nan), ("size", np.inf), ("age", np.inf)):
        with pytest.raises(ModelError):
            found.program.predict(Table.of(X[:3].assign(**{column: [1.0, bad, 2.0]})))


def test_a_check_that_allows_gaps_refuses_infinite_numbers_alone():
    def gappy(self: Any, X: Any) -> Any:
        X = validate_data(self, X, reset=False, ensure_all_finite="allow-nan", dtype=float)
        return np.where(np.isnan(X), 0, X)

    found = compiled(gappy)

    assert found.program is not None
    assert len(found.program.predict(Table.of(X[:2].assign(age=[np.nan, 1.0])))) == 2
    with pytest.raises(ModelError):
        found.program.predict(Table.of(X[:2].assign(age=[np.inf, 1.0])))


def test_a_check_of_signs_and_types_is_kept():
    found = compiled(lambda _, X: check_array(X, ensure_non_negative=True, dtype=np.float64))

    assert found.program is not None
    with pytest.raises(ModelError):
        found.program.predict(Table.of(X[:2].assign(age=[-1.0, 1.0])))


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda self, X: validate_data(self, X, X["age"], reset=False)[0], "a target"),
        (lambda _, X: check_array(X, ensure_min_samples=2) * 2, "number of rows"),
        (lambda _, X: X + check_array(X["age"], ensure_2d=False).sum(), "other rows"),
    ],
)
def test_what_can_not_be_checked_for_a_row_is_said(how, why):
    found = compiled(how)

    assert found.program is None
    assert why in found.why


def test_the_checks_are_as_before_and_work_meanwhile_on_other_data():
    before = (check_array.__code__, check_array.__kwdefaults__)
    recording, checked = Event(), Event()

    def slow(_: Any, X: Any) -> Any:
        if type(X) is not pd.DataFrame:
            recording.set()
            assert checked.wait(60)
        return check_array(X)

    def meanwhile() -> Any:
        assert recording.wait(60)
        try:
            with pytest.raises(ValueError, match="NaN"):
                check_array([[np.nan]])
            return check_array([[1, 2]], dtype=float)
        finally:
            checked.set()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(meanwhile)
        found = compiled(slow)

    assert found.why == ""
    assert other.result().tolist() == [[1.0, 2.0]]
    assert (check_array.__code__, check_array.__kwdefaults__) == before
