"""feature_engine's selectors, which drop columns, and its wrapper of scikit-learn's transformers."""

from __future__ import annotations

from typing import Any

from podium.compile.builder import Builder
from podium.compile.exporters.feature_engine.columns import named, present, remaining_columns
from podium.compile.features import Features

# As the wrapper lists them: they create columns, or select some.
CREATORS = ("OneHotEncoder", "PolynomialFeatures")


def selector(estimator: Any, _build: Builder, x: Features) -> Features:
    """The columns that it doesn't drop."""
    return remaining_columns(named(estimator, x), estimator.features_to_drop_)


def match_variables(estimator: Any, build: Builder, x: Features) -> Features:
    """The same columns, where all of them are there."""
    columns = named(estimator, x)
    if estimator.missing_values == "raise":
        columns = present(build, columns, list(columns))
    return remaining_columns(columns)


def wrapper(estimator: Any, build: Builder, x: Features) -> Features:
    """Another transformer, on some of the columns."""
    if hasattr(estimator, "features_to_drop_"):
        return selector(estimator, build, x)
    columns, variables = named(estimator, x), list(estimator.variables_)
    some = tuple(columns[name] for name in variables)
    inner = estimator.transformer_
    new = build.transform(inner, some, type(inner).__name__)
    if type(inner).__name__ in CREATORS:
        return (*remaining_columns(columns, variables), *new)
    return remaining_columns({**columns, **dict(zip(variables, new, strict=True))})


TRANSFORMERS = {
    "feature_engine.MatchVariables": match_variables,
    "feature_engine.SklearnTransformerWrapper": wrapper,
} | {
    f"feature_engine.{name}": selector
    for name in (
        "DropConstantFeatures",
        "DropCorrelatedFeatures",
        "DropDuplicateFeatures",
        "DropFeatures",
        "DropHighPSIFeatures",
        "MRMR",
        "ProbeFeatureSelection",
        "RecursiveFeatureAddition",
        "RecursiveFeatureElimination",
        "SelectByInformationValue",
        "SelectByShuffling",
        "SelectBySingleFeaturePerformance",
        "SelectByTargetMeanPerformance",
        "SmartCorrelatedSelection",
    )
}
