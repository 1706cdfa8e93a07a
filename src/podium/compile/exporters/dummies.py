"""Isotonic regression and dummy models."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, Input, NotCompiled
from podium.compile.labels import labels_in
from podium.program.operations import (
    Elementwise,
    Finite,
    Interpolate,
    Largest,
    Matmul,
    Missing,
)
from podium.program.operations.rows.elementwise import ElementwiseName


def isotonic_regression(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A piecewise linear function that only rises, or only falls."""
    register = build.add(Finite(build.matrix(x)))
    knots, heights = estimator.X_thresholds_, estimator.y_thresholds_
    if build.is_single(register) or knots.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    if estimator.out_of_bounds == "raise":
        raise NotCompiled("it refuses unknown values")
    line = build.add(Interpolate(register, knots, heights.astype(np.float64)))
    if estimator.out_of_bounds == "nan":
        ends: tuple[tuple[ElementwiseName, float], ...]
        ends = (("less", float(knots[0])), ("greater", float(knots[-1])))
        for beyond, knot in ends:
            is_beyond = build.add(Elementwise((register,), beyond, (0, -1), np.array([[knot]])))
            nan = np.array([[np.nan]])
            line = build.add(Elementwise((is_beyond, line), "where", (0, -1, 1), nan))
    return Fitted(values=line)


def dummy_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same numbers for every row."""
    return Fitted(values=constants(build, x, np.ravel(estimator.constant_)))


def dummy_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same class for every row; of several outputs one each."""
    if estimator.strategy not in ("constant", "most_frequent", "prior"):
        raise NotCompiled("its predictions are random")
    row = np.zeros((1, 1))
    if estimator.n_outputs_ == 1:
        shares = estimator.predict_proba(row)
        return _always(build, x, estimator.classes_, estimator.predict(row)[0], shares[0])
    parts = zip(
        estimator.classes_, estimator.predict(row)[0], estimator.predict_proba(row), strict=True
    )
    outputs = [_always(build, x, classes, label, shares[0]) for classes, label, shares in parts]
    return Fitted(outputs=tuple(outputs))


def _always(build: Builder, x: Features, classes: Any, label: Any, shares: Any) -> Fitted:
    """A class that is predicted for every row, and the probabilities of all."""
    index = build.add(Largest(constants(build, x, (np.asarray(classes) == label) * 1.0)))
    return Fitted(
        index=index, classes=labels_in(classes), probabilities=constants(build, x, shares)
    )


def constants(build: Builder, x: Features, numbers: Any) -> int:
    """The same numbers for every row, whatever its cells are."""
    numbers = np.asarray(numbers, np.float64)
    # Whether the first column is missing is a number for every row and every type of column.
    column = x[0]
    if isinstance(column, Input) and not build.is_number(column):
        raise NotCompiled("it takes columns that aren't numbers")
    rows = build.add(Missing(build.matrix((column,))))
    if len(numbers) == 1:
        return build.scale(rows, multiply=0.0, add=numbers)
    return build.add(Matmul(rows, np.zeros((1, len(numbers))), numbers))


MODELS = {
    "sklearn.DummyClassifier": dummy_classifier,
    "sklearn.DummyRegressor": dummy_regressor,
    "sklearn.IsotonicRegression": isotonic_regression,
}
