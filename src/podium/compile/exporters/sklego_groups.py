"""scikit-lego's grouped models: one model for each group of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import index_of, probabilities_of, values_of
from podium.compile.exporters.selection import places_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of, label_of
from podium.compile.registers import Codes
from podium.program.operations import Finite, Join, Largest, Lookup, Matmul, Product
from podium.signature import Label
from podium.table import Array


def grouped(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model of the row's group; that of all rows for a group that training never saw."""
    if estimator.shrinkage is not None:
        raise NotCompiled(
            "it mixes the models of groups within groups (shrinkage); so does HierarchicalRegressor, "
            "which compiles"
        )
    places, rest = _split(estimator, build, x)
    models = {_key(group): one for group, one in estimator.estimators_.items()}
    members = [build.model(one, rest, f"group {group}") for group, one in models.items()]
    if estimator.fallback_ is not None:
        members.append(build.model(estimator.fallback_, rest, "all groups"))
    has_default = estimator.fallback_ is not None
    chosen = _chosen(build, tuple(x[place] for place in places), list(models), has_default)
    if all(one.values is not None for one in members):
        return Fitted(values=_of_chosen(build, [values_of(one) for one in members], chosen))
    return _classes(estimator, build, members, chosen)


def grouped_columns(estimator: Any, build: Builder, x: Features) -> Features:
    """What the transformer of the row's group makes of the other columns."""
    if estimator.groups is None:
        raise NotCompiled("it has no groups; its transformer alone compiles")
    places, rest = _split(estimator, build, x)
    steps = {_key(group): one for group, one in estimator.transformers_.items()}
    made = [build.transform(one, rest, f"group {group}") for group, one in steps.items()]
    if estimator.fallback_:
        made.append(build.transform(estimator.fallback_, rest, "all groups"))
    has_default = len(made) > len(steps)
    chosen = _chosen(build, tuple(x[place] for place in places), list(steps), has_default)
    return build.features(_of_chosen(build, [build.matrix(one) for one in made], chosen))


def _split(estimator: Any, build: Builder, x: Features) -> tuple[list[int], Features]:
    """The places of the columns of groups, and the other columns."""
    groups = estimator.groups
    names = [groups] if isinstance(groups, (str, int)) else list(groups)
    places = places_of(build, x, names)
    rest = tuple(column for place, column in enumerate(x) if place not in places)
    if estimator.check_X:
        rest = build.features(build.add(Finite(build.matrix(rest))))
    return places, rest


def _key(group: Any) -> tuple[Label, ...]:
    labels = [label_of(one) for one in (group if isinstance(group, tuple) else (group,))]
    if any(label is None for label in labels):
        raise NotCompiled("a group has no name")
    return tuple(label for label in labels if label is not None)


def _chosen(
    build: Builder, x: Features, groups: Sequence[tuple[Label, ...]], has_default: bool
) -> int:
    """A one for the model of the row's group, which is the last one for an unknown group."""
    known = _known(groups, len(x))
    at: Mapping[tuple[Label | None, ...], int] = {group: i for i, group in enumerate(groups)}
    combinations = _combinations(known, has_unknown=has_default)
    if not has_default and any(one not in at for one in combinations):
        raise NotCompiled("it refuses combinations of its groups (use_global_model=False)")
    places = [at.get(one, len(groups)) for one in combinations]
    return _looked_up(build, x, known, np.eye(len(groups) + has_default)[places], has_default)


def _known(groups: Iterable[tuple[Label, ...]], n_columns: int) -> list[list[Label]]:
    """The labels of each column of groups."""
    return [list(dict.fromkeys(one[i] for one in groups if i < len(one))) for i in range(n_columns)]


def _combinations(
    known: Sequence[Sequence[Label]], *, has_unknown: bool
) -> list[tuple[Label | None, ...]]:
    """All combinations of labels; None is an unknown one."""
    if np.prod([len(labels) + has_unknown for labels in known]) > 100_000:
        raise NotCompiled("its groups have more than 100,000 combinations")
    return list(product(*([*labels, None] if has_unknown else labels for labels in known)))


def _looked_up(
    build: Builder, x: Features, known: Sequence[Sequence[Label]], table: Array, has_unknown: bool
) -> int:
    """The row of a table for the combination of the labels in these columns."""
    codes = [
        Codes(
            {label: float(code) for code, label in enumerate(labels)},
            None,
            float(len(labels)) if has_unknown else None,
        )
        for labels in known
    ]
    shape = [len(labels) + has_unknown for labels in known]
    register = build.codes(x, codes)
    if len(x) > 1:
        steps = np.array([[float(np.prod(shape[i + 1 :]))] for i in range(len(shape))])
        register = build.add(Matmul(register, steps))
    return build.add(Lookup(register, np.ascontiguousarray(table)))


def _of_chosen(build: Builder, registers: Sequence[int], chosen: int) -> int:
    """The columns of the chosen register: all columns by ones and zeros, added up."""
    width = build.width(registers[0])
    joined = registers[0] if len(registers) == 1 else build.add(Join(tuple(registers)))
    n_registers = len(registers)
    columns = np.arange(n_registers * width, dtype=np.int32)
    owners = np.repeat(np.arange(n_registers, dtype=np.int32), width)
    masked = build.add(Product((joined, chosen), columns, owners))
    return build.add(Matmul(masked, np.tile(np.eye(width), (n_registers, 1))))


def _classes(estimator: Any, build: Builder, members: Sequence[Fitted], chosen: int) -> Fitted:
    if hasattr(estimator, "classes_"):
        classes = classes_of(estimator)
    else:
        classes = tuple(sorted({label for one in members for label in one.classes or ()}))
    tables = [
        np.array([[float(label == other) for other in classes] for label in one.classes or ()])
        for one in members
    ]
    votes = [
        build.add(Lookup(index_of(one), table)) for one, table in zip(members, tables, strict=True)
    ]
    index = build.add(Largest(_of_chosen(build, votes, chosen)))
    shares = None
    # Otherwise the original returns columns in an order that depends on the rows.
    if all(one.classes == classes and one.probabilities is not None for one in members):
        shares = _of_chosen(build, [probabilities_of(one) for one in members], chosen)
    return Fitted(index=index, classes=classes, probabilities=shares)


def hierarchical(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The models of all rows, of a row's group, and of the groups within it, weighted."""
    places, rest = _split(estimator, build, x)
    keys = [_key(group)[1:] for group in estimator.estimators_]  # without the one of all rows
    members = [
        build.model(one, rest, f"group {key}" if key else "all groups")
        for key, one in zip(keys, estimator.estimators_.values(), strict=True)
    ]
    known = _known(keys, len(places))
    has_unknown = estimator.fallback_method == "parent"
    combinations = _combinations(known, has_unknown=has_unknown)
    if not has_unknown and any(one not in keys for one in combinations):
        raise NotCompiled("it refuses combinations of its groups (fallback_method='raise')")
    factors: dict[tuple[Label | None, ...], Any] = dict(
        zip(keys, estimator.shrinkage_factors_.values(), strict=True)
    )
    table = np.array([_weights(one, keys, factors) for one in combinations])
    columns = tuple(x[place] for place in places)
    weights = _looked_up(build, columns, known, table, has_unknown)
    if all(one.values is not None for one in members):
        return Fitted(values=_of_chosen(build, [values_of(one) for one in members], weights))
    classes = classes_of(estimator)
    if classes != tuple(range(len(classes))) or any(one.classes != classes for one in members):
        raise NotCompiled("its models know other classes than 0, 1, ... of all rows")
    shares = _of_chosen(build, [probabilities_of(one) for one in members], weights)
    return Fitted(index=build.add(Largest(shares)), classes=classes, probabilities=shares)


def _weights(
    group: tuple[Label | None, ...],
    keys: Sequence[tuple[Label, ...]],
    factors: Mapping[tuple[Label | None, ...], Any],
) -> Array:
    """How much each model counts for a group: the deepest known one says how much of each level."""
    at = {key: i for i, key in enumerate(keys)}
    weights = np.zeros(len(keys))
    deepest = next(group[:n] for n in range(len(group), -1, -1) if group[:n] in factors)
    for level, factor in enumerate(factors[deepest]):
        weights[at[deepest[:level]]] += factor  # type: ignore[index] # a known one has no None
    return weights


TRANSFORMERS = {"sklego.GroupedTransformer": grouped_columns}
MODELS = {
    f"sklego.{name}": grouped
    for name in ("GroupedClassifier", "GroupedPredictor", "GroupedRegressor")
} | {
    f"sklego.{name}": hierarchical
    for name in ("HierarchicalClassifier", "HierarchicalPredictor", "HierarchicalRegressor")
}
