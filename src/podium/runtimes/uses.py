"""How a fitted estimator uses its columns, read from its parts: as categories, or as texts.

Training rows alone can't tell: a sample of them lacks rare categories, and a number may be a code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from podium.runtimes.formulas import categories_of
from podium.runtimes.steps import steps_of
from podium.signature import Label
from podium.signature.infer import ColumnUse

# Columns by name, on their way through the steps of a model; None is one that a step created.
_Columns: TypeAlias = Sequence[str | None]
_ColumnUses: TypeAlias = Iterator[tuple[str, ColumnUse]]
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
# The parts of an ensemble are alike: a few show how all of them use their columns.
_ALIKE_MAX = 10


def uses_of(estimator: Any, names: Sequence[str]) -> dict[str, ColumnUse]:
    """How the columns are used, by name, as far as the estimator's parts show.

    Args:
        names: of the columns, in the order of the estimator.
    """
    uses: dict[str, ColumnUse] = {}
    for name, use in _uses(estimator, names):
        before = uses.get(name)
        if before is not None and not before.is_text and not use.is_text:
            use = ColumnUse(False, tuple(dict.fromkeys((*before.labels, *use.labels))))
        uses[name] = use
    return uses


def _uses(estimator: Any, columns: _Columns) -> _ColumnUses:
    """How an estimator uses these columns."""
    if steps := steps_of(estimator):
        for _, step in steps:
            yield from _uses(step, columns)
            columns = _after(step, columns)
    elif hasattr(estimator, "_transformer_to_input_indices"):
        for step, some in _parts(estimator, columns):
            yield from _uses(step, some)
    elif isinstance(getattr(estimator, "transformer_list", None), list):
        for _, step in estimator.transformer_list:
            yield from _uses(step, columns)
    elif _is_encoder(estimator, columns):
        yield from _encoded(columns, estimator.categories_)
    elif _is_vectorizer(estimator):
        yield from ((name, ColumnUse(is_text=True)) for name in columns if name is not None)
    else:
        yield from _coded(estimator, columns)
        for inner, some in _inner(estimator, columns):
            yield from _uses(inner, some)


def _after(step: Any, columns: _Columns) -> _Columns:
    """The columns that leave a step, as far as they are unchanged."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return columns
    if hasattr(step, "_transformer_to_input_indices"):
        return [column for one, some in _parts(step, columns) for column in _after(one, some)]
    is_same = hasattr(step, "statistics_") and getattr(step, "add_indicator", True) is False
    if is_same and len(step.statistics_) == len(columns):  # an imputer
        return columns
    return []


def _parts(transformer: Any, columns: _Columns) -> Iterator[tuple[Any, _Columns]]:
    """The steps of a ColumnTransformer that keep something, and their columns."""
    indices = transformer._transformer_to_input_indices  # noqa: SLF001 - resolved columns
    for name, step, _ in transformer.transformers_:
        at = [int(i) for i in indices.get(name, [])]
        if at and max(at) < len(columns) and not (isinstance(step, str) and step == "drop"):
            yield step, [columns[i] for i in at]


def _is_encoder(estimator: Any, columns: _Columns) -> bool:
    categories = getattr(estimator, "categories_", None)
    return isinstance(categories, list) and len(categories) == len(columns)


def _is_vectorizer(estimator: Any) -> bool:
    return callable(getattr(estimator, "build_analyzer", None))


def _encoded(columns: _Columns, categories: Iterable[Any]) -> _ColumnUses:
    for name, labels in zip(columns, categories, strict=True):
        if name is not None:
            yield name, ColumnUse(False, _labels(labels))


def _coded(estimator: Any, columns: _Columns) -> _ColumnUses:
    """The columns that a booster, a formula or another encoder uses as categories, or as texts."""
    at: Mapping[int, tuple[Label, ...]] = {}
    if getattr(estimator, "is_categorical_", None) is not None:  # histogram gradient boosting
        at = dict.fromkeys(np.flatnonzero(estimator.is_categorical_).tolist(), ())
    elif callable(getattr(estimator, "get_cat_feature_indices", None)):  # CatBoost
        at = dict.fromkeys(estimator.get_cat_feature_indices(), ())
    elif _library(estimator) == "category_encoders":
        from podium.compile.exporters.category_encoders import known_categories

        at = known_categories(estimator)
    elif _library(estimator) == "xgboost":
        at = _coded_by_xgboost(estimator)
    elif _library(estimator) == "lightgbm":
        at = _coded_by_lightgbm(estimator)
    elif levels := categories_of(estimator):
        at = {i: _labels(levels[n]) for i, n in enumerate(columns) if n is not None and n in levels}
    for i, labels in at.items():
        name = columns[i] if i < len(columns) else None
        if name is not None:
            yield name, ColumnUse(False, labels)
    texts: list[int] = getattr(estimator, "get_text_feature_indices", list)()  # CatBoost
    named = (columns[i] for i in texts if i < len(columns))
    yield from ((name, ColumnUse(is_text=True)) for name in named if name is not None)


def _library(estimator: Any) -> str:
    return type(estimator).__module__.partition(".")[0]


def _coded_by_xgboost(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """By the types of its features, wherever these came from."""
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    types = getattr(booster, "feature_types", None) or ()
    return {i: () for i, kind in enumerate(types) if kind == "c"}


def _coded_by_lightgbm(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """By its own model text, which has `[-1.5:2.5]` for numbers and `4:0:7` for codes.

    The codes of a frame's categories aren't values of the column.
    """
    booster = getattr(estimator, "booster_", estimator)
    if not hasattr(booster, "model_to_string"):
        return {}
    head = booster.model_to_string(num_iteration=1).partition("\nfeature_infos=")[2]
    infos = head.partition("\n")[0].split(" ")
    is_frame = bool(booster.pandas_categorical)
    return {
        i: () if is_frame else tuple(int(code) for code in info.split(":") if int(code) >= 0)
        for i, info in enumerate(infos)
        if info and info != "none" and not info.startswith("[")
    }


def dropped_by(estimator: Any, names: Sequence[str]) -> set[str]:
    """The columns that a ColumnTransformer at the beginning of a model drops."""
    if steps := steps_of(estimator):
        return dropped_by(steps[0][1], names)
    if hasattr(estimator, "_transformer_to_input_indices"):
        used = {name for _, some in _parts(estimator, names) for name in some}
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
        return dict(zip(columns, map(_labels, pandas_levels), strict=True)) if fits else {}
    booster = _booster_of(estimator)
    is_readable = (
        callable(getattr(booster, "get_categories", None)) and find_spec("pyarrow") is not None
    )
    if not is_readable or "c" not in (getattr(booster, "feature_types", None) or ()):
        return {}
    categories = booster.get_categories(export_to_arrow=True).to_arrow()  # XGBoost, from 3.1 on
    pairs = zip(names, categories or (), strict=False)
    return {name: _labels(some.to_pylist()) for name, (_, some) in pairs if some is not None}


def _booster_of(estimator: Any) -> Any:
    try:
        return estimator.get_booster()
    except AttributeError:  # it is one; or it isn't fitted, which is reported elsewhere
        return estimator


def _declared_categorical(text: str) -> set[int]:
    """The indices of the columns that LightGBM was trained with as categories."""
    match = re.search(r"^\[categorical_feature: ([\d,]+)\]$", text, re.MULTILINE)
    return set() if match is None else {int(place) for place in match[1].split(",")}


def _inner(estimator: Any, columns: _Columns) -> Iterator[tuple[Any, _Columns]]:
    """The models inside another one, and their columns."""
    for attribute in _INNER:
        inner = getattr(estimator, attribute, None)
        if inner is not None and not isinstance(inner, (str, type)) and inner is not estimator:
            yield inner, columns
            return
    several = getattr(estimator, "calibrated_classifiers_", None)
    several = getattr(estimator, "estimators_", None) if several is None else several
    if not isinstance(several, (list, np.ndarray)):
        return
    some = getattr(estimator, "estimators_features_", None)  # bagging draws columns
    for place, inner in enumerate(np.ravel(np.asarray(several, dtype=object))[:_ALIKE_MAX]):
        yield inner, columns if some is None else [columns[i] for i in some[place]]


def _labels(categories: Any) -> tuple[Label, ...]:
    plain = [value.item() if isinstance(value, np.generic) else value for value in categories]
    return tuple(v for v in plain if isinstance(v, (bool, int, float, str)) and v == v)
