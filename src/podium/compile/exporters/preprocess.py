"""Scalers and imputers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Input, NotCompiled
from podium.compile.labels import label_of
from podium.compile.registers import Codes
from podium.program.operations import Clip, Impute, Missing


def standard_scaler(estimator: Any, build: Builder, x: Features) -> Features:
    """Subtracts the mean, and divides by the standard deviation."""
    subtract = estimator.mean_ if estimator.with_mean else None
    divide = estimator.scale_ if estimator.with_std else None
    register = build.matrix(x)
    if build.is_single(register):  # it rounds its constants, as no other scaler does
        subtract, divide = (None if c is None else c.astype(np.float32) for c in (subtract, divide))
    return build.features(build.scale(register, subtract=subtract, divide=divide))


def min_max_scaler(estimator: Any, build: Builder, x: Features) -> Features:
    """Multiplies by the scale and adds the minimum; clipped if `clip` is set."""
    register = build.scale(build.matrix(x), multiply=estimator.scale_, add=estimator.min_)
    if estimator.clip:
        low, high = estimator.feature_range
        register = _clip(build, register, low, high)
    return build.features(register)


def max_abs_scaler(estimator: Any, build: Builder, x: Features) -> Features:
    """Divides by the largest absolute value."""
    register = build.scale(build.matrix(x), divide=estimator.scale_)
    if getattr(estimator, "clip", False):
        register = _clip(build, register, -1.0, 1.0)
    return build.features(register)


def robust_scaler(estimator: Any, build: Builder, x: Features) -> Features:
    """Subtracts the median, and divides by the range between quantiles."""
    subtract = estimator.center_ if estimator.with_centering else None
    divide = estimator.scale_ if estimator.with_scaling else None
    return build.features(build.scale(build.matrix(x), subtract=subtract, divide=divide))


def _clip(build: Builder, register: int, low: float, high: float) -> int:
    width = build.width(register)
    return build.add(Clip(register, np.full(width, float(low)), np.full(width, float(high))))


def simple_imputer(estimator: Any, build: Builder, x: Features) -> Features:
    """Fills missing cells; then the missing indicators, if the imputer adds them."""
    fills = [label_of(value) for value in estimator.statistics_]
    has_empty_columns = estimator.keep_empty_features
    missing = label_of(estimator.missing_values)
    together = _filled_together(build, x, fills, missing)
    together |= {
        place: column for place, column in enumerate(x) if _keeps_none(estimator, build, column)
    }
    filled: list[Column] = [
        together[place] if place in together else _filled(build, column, fill, missing)
        for place, (column, fill) in enumerate(zip(x, fills, strict=True))
        if fill is not None or has_empty_columns or place in together
    ]
    if estimator.add_indicator:
        filled += missing_indicator(estimator.indicator_, build, x)
    return tuple(filled)


def _keeps_none(estimator: Any, build: Builder, column: Column) -> bool:
    """Whether the missing values of a column are None, which an imputer of NaN leaves as they are.

    One that computes with numbers converts them to NaN before.
    """
    is_of_frame = build.signature.frame in ("pandas", "numpy")
    if not isinstance(column, Input) or not is_of_frame or estimator.strategy in ("mean", "median"):
        return False
    field, missing = build.field(column), estimator.missing_values
    is_of_objects = field.dtype in ("object", "bool")
    is_none = is_of_objects and field.type in ("boolean", "category", "text")
    return is_none and isinstance(missing, float) and missing != missing


def _filled_together(
    build: Builder, x: Features, fills: Sequence[Any], missing: Any
) -> dict[int, Column]:
    """The columns of numbers that an operation made, filled by one operation, by their places.

    There may be hundreds of them, as behind a vectorizer.
    """
    places = [
        place
        for place, (column, fill) in enumerate(zip(x, fills, strict=True))
        if isinstance(column, Computed)
        and build.is_number(column)
        and isinstance(fill, float | int)
    ]
    if not places or isinstance(missing, str):
        return {}
    register = build.matrix(tuple(x[place] for place in places))
    fill = np.array([float(fills[place]) for place in places])
    filled = build.features(build.add(Impute(register, fill, missing)))
    return dict(zip(places, filled, strict=True))


def _filled(build: Builder, column: Column, fill: Any, missing: Any) -> Column:
    """The column, with missing cells replaced."""
    if missing is None:
        return build.filled(column, fill)
    if isinstance(fill, str) or isinstance(missing, str):
        raise NotCompiled("it replaces a text other than a missing value")
    register = build.matrix((column,))
    return Computed(build.add(Impute(register, np.array([float(fill)]), missing)), 0)


def missing_indicator(estimator: Any, build: Builder, x: Features) -> Features:
    """1 if a cell of the observed columns is missing."""
    missing = label_of(estimator.missing_values)
    indices = [int(i) for i in estimator.features_]
    if estimator.features == "missing-only" and estimator.error_on_new:
        rest = [column for i, column in enumerate(x) if i not in indices]
        if not all(_is_never_missing(build, column) for column in rest):
            raise NotCompiled("it refuses missing values in columns that had none (error_on_new)")
    return tuple(missing_of(build, x[i], missing) for i in indices)


def missing_of(build: Builder, column: Column, missing: Any) -> Column:
    """1 if a cell of the column is missing, else 0.

    Args:
        missing: which number counts as missing; None for a missing value.
    """
    if missing is None and not isinstance(column, Computed):
        labels = build.field(column).labels if isinstance(column, Input) else ()
        codes = dict.fromkeys(labels, 0.0)
        return Computed(build.codes((column,), [Codes(codes, missing=1.0, unknown=0.0)]), 0)
    if isinstance(missing, str):
        raise NotCompiled("it looks for a text")
    return Computed(build.add(Missing(build.matrix((column,)), missing)), 0)


def _is_never_missing(build: Builder, column: Column) -> bool:
    return isinstance(column, Input) and build.field(column).missing == "refuse"


TRANSFORMERS = {
    "sklearn.MaxAbsScaler": max_abs_scaler,
    "sklearn.MinMaxScaler": min_max_scaler,
    "sklearn.MissingIndicator": missing_indicator,
    "sklearn.RobustScaler": robust_scaler,
    "sklearn.SimpleImputer": simple_imputer,
    "sklearn.StandardScaler": standard_scaler,
}
