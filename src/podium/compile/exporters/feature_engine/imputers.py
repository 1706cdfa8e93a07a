"""feature_engine's imputers."""

from __future__ import annotations

from typing import Any

from podium.compile.builder import Builder
from podium.compile.exporters.feature_engine.columns import named, present, remaining_columns
from podium.compile.exporters.preprocess import missing_of
from podium.compile.features import Features, NotCompiled
from podium.compile.labels import label_of


def imputer(estimator: Any, build: Builder, x: Features) -> Features:
    """One value for each column, in place of missing ones."""
    columns = named(estimator, x)
    for name, value in estimator.imputer_dict_.items():
        fill = label_of(value)
        if fill is not None:  # a column that was empty stays so
            columns[name] = build.filled(columns[name], fill)
    return remaining_columns(columns)


def random_sample(_estimator: Any, _build: Builder, _x: Features) -> Features:
    """Never exact.

    Raises:
        NotCompiled: always.
    """
    raise NotCompiled(
        "it draws from the training rows at random, and differently for each batch of rows; "
        "impute the median or a category"
    )


def missing_indicator(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by 1 for each missing cell of some of them."""
    columns = named(estimator, x)
    return (*x, *(missing_of(build, columns[name], None) for name in estimator.variables_))


def drop_missing(estimator: Any, build: Builder, x: Features) -> Features:
    """A row that it drops can't be predicted.

    Raises:
        NotCompiled: it counts the missing values of a row.
    """
    if estimator.threshold:
        raise NotCompiled(
            "it drops rows with several missing values (threshold); drop them before fitting"
        )
    return remaining_columns(present(build, named(estimator, x), estimator.variables_))


TRANSFORMERS = {
    "feature_engine.AddMissingIndicator": missing_indicator,
    "feature_engine.ArbitraryNumberImputer": imputer,
    "feature_engine.CategoricalImputer": imputer,
    "feature_engine.DropMissingData": drop_missing,
    "feature_engine.EndTailImputer": imputer,
    "feature_engine.MeanMedianImputer": imputer,
    "feature_engine.RandomSampleImputer": random_sample,
}
