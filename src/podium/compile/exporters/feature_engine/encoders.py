"""feature_engine's encoders of categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.feature_engine.columns import (
    named,
    present,
    remaining_columns,
    with_numbers,
)
from podium.compile.features import Column, Features, Input, NotCompiled, Relabelled
from podium.compile.labels import label_of
from podium.compile.registers import Codes
from podium.program.operations import FillText, Similarity
from podium.signature import Label

NO_CODE = -1.0


def mapped(estimator: Any, build: Builder, x: Features) -> Features:
    """A number for each category."""
    columns, variables = named(estimator, x), list(estimator.encoder_dict_)
    codes = [_codes(estimator, estimator.encoder_dict_[name]) for name in variables]
    register = build.codes(tuple(columns[name] for name in variables), codes)
    return remaining_columns(with_numbers(build, columns, variables, register))


def _codes(estimator: Any, numbers: Mapping[Any, float]) -> Codes:
    """Numbers by category; what isn't among them, or has none, is as `unseen` says."""
    unseen: float | None = np.nan
    if estimator.unseen != "ignore":
        unseen = float(estimator._unseen) if estimator.unseen == "encode" else None  # noqa: SLF001 - its only place
    of = {}
    for category, number in numbers.items():
        label = label_of(category)
        if label is not None and number == number:
            of[label] = float(number)
    refuses_missing = getattr(estimator, "missing_values", "raise") == "raise"
    return Codes(of, None if refuses_missing else unseen, unseen)


def one_hot(estimator: Any, build: Builder, x: Features) -> Features:
    """The other columns, then one for each category."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    known = [_labels(estimator.encoder_dict_[name]) for name in variables]
    codes = [Codes({v: float(i) for i, v in enumerate(one)}, None, NO_CODE) for one in known]
    some = tuple(columns[name] for name in variables)
    register = build.one_hot(some, codes, [len(one) for one in known])
    return (*remaining_columns(columns, variables), *build.features(register))


def rare_labels(estimator: Any, _build: Builder, x: Features) -> Features:
    """Labels that are rare, or unknown, become one label."""
    columns = named(estimator, x)
    rare = label_of(estimator.replace_with)
    for name, categories in estimator.encoder_dict_.items():
        columns[name] = Relabelled(
            base=columns[name],
            labels=tuple((label, label) for label in _labels(categories)),
            unknown=rare,
            refuses_missing=estimator.missing_values == "raise",
        )
    return remaining_columns(columns)


def match_categories(estimator: Any, _build: Builder, x: Features) -> Features:
    """Labels that are unknown become missing."""
    columns = named(estimator, x)
    refuses = estimator.missing_values == "raise"
    for name, categories in estimator.category_dict_.items():
        columns[name] = Relabelled(
            base=columns[name],
            labels=tuple((label, label) for label in _labels(categories)),
            refuses_missing=refuses,
            refuses_unknown=refuses,
        )
    return remaining_columns(columns)


def _labels(categories: Any) -> list[Label]:
    """The categories as plain values, without a missing one."""
    labels = [label_of(category) for category in categories]
    return [label for label in labels if label is not None]


def similarity(estimator: Any, build: Builder, x: Features) -> Features:
    """The other columns, then how similar each text is to each known one."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    if estimator.missing_values == "raise":
        columns = present(build, columns, variables)
    made: list[Features] = []
    for name in variables:
        column = columns[name]
        if any(not isinstance(label, str) for label in _values(build, column)):
            raise NotCompiled("it writes numbers as texts; convert the column before fitting")
        texts = build.texts(column)
        if estimator.missing_values == "impute":
            texts = build.add(FillText(texts, ""))
        known = tuple(map(str, estimator.encoder_dict_[name]))
        made.append(build.features(build.add(Similarity(texts, known))))
    return (*remaining_columns(columns, variables), *(one for some in made for one in some))


def _values(build: Builder, column: Column) -> tuple[Label, ...]:
    while isinstance(column, Relabelled):
        column = column.base
    return tuple(build.field(column).labels) if isinstance(column, Input) else ()


TRANSFORMERS = {
    "feature_engine.CountFrequencyEncoder": mapped,
    "feature_engine.DecisionTreeEncoder": mapped,
    "feature_engine.MatchCategories": match_categories,
    "feature_engine.MeanEncoder": mapped,
    "feature_engine.OneHotEncoder": one_hot,
    "feature_engine.OrdinalEncoder": mapped,
    "feature_engine.RareLabelEncoder": rare_labels,
    "feature_engine.StringSimilarityEncoder": similarity,
    "feature_engine.WoEEncoder": mapped,
}
