"""The columns that a step of a model uses as categories or as texts, by what its library stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from podium.runtimes.formulas import categories_of
from podium.runtimes.passing import Column, Columns, library_of
from podium.signature import Label
from podium.signature.infer import ColumnUse

# The known categories of columns, by their places.
_Codes: TypeAlias = Mapping[int, tuple[Label, ...]]

# skrub's transformers of one column that read its texts.
_READERS = ("TextEncoder", "ToFloat")
# feature_engine's transformers that read texts or times.
_READING = ("datetime", "text")
# scikit-lego's names of all rows in the place of a group.
_ALL_ROWS = "__sklego_global_estimator__"


def coded_by(estimator: Any, columns: Columns) -> Iterator[tuple[Column | None, ColumnUse]]:
    """The columns that a booster, a formula or an encoder uses as categories, or as texts."""
    at = _categories_at(estimator, columns)
    for place, labels in at.items():
        if place < len(columns):
            yield columns[place], ColumnUse(False, labels)
    for place in _texts_at(estimator):
        if place < len(columns):
            yield columns[place], ColumnUse(is_text=True)


def as_labels(categories: Any) -> ColumnUse:
    """The use of a column as these categories."""
    return ColumnUse(False, labels_of(categories))


def labels_of(categories: Any) -> tuple[Label, ...]:
    """The categories as plain values, without missing ones."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in categories]
    return tuple(v for v in plain if isinstance(v, (bool, int, float, str)) and v == v)


def _categories_at(estimator: Any, columns: Columns) -> _Codes:
    if getattr(estimator, "is_categorical_", None) is not None:  # histogram gradient boosting
        return dict.fromkeys(np.flatnonzero(estimator.is_categorical_).tolist(), ())
    if _is_catboost(estimator):
        return dict.fromkeys(estimator.get_cat_feature_indices(), ())
    library = library_of(estimator)
    if library == "sklego":
        return group_labels(estimator, columns)
    if library in _BY_LIBRARY:
        return _BY_LIBRARY[library](estimator)
    levels = categories_of(estimator)
    named = {i: column.name for i, column in enumerate(columns) if column is not None}
    return {i: labels_of(levels[name]) for i, name in named.items() if name in levels}


def _is_catboost(estimator: Any) -> bool:
    """Whether it is a fitted booster of CatBoost."""
    is_booster = callable(getattr(estimator, "get_text_feature_indices", None))
    return is_booster and bool(estimator.is_fitted())


def _texts_at(estimator: Any) -> Iterable[int]:
    if _is_catboost(estimator):
        return list(estimator.get_text_feature_indices())
    library, kind = library_of(estimator), type(estimator)
    if library == "skrub":
        has_format = getattr(estimator, "format_", None) is not None  # it reads times from texts
        return [0] if kind.__name__ in _READERS or has_format else []
    if library == "category_encoders" and kind.__name__ == "MultiHotEncoder":  # lists of items
        return [list(estimator.feature_names_in_).index(name) for name in estimator.cols]
    if library == "feature_engine" and kind.__module__.split(".")[1] in _READING:
        names = list(estimator.feature_names_in_)
        read = (*estimator.variables_, *getattr(estimator, "reference_", ()))
        return [names.index(name) for name in read if name in names]
    return []


def _coded_by_xgboost(estimator: Any) -> _Codes:
    """By the types of its features, wherever these came from."""
    try:
        booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    except AttributeError:  # it isn't fitted, which is reported elsewhere
        return {}
    types = getattr(booster, "feature_types", None) or ()
    return {i: () for i, kind in enumerate(types) if kind == "c"}


def _coded_by_lightgbm(estimator: Any) -> _Codes:
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


def _coded_by_category_encoders(estimator: Any) -> _Codes:
    from podium.compile.exporters.category_encoders import known_categories

    return known_categories(estimator)


def _coded_by_feature_engine(estimator: Any) -> _Codes:
    """By what each encoder learned of its columns."""
    known = getattr(estimator, "encoder_dict_", getattr(estimator, "category_dict_", None))
    names = list(getattr(estimator, "feature_names_in_", ()))
    if known is None:
        return {}
    return {names.index(name): labels_of(labels) for name, labels in known.items()}


def _coded_by_skrub(estimator: Any) -> _Codes:
    return {0: ()} if type(estimator).__name__ == "ToCategorical" else {}


def group_labels(estimator: Any, columns: Columns) -> _Codes:
    """The columns by whose values scikit-lego chooses a model or a number for a row."""
    if isinstance(mapper := getattr(estimator, "mapper", None), Mapping):  # DictMapper
        return dict.fromkeys(range(len(columns)), labels_of(mapper))
    models = getattr(estimator, "estimators_", getattr(estimator, "transformers_", None))
    groups = getattr(estimator, "groups", None)
    if groups is None or not isinstance(models, Mapping):
        return {}
    names = [groups] if isinstance(groups, (str, int)) else list(groups)
    keys = [key if isinstance(key, tuple) else (key,) for key in models]
    if list(getattr(estimator, "groups_", ()))[:1] == [_ALL_ROWS]:
        keys = [key[1:] for key in keys]
    known = [dict.fromkeys(key[i] for key in keys if i < len(key)) for i in range(len(names))]
    places = {name: i for i, column in enumerate(columns) if column for name in (column.name, i)}
    return {
        places[name]: labels_of(labels)
        for name, labels in zip(names, known, strict=True)
        if name in places
    }


_BY_LIBRARY: Mapping[str, Callable[[Any], _Codes]] = {
    "category_encoders": _coded_by_category_encoders,
    "feature_engine": _coded_by_feature_engine,
    "lightgbm": _coded_by_lightgbm,
    "skrub": _coded_by_skrub,
    "xgboost": _coded_by_xgboost,
}
