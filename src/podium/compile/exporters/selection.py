"""Feature selection; two of these are models, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, Input, NotCompiled
from podium.program.operations import Finite, Select


def selector(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns that it selects; all of them are checked, as in the original."""
    selected = np.flatnonzero(estimator.get_support())
    allows_missing = estimator.__sklearn_tags__().input_tags.allow_nan
    if not all(build.is_number(column) for column in x):
        if not allows_missing and not all(_is_never_missing(build, column) for column in x):
            raise NotCompiled("it refuses missing values, also of columns that hold no numbers")
        return tuple(x[i] for i in selected)
    if all(build.terms_of(column) is not None for column in x):
        return tuple(x[i] for i in selected)  # counts are never missing
    register = build.matrix(x)
    if not allows_missing:
        register = build.add(Finite(register))
    return build.features(build.add(Select(register, selected.astype(np.int32))))


def _is_never_missing(build: Builder, column: Any) -> bool:
    is_input = isinstance(column, Input)
    return not is_input or column.fill is not None or build.field(column).missing == "refuse"


def places_of(build: Builder, x: Features, columns: Sequence[Any]) -> list[int]:
    """The places of columns that are given by their numbers or names.

    Raises:
        NotCompiled: a column has no such name: steps before this one may have renamed it.
    """
    names = [build.field(column).name if isinstance(column, Input) else None for column in x]
    places = []
    for column in columns:
        if isinstance(column, str) and column not in names:
            raise NotCompiled(f"no column reaches it unchanged under the name {column!r}")
        places.append(names.index(column) if isinstance(column, str) else int(column) % len(x))
    return places


def selector_model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model inside, on the remaining columns."""
    return build.model(estimator.estimator_, selector(estimator, build, x), "model")


TRANSFORMERS = {
    f"sklearn.{name}": selector
    for name in (
        "GenericUnivariateSelect",
        "RFE",
        "RFECV",
        "SelectFdr",
        "SelectFpr",
        "SelectFromModel",
        "SelectFwe",
        "SelectKBest",
        "SelectPercentile",
        "SequentialFeatureSelector",
        "VarianceThreshold",
    )
}
MODELS = {"sklearn.RFE": selector_model, "sklearn.RFECV": selector_model}
