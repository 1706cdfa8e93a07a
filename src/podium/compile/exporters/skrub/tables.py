"""skrub's transformers of frames: vectorizers, cleaners, selections, and others on some columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.refused import refused
from podium.compile.exporters.skrub.columns import single
from podium.compile.features import Column, Features, Input, NotCompiled, Relabelled
from podium.program.operations import Elementwise, Link
from podium.table import Array

# The columns of a frame, by name, in order.
_Columns: TypeAlias = dict[str, Column]


def table_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """Steps that each change some columns, by themselves: cleaned, then encoded by their kind."""
    first, *steps = (step for _, step in estimator._pipeline.steps)  # noqa: SLF001 - as in its transform
    names = [str(name) for name in first.feature_names_out_]
    if len(names) != len(x):
        raise NotCompiled(f"it was fitted on {len(names)} columns, and gets {len(x)}")
    columns: _Columns = dict(zip(names, x, strict=True))
    for step in steps:
        columns = _each(step, build, columns)
    return tuple(columns.values())


def apply_to_cols(estimator: Any, build: Builder, x: Features) -> Features:
    """Another transformer, on some of the columns, together or each by itself."""
    step = getattr(estimator, "_wrapped_transformer", estimator)
    columns: _Columns = dict(zip(map(str, step.feature_names_in_), x, strict=True))
    if hasattr(step, "transformers_"):
        return tuple(_each(step, build, columns).values())
    some = list(step.used_inputs_)
    others = x if step.keep_original else _without(columns, some)
    if step.transformer_ is None:
        return others
    inner = step.transformer_
    return others + build.transform(
        inner, tuple(columns[name] for name in some), type(inner).__name__
    )


def _without(columns: Mapping[str, Column], names: Sequence[str]) -> Features:
    return tuple(column for name, column in columns.items() if name not in set(names))


def _each(step: Any, build: Builder, columns: _Columns) -> _Columns:
    """The columns, some of them replaced by what a transformer makes of each."""
    floats = [name for name in columns if type(step.transformers_.get(name)).__name__ == "ToFloat"]
    # All at once: there may be hundreds, and each alone would be an operation.
    rounded = dict(zip(floats, single(build, [columns[name] for name in floats]), strict=True))
    new: _Columns = {}
    for name, column in columns.items():
        transformer = step.transformers_.get(name)
        if transformer is None:
            new[name] = column
            continue
        if step.keep_original:
            new[name] = column
        made = (
            (rounded[name],) if name in rounded else build.transform(transformer, (column,), name)
        )
        new.update(zip(step.input_to_outputs_[name], made, strict=True))
    return new


def select_cols(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns with these names."""
    kept = estimator.columns_ if hasattr(estimator, "columns_") else estimator.kept_cols_
    columns = {_name(build, column): column for column in x}
    if not set(kept) <= set(columns):
        raise NotCompiled("it selects columns that an earlier step made; select them before it")
    return tuple(columns[name] for name in kept)


def _name(build: Builder, column: Column) -> str | None:
    """The name of a column of the table."""
    while isinstance(column, Relabelled):
        column = column.base
    return build.field(column).name if isinstance(column, Input) else None


def squashing_scaler(estimator: Any, build: Builder, x: Features) -> Features:
    """Scaled by the middle half of the values, and softly limited."""
    register = build.matrix(x)
    if build.width(register) != len(estimator.zero_cols_):
        raise NotCompiled("it was fitted on another number of columns")
    subtract, divide, multiply = _scales(estimator)
    scaled = build.scale(register, subtract=subtract, divide=divide, multiply=multiply)
    most = float(estimator.max_absolute_value)
    limit, one, none = np.array([[most]]), np.array([[1.0]]), np.empty((0, 1))
    share = build.add(Elementwise((scaled,), "divide", (0, -1), limit))
    square = build.add(Link(share, "square"))
    root = build.add(Link(build.add(Elementwise((square,), "add", (-1, 0), one)), "sqrt"))
    return build.features(build.add(Elementwise((scaled, root), "divide", (0, 1), none)))


def _scales(estimator: Any) -> tuple[Array, Array, Array]:
    """What is subtracted from each column, by what it is divided, and then multiplied."""
    width = len(estimator.zero_cols_)
    subtract, divide, multiply = np.zeros(width), np.ones(width), np.ones(width)
    robust, by_range = estimator.robust_scaler_, estimator.minmax_scaler_
    if robust is not None:
        subtract[estimator.robust_cols_] = robust.center_
        divide[estimator.robust_cols_] = robust.scale_
    if by_range is not None:
        subtract[estimator.minmax_cols_] = by_range.median_
        multiply[estimator.minmax_cols_] = by_range.scale_
    multiply[estimator.zero_cols_] = 0.0
    return subtract, divide, multiply


def drop_similar(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns that no other one resembled in training."""
    return select_cols(estimator._dropper, build, x)  # noqa: SLF001 - as in its transform


_JOINED = refused("it joins another table to the rows; join it before, and pack the rest")
_GROUPED = refused("it computes from the other rows of the call; compute its columns before")

TRANSFORMERS = {
    "skrub.AggJoiner": _JOINED,
    "skrub.AggTarget": _JOINED,
    "skrub.ApplyToCols": apply_to_cols,
    "skrub.ApplyToEachCol": apply_to_cols,
    "skrub.ApplyToSubFrame": apply_to_cols,
    "skrub.Cleaner": table_vectorizer,
    "skrub.DropCols": select_cols,
    "skrub.DropSimilar": drop_similar,
    "skrub.InterpolationJoiner": _JOINED,
    "skrub.Joiner": _JOINED,
    "skrub.MultiAggJoiner": _JOINED,
    "skrub.SelectCols": select_cols,
    "skrub.SessionEncoder": _GROUPED,
    "skrub.SquashingScaler": squashing_scaler,
    "skrub.TableVectorizer": table_vectorizer,
}
