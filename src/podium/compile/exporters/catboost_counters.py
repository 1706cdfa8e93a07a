"""CatBoost's counters: what training counted for each category, and for categories together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Input, NotCompiled
from podium.compile.labels import values_of
from podium.compile.registers import Codes
from podium.program.operations import CategoryHash, Elementwise, HashedLookup
from podium.program.operations.reading.hashes import hash_of, keys_of
from podium.signature import Label

_Json = Mapping[str, Any]
_Singles = NDArray[np.float32]
# The key of an empty place in the library's hash maps.
_EMPTY = 2**64 - 1
_MEANS = ("BinarizedTargetMeanValue", "FloatTargetMeanValue")
_TOTALS = ("Counter", "FeatureFreq")


class _Values(NamedTuple):
    """A counter's values.

    Attributes:
        keys: combined hashes.
        values: one for each of them.
        other: for any other hash.
    """

    keys: NDArray[np.uint64]
    values: _Singles
    other: np.float32


class _Part(NamedTuple):
    """What a projection combines with others.

    Attributes:
        kind: 0 for a category, 1 for whether a number is above one, 2 for whether a category is a
            certain one.
        feature: its number among the features of its kind.
        number: the border, or the hash.
    """

    kind: int
    feature: int
    number: float = 0.0


def hashes_of(build: Builder, x: Features, places: Mapping[int, int]) -> dict[int, Computed]:
    """The hash of each categorical feature, by its number.

    Args:
        places: of the features among the columns.

    Raises:
        NotCompiled: a category is neither a label nor a whole number.
    """
    read = {f: column for f, at in places.items() if isinstance(column := x[at], Input)}
    hashes = {f: _of_labels(build, x[at]) for f, at in places.items() if f not in read}
    for column in read.values():
        field = build.field(column)
        if field.type not in ("category", "boolean", "integer"):
            raise NotCompiled(f"it takes {field.name!r} as a category, but that is {field.type}")
    if read:
        columns = tuple(column.column for column in read.values())
        register = build.add(CategoryHash(columns, tuple(c.fill for c in read.values())))
        hashes |= {feature: Computed(register, at) for at, feature in enumerate(read)}
    return hashes


def _of_labels(build: Builder, column: Column) -> Computed:
    """The hash of a column that an earlier step computes; it has few values, which are known."""
    labels = values_of(build, column)
    if labels is None:
        raise NotCompiled("its categories are computed by a step of which any number may come")
    codes = Codes({label: hash_of(_whole(label)) for label in labels})
    return Computed(build.codes((column,), [codes]), 0)


def _whole(label: Label) -> Label:
    return int(label) if isinstance(label, float) and label.is_integer() else label


def counters_of(
    build: Builder, model: _Json, hashes: Mapping[int, Computed], numbers: Mapping[int, Computed]
) -> Features:
    """A column for each counter of a model, in its order.

    Args:
        hashes: of the categorical features.
        numbers: the numeric features in single precision, a missing one as it is compared.

    Raises:
        NotCompiled: it counts in a way that isn't known.
    """
    counters = model["features_info"]["ctrs"]
    groups: dict[str, list[int]] = {}
    for number, counter in enumerate(counters):
        groups.setdefault(json.dumps(counter["elements"]), []).append(number)
    projections = [counters[some[0]]["elements"] for some in groups.values()]
    x, parts = _parts(build, projections, hashes, numbers)
    tables = [
        _table(number, [_values_of(counters[n], model["ctr_data"]) for n in some])
        for number, some in enumerate(groups.values())
    ]
    register = build.add(_lookup(x, parts, tables))
    order = [number for some in groups.values() for number in some]
    return tuple(Computed(register, order.index(number)) for number in range(len(counters)))


def _parts(
    build: Builder,
    projections: Sequence[Sequence[_Json]],
    hashes: Mapping[int, Computed],
    numbers: Mapping[int, Computed],
) -> tuple[int, list[list[int]]]:
    """A matrix of what is combined, and the columns that each projection combines, in its order.

    Categories come first, then numbers above a border, then categories that equal a certain one.
    """
    parts: dict[_Part, int] = {}
    for elements in projections:
        for part in map(_part, elements):
            parts.setdefault(part, len(parts))
    columns: dict[_Part, Computed] = {p: hashes[p.feature] for p in parts if p.kind == 0}
    for kind, read, function in ((1, numbers, "greater"), (2, hashes, "equal")):
        some = [part for part in parts if part.kind == kind]
        if some:
            x = build.matrix(tuple(read[part.feature] for part in some))
            compared = np.array([[part.number for part in some]])
            register = build.add(Elementwise((x,), function, (0, -1), compared))  # type: ignore[arg-type]
            columns |= {part: Computed(register, at) for at, part in enumerate(some)}
    ordered = [sorted(map(_part, elements), key=lambda p: p.kind) for elements in projections]
    return build.matrix(tuple(columns[part] for part in parts)), [
        [parts[part] for part in some] for some in ordered
    ]


def _part(element: _Json) -> _Part:
    kind = element["combination_element"]
    if kind == "cat_feature_value":
        return _Part(0, int(element["cat_feature_index"]))
    if kind == "float_feature":
        border = float(np.float32(element["border"]))
        return _Part(1, int(element["float_feature_index"]), border)
    if kind == "cat_feature_exact_value":
        return _Part(2, int(element["cat_feature_index"]), float(element["value"]))
    raise NotCompiled(f"it counts by {kind}")


def _values_of(counter: _Json, data: Mapping[str, _Json]) -> _Values:
    """A counter's value of each key, rounded as the library does."""
    table, kind = data[counter["identifier"]], counter["ctr_type"]
    stride = int(table["hash_stride"])
    cells = table["hash_map"]
    keys = np.array([int(key) for key in cells[::stride]], np.uint64)
    counts = np.array([cells[n::stride] for n in range(1, stride)], np.float64)
    is_key = keys != np.uint64(_EMPTY)
    keys, counts = keys[is_key], counts[:, is_key]
    border = int(counter["target_border_idx"])
    none = np.zeros(1)
    if kind in _MEANS:
        good, total = counts
    elif kind in _TOTALS:
        none = np.array([float(table["counter_denominator"])])
        good, total = counts[0], np.repeat(none, len(keys))
    elif kind == "Buckets":
        good, total = counts[border], counts.sum(axis=0)
    elif kind == "Borders":
        good, total = counts[border + 1 :].sum(axis=0), counts.sum(axis=0)
    else:
        raise NotCompiled(f"it counts {kind}")
    (other,) = _mean(counter, np.zeros(1), none)
    return _Values(keys, _mean(counter, good, total), other)


def _mean(counter: _Json, good: NDArray[Any], total: NDArray[Any]) -> _Singles:
    single = np.float32
    share = (good.astype(single) + single(counter["prior_numerator"])) / (
        total.astype(single) + single(counter["prior_denomerator"])  # as the library spells it
    )
    mean: _Singles = (share + single(counter["shift"])) * single(counter["scale"])
    return mean


def _table(number: int, counters: Sequence[_Values]) -> tuple[NDArray[np.uint64], _Singles]:
    """The keys of one projection, and their rows of values; first that of an unknown key."""
    columns = [one._replace(keys=keys_of(one.keys, [number])) for one in counters]
    keys = np.unique(np.concatenate([column.keys for column in columns]))
    values = np.empty((len(keys) + 1, len(columns)), np.float32)
    for place, column in enumerate(columns):
        values[:, place] = column.other
        values[1 + np.searchsorted(keys, column.keys), place] = column.values
    return keys, values


def _lookup(
    x: int, parts: Sequence[Sequence[int]], tables: Sequence[tuple[NDArray[np.uint64], _Singles]]
) -> HashedLookup:
    of = np.repeat(np.arange(len(tables)), [len(keys) for keys, _ in tables])
    keys = np.concatenate([keys for keys, _ in tables])
    order = np.argsort(keys, kind="stable")
    return HashedLookup(
        x,
        parts=np.concatenate(parts).astype(np.int32),
        part_starts=np.cumsum([0, *map(len, parts)]).astype(np.int32),
        keys=keys[order].view(np.int64),
        tables=of[order].astype(np.int32),
        values=np.concatenate([values.ravel() for _, values in tables]),
        widths=np.array([values.shape[1] for _, values in tables], np.int32),
    )
