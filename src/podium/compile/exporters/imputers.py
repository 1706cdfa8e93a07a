"""Imputers that use other columns or rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import values_of
from podium.compile.exporters.preprocess import missing_indicator, simple_imputer
from podium.compile.features import Features, NotCompiled
from podium.compile.labels import label_of
from podium.program.operations import Clip, Fill, FillLinear, FillNearest, Impute
from podium.table import Array

# Models that are just a product: their iterations become one operation.
LINEAR = ("BayesianRidge", "LinearRegression", "Ridge", "Lasso", "ElasticNet", "ARDRegression")


def knn_imputer(estimator: Any, build: Builder, x: Features) -> Features:
    """The mean of the nearest rows of the training data."""
    _refuse_marks(estimator)
    if estimator.metric != "nan_euclidean" or estimator.weights not in ("uniform", "distance"):
        raise NotCompiled("its metric or its weights are code, not data")
    rows = np.asarray(estimator._fit_X, np.float64)  # noqa: SLF001 - as in its transform
    valid = estimator._valid_mask  # noqa: SLF001 - the same
    is_weighted = estimator.weights == "distance"
    register = build.add(FillNearest(build.matrix(x), rows, estimator.n_neighbors, is_weighted))
    if estimator.keep_empty_features and not valid.all():
        # Always 0, even if a row has a value there.
        low, high = (np.where(valid, bound, 0.0) for bound in (-np.inf, np.inf))
        register = build.add(Impute(register, np.where(valid, np.nan, 0.0)))
        register = build.add(Clip(register, low, high))
    filled = build.features(register)
    if not estimator.keep_empty_features:
        filled = tuple(column for column, is_valid in zip(filled, valid, strict=True) if is_valid)
    return filled + _indicated(estimator, build, x)


def iterative_imputer(estimator: Any, build: Builder, x: Features) -> Features:
    """A first estimate, then each column again from the others, for some iterations."""
    _refuse_marks(estimator)
    if estimator.sample_posterior:
        raise NotCompiled("its imputed values are random")
    begin = simple_imputer(estimator.initial_imputer_, build, x)
    is_empty = estimator._is_empty_feature  # noqa: SLF001 - as in its transform
    if is_empty.any() and estimator.keep_empty_features:
        raise NotCompiled("it keeps columns that were empty (keep_empty_features)")
    before = tuple(column for column, empty in zip(x, is_empty, strict=True) if not empty)
    steps = estimator.imputation_sequence_ if estimator.n_iter_ else ()
    filled = begin
    if len(steps) and all(type(step.estimator).__name__ in LINEAR for step in steps):
        filled = _by_lines(estimator, build, before, steps)
    elif len(steps):
        filled = _by_models(estimator, build, before, begin, steps)
    return filled + _indicated(estimator, build, x)


def _by_lines(estimator: Any, build: Builder, x: Features, steps: Any) -> Features:
    """All steps as one operation."""
    statistics = np.asarray(estimator.initial_imputer_.statistics_, np.float64)
    weights = np.zeros((len(steps), len(x)))
    for row, step in zip(weights, steps, strict=True):
        row[step.neighbor_feat_idx] = step.estimator.coef_
    columns = np.array([step.feat_idx for step in steps], np.int32)
    low, high = _bounds(estimator)
    return build.features(
        build.add(
            FillLinear(
                build.matrix(x),
                fill=statistics[~np.isnan(statistics)],
                columns=columns,
                weights=weights,
                bias=np.array([step.estimator.intercept_ for step in steps], np.float64),
                low=low[columns],
                high=high[columns],
            )
        )
    )


def _by_models(
    estimator: Any, build: Builder, x: Features, begin: Features, steps: Any
) -> Features:
    """Each step as its own model."""
    low, high = _bounds(estimator)
    now = list(begin)
    for step in steps:
        n = int(step.feat_idx)
        others = tuple(now[i] for i in step.neighbor_feat_idx)
        guess = values_of(build.model(step.estimator, others, "guess"))
        guess = build.add(Clip(guess, low[[n]], high[[n]]))
        (now[n],) = build.features(build.add(Fill((build.matrix((x[n],)), guess))))
    return tuple(now)


def _bounds(estimator: Any) -> tuple[Array, Array]:
    bounds = estimator._min_value, estimator._max_value  # noqa: SLF001 - one per column
    low, high = (np.asarray(bound, np.float64) for bound in bounds)
    return low, high


def _refuse_marks(estimator: Any) -> None:
    if label_of(estimator.missing_values) is not None:
        raise NotCompiled(f"{estimator.missing_values!r} is its missing value")


def _indicated(estimator: Any, build: Builder, x: Features) -> Features:
    """The missing indicators, if the imputer adds them."""
    return missing_indicator(estimator.indicator_, build, x) if estimator.add_indicator else ()


TRANSFORMERS: Mapping[str, Callable[[Any, Builder, Features], Features]] = {
    "sklearn.IterativeImputer": iterative_imputer,
    "sklearn.KNNImputer": knn_imputer,
}
