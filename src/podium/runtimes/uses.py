"""How a fitted estimator uses its columns, read from its parts: as categories, or as texts.

Training rows alone can't tell: a sample of them lacks rare categories, and a number may be a code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from podium.runtimes.coded import as_labels, coded_by, group_labels, labels_of
from podium.runtimes.passing import Column, Columns, after, parts_of, sequence_of
from podium.runtimes.steps import steps_of
from podium.signature import Label
from podium.signature.infer import ColumnUse

_ColumnUses: TypeAlias = Iterator[tuple[Column | None, ColumnUse]]
_Levels: TypeAlias = Mapping[str, tuple[Label, ...]]

# Attributes that hold the fitted model inside another one, outermost first.
_INNER = (
    "_preprocessor",
    "best_estimator_",
    "estimator_",
    "regressor_",
    "classifier_",
    "estimator",
)
_SEVERAL = ("calibrated_classifiers_", "estimators_", "transformers_", "clfs_", "regr_")
# The parts of an ensemble are alike: a few show how all of them use their columns.
_ALIKE_MAX = 10


def uses_of(estimator: Any, names: Sequence[str]) -> dict[str, ColumnUse]:
    """How the columns are used, by name, as far as the estimator's parts show.

    Args:
        names: of the columns, in the order of the estimator.
    """
    uses: dict[str, ColumnUse] = {}
    for column, use in _uses(estimator, [Column(name) for name in names]):
        if column is None:
            continue
        labels = [label for label in use.labels if label not in column.made]
        before = uses.get(column.name)
        if before is not None and not before.is_text and not use.is_text:
            labels = [*before.labels, *labels]
        uses[column.name] = ColumnUse(use.is_text, tuple(dict.fromkeys(labels)))
    return uses


def _uses(estimator: Any, columns: Columns) -> _ColumnUses:
    """How an estimator uses these columns."""
    if steps := sequence_of(estimator):
        for step in steps:
            yield from _uses(step, columns)
            columns = after(step, columns)
    elif parts := list(parts_of(estimator, columns)):
        for step, some in parts:
            yield from _uses(step, some)
    elif _is_encoder(estimator, columns):
        yield from zip(columns, map(as_labels, estimator.categories_), strict=True)
    elif _is_vectorizer(estimator):
        yield from ((column, ColumnUse(is_text=True)) for column in columns)
    else:
        yield from coded_by(estimator, columns)
        for inner, some in _inner(estimator, columns):
            yield from _uses(inner, some)


def _is_encoder(estimator: Any, columns: Columns) -> bool:
    categories = getattr(estimator, "categories_", None)
    return isinstance(categories, list) and len(categories) == len(columns)


def _is_vectorizer(estimator: Any) -> bool:
    return callable(getattr(estimator, "build_analyzer", None))


def dropped_by(estimator: Any, names: Sequence[str]) -> set[str]:
    """The columns that a ColumnTransformer at the beginning of a model drops."""
    if steps := steps_of(estimator):
        return dropped_by(steps[0][1], names)
    if hasattr(estimator, "_transformer_to_input_indices"):
        parts = parts_of(estimator, [Column(name) for name in names])
        used = {column.name for _, some in parts for column in some if column is not None}
        return set(names) - used
    for attribute in _INNER:
        inner = getattr(estimator, attribute, None)
        if inner is not None and not isinstance(inner, (str, type)) and inner is not estimator:
            return dropped_by(inner, names)
    return set()


def levels_of(estimator: Any, names: Sequence[str], texts: Collection[str]) -> _Levels:
    """The categories of its training frame that a booster stores, by column, in their order.

    Args:
        names: of the columns, in the order of the estimator.
        texts: the columns that contain strings.
    """
    booster = getattr(estimator, "booster_", estimator)
    pandas_levels = getattr(booster, "pandas_categorical", None)
    if (
        pandas_levels
    ):  # LightGBM doesn't name the columns: they are those of categories, in their order
        at = _declared_categorical(booster.model_to_string(num_iteration=1))
        columns = [name for i, name in enumerate(names) if i in at or name in texts]
        fits = len(columns) == len(pandas_levels)
        return dict(zip(columns, map(labels_of, pandas_levels), strict=True)) if fits else {}
    booster = _booster_of(estimator)
    is_readable = (
        callable(getattr(booster, "get_categories", None)) and find_spec("pyarrow") is not None
    )
    if not is_readable or "c" not in (getattr(booster, "feature_types", None) or ()):
        return {}
    categories = booster.get_categories(export_to_arrow=True).to_arrow()  # XGBoost, from 3.1 on
    pairs = zip(names, categories or (), strict=False)
    return {name: labels_of(some.to_pylist()) for name, (_, some) in pairs if some is not None}


def _booster_of(estimator: Any) -> Any:
    try:
        return estimator.get_booster()
    except AttributeError:  # it is one; or it isn't fitted, which is reported elsewhere
        return estimator


def _declared_categorical(text: str) -> set[int]:
    """The indices of the columns that LightGBM was trained with as categories."""
    match = re.search(r"^\[categorical_feature: ([\d,]+)\]$", text, re.MULTILINE)
    return set() if match is None else {int(place) for place in match[1].split(",")}


def _inner(estimator: Any, columns: Columns) -> Iterator[tuple[Any, Columns]]:
    """The models inside another one, and their columns."""
    found = (getattr(estimator, attribute, None) for attribute in _SEVERAL)
    several = next((one for one in found if one is not None), None)
    if isinstance(several, Mapping):  # one for each class, or for each group of rows
        groups = group_labels(estimator, columns)
        columns = [column for place, column in enumerate(columns) if place not in groups]
        several = list(several.values())
    if isinstance(several, (list, np.ndarray)):
        # Bagging draws columns; behind a step of which nothing is known there are none.
        drawn = getattr(estimator, "estimators_features_", None) if columns else None
        # A list isn't made an array: numpy would take pipelines apart, which have lengths.
        members = several.ravel() if isinstance(several, np.ndarray) else several
        for place, inner in enumerate(members[:_ALIKE_MAX]):
            yield inner, columns if drawn is None else [columns[i] for i in drawn[place]]
        return  # beside them, `estimator_` is the one that they were made from, which isn't fitted
    for attribute in _INNER:
        inner = getattr(estimator, attribute, None)
        if inner is not None and not isinstance(inner, (str, type)) and inner is not estimator:
            yield inner, columns
            return
