"""The rows of the booster cases, and how a case fits them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from bench.zoo.case import Case
from bench.zoo.data import rows_of

Rows = tuple[Any, Any]


def numbers(name: str) -> Rows:
    """Rows without words, with their gaps; classes as numbers."""
    X, y = rows_of(name)
    X = X.select_dtypes("number") if isinstance(X, pd.DataFrame) else X
    is_number = name in ("cars", "diabetes", "linnerud")
    return X, y if is_number else np.unique(y, return_inverse=True)[1]


def words(name: str, *, as_categories: bool = True) -> Rows:
    """Rows with words, as categories or as objects; and classes as numbers."""
    X, y = rows_of(name)
    for column in X.select_dtypes(exclude="number").columns:
        filled = X[column].fillna("unknown")
        X[column] = filled.astype("category") if as_categories else filled.astype(object)
    return X, y if name == "cars" else np.unique(y, return_inverse=True)[1]


def counts() -> Rows:
    """A target of whole numbers that are never negative."""
    X, y = numbers("cars")
    return X, np.round(y / 10)


def labels() -> Rows:
    """Three labels at once, each 0 or 1."""
    X, y = numbers("diabetes")
    return X, np.stack([y > 100, y > 150, y > 220], axis=1).astype(int)


def ranked() -> Rows:
    """Rows that are ranked within 34 queries of 13."""
    X, y = numbers("diabetes")
    return X, np.digitize(y, [90, 140, 200])


QUERIES = np.repeat(np.arange(34), 13)


def lifetimes() -> Rows:
    """Durations, of which every fourth isn't over: negative, as Cox's loss takes them."""
    X, y = numbers("diabetes")
    return X, np.where(np.arange(len(y)) % 4 == 0, -y, y)


def squared(truth: Any, predicted: Any) -> tuple[Any, Any]:
    """An objective of one's own: half the squared error."""
    return predicted - truth, np.ones_like(truth)


def logistic(truth: Any, predicted: Any) -> tuple[Any, Any]:
    """An objective of one's own: the log loss of two classes."""
    share = 1 / (1 + np.exp(-predicted))
    return share - truth, share * (1 - share)


def fitted(model: Any, rows: Rows, **options: Any) -> tuple[Any, Any]:
    """The model fitted on these rows, and the rows."""
    return model.fit(*rows, **options), rows[0]


CARS, DIABETES, LINNERUD = (partial(numbers, name) for name in ("cars", "diabetes", "linnerud"))
BREAST_CANCER, PENGUINS, WINE, IRIS = (
    partial(numbers, name) for name in ("breast_cancer", "penguins", "wine", "iris")
)
CARS_WORDS, PENGUINS_WORDS = partial(words, "cars"), partial(words, "penguins")
PENGUINS_LABELS = partial(words, "penguins", as_categories=False)
FLOWERS = partial(rows_of, "iris")


def case(name: str, model: Callable[[], Any], rows: Callable[[], Rows], **options: Any) -> Case:
    """A model of scikit-learn's interface."""
    return Case(name, lambda: fitted(model(), rows(), **options))


def early(model: Any, rows: Rows, **options: Any) -> tuple[Any, Any]:
    """A model that stops when held-out rows get no better."""
    X, y = rows
    held = np.arange(len(y)) % 3 == 0
    model.fit(X[~held], y[~held], eval_set=[(X[held], y[held])], **options)
    return model, X


def weighted(model: Any, rows: Rows) -> tuple[Any, Any]:
    """A model of rows that don't all count the same."""
    return fitted(model, rows, sample_weight=1 + np.arange(len(rows[1])) % 3)
