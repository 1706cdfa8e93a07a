"""Encoders of categories: one-hot, ordinal, and by the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Input, NotCompiled
from podium.compile.labels import label_of
from podium.compile.registers import Codes
from podium.program.operations import Impute, Join, Select

NO_CODE = -1.0


def one_hot_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """One column for each category that isn't dropped."""
    codes, widths = [], []
    for index, categories in enumerate(estimator.categories_):
        positions, width = _positions(estimator, index, len(categories))
        codes.append(_codes(categories, positions, _of_unknown(estimator, index, positions)))
        widths.append(width)
    return build.features(build.one_hot(x, codes, widths))


def _positions(estimator: Any, index: int, n_categories: int) -> tuple[list[float], int]:
    """The column of each category, and the number of columns."""
    grouping = _grouping(estimator, index)
    groups = np.arange(n_categories) if grouping is None else np.asarray(grouping)
    width = int(groups.max()) + 1 if len(groups) else 0
    dropped = getattr(estimator, "_drop_idx_after_grouping", None)
    drop = None if dropped is None else dropped[index]
    if drop is None:
        return [float(g) for g in groups], width
    return [NO_CODE if g == drop else float(g - (g > drop)) for g in groups], width - 1


def _grouping(estimator: Any, index: int) -> Any:
    """The group of each category if rare ones share one, else None."""
    if not getattr(estimator, "_infrequent_enabled", False):
        return None
    return estimator._default_to_infrequent_mappings[index]  # noqa: SLF001 - the only place


def _of_unknown(estimator: Any, index: int, positions: Sequence[float]) -> float | None:
    """The code of a category that is unknown in training; None refuses it."""
    how = estimator.handle_unknown
    if how == "error":
        return None
    grouping = _grouping(estimator, index)
    if how in ("infrequent_if_exist", "warn") and grouping is not None:
        rare = int(np.flatnonzero(np.asarray(grouping) == np.max(grouping))[0])
        return positions[rare]
    return NO_CODE


def ordinal_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """One number for each category."""
    codes = []
    for index, categories in enumerate(estimator.categories_):
        numbers = [float(i) for i in range(len(categories))]
        grouping = _grouping(estimator, index)
        if grouping is not None:
            # A missing category comes after the others, and is in no group.
            numbers[: len(grouping)] = [float(g) for g in grouping]
        for i, category in enumerate(categories):
            if label_of(category) is None and category is not None:  # None is one like the others
                numbers[i] = float(estimator.encoded_missing_value)
        unknown = None
        if estimator.handle_unknown == "use_encoded_value":
            unknown = float(estimator.unknown_value)
        codes.append(_codes(categories, numbers, unknown))
    if np.dtype(estimator.dtype).kind != "f":
        whole = all(number.is_integer() for one in codes for number in one.of.values())
        if not whole:
            raise NotCompiled(f"its numbers become {np.dtype(estimator.dtype)}")
    return build.features(build.codes(x, codes))


def target_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """The mean of the target by category, with one column for each class if there are several."""
    means = np.atleast_1d(estimator.target_mean_).tolist()
    n_each = len(means)
    codes = [
        _codes(estimator.categories_[i // n_each], np.asarray(numbers).tolist(), means[i % n_each])
        for i, numbers in enumerate(estimator.encodings_)
    ]
    return build.features(build.codes(tuple(column for column in x for _ in range(n_each)), codes))


def dict_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """One column for each name of a number, and for each pair of a name and a label."""
    if np.dtype(estimator.dtype) != np.float64:
        raise NotCompiled(f"its numbers are of type {np.dtype(estimator.dtype)}")
    vocabulary, parts, places = estimator.vocabulary_, [], []
    for column in x:
        name = build.field(column).name if isinstance(column, Input) else ""
        if not name or not isinstance(column, Input):
            raise NotCompiled("it doesn't take rows as dicts, as they come")
        begin = name + estimator.separator
        labels = {
            key[len(begin) :]: place for key, place in vocabulary.items() if key.startswith(begin)
        }
        if build.is_number(column):
            if name in vocabulary:
                parts.append(build.add(Impute(build.matrix((column,)), np.zeros(1))))
                places.append(vocabulary[name])
        elif labels:
            of = {label: float(number) for number, label in enumerate(labels)}
            codes = [Codes(of, NO_CODE, NO_CODE)]
            parts.append(build.one_hot((column,), codes, [len(labels)]))
            places += labels.values()
    if sorted(places) != list(range(len(vocabulary))):
        raise NotCompiled("it takes values that are neither texts nor numbers")
    joined = build.add(Join(tuple(parts)))
    order = np.argsort(places).astype(np.int32)
    return build.features(build.add(Select(joined, order)))


def feature_hasher(_estimator: Any, _build: Builder, _x: Features) -> Features:
    """Never: the columns of labels that training didn't see aren't known."""
    raise NotCompiled(
        "FeatureHasher hashes labels that training didn't see; DictVectorizer compiles"
    )


def _codes(categories: Any, numbers: Sequence[float], unknown: float | None) -> Codes:
    """Numbers by category; a missing cell is unknown unless it is one of them."""
    of, missing = {}, unknown
    for category, number in zip(categories, numbers, strict=True):
        label = label_of(category)
        if label is None:
            missing = number
        else:
            of[label] = number
    return Codes(of, missing, unknown)


TRANSFORMERS = {
    "sklearn.DictVectorizer": dict_vectorizer,
    "sklearn.FeatureHasher": feature_hasher,
    "sklearn.OneHotEncoder": one_hot_encoder,
    "sklearn.OrdinalEncoder": ordinal_encoder,
    "sklearn.TargetEncoder": target_encoder,
}
