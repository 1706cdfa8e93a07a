"""scikit-lego's grouped models: one model for each group of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def grouped(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model of the row's group; that of all rows for a group that training never saw."""
    if estimator.shrinkage is not None:
        raise NotCompiled("it mixes the models of groups within groups (shrinkage)")
    groups = estimator.groups
    names = [groups] if isinstance(groups, (str, int)) else list(groups)
    places = places_of(build, x, names)
    rest = tuple(column for place, column in enumerate(x) if place not in places)
    if estimator.check_X:
        rest = build.features(build.add(Finite(build.matrix(rest))))
    models = {_key(group): one for group, one in estimator.estimators_.items()}
    members = [build.model(one, rest, f"group {group}") for group, one in models.items()]
    if estimator.fallback_ is not None:
        members.append(build.model(estimator.fallback_, rest, "all groups"))
    has_default = estimator.fallback_ is not None
    chosen = _chosen(build, tuple(x[place] for place in places), list(models), has_default)
    if all(one.values is not None for one in members):
        return Fitted(values=_of_chosen(build, [values_of(one) for one in members], chosen))
    return _classes(estimator, build, members, chosen)


def _key(group: Any) -> tuple[Label, ...]:
    labels = [label_of(one) for one in (group if isinstance(group, tuple) else (group,))]
    if any(label is None for label in labels):
        raise NotCompiled("a group has no name")
    return tuple(label for label in labels if label is not None)


def _chosen(
    build: Builder, x: Features, groups: Sequence[tuple[Label, ...]], has_default: bool
) -> int:
    """A one for the model of the row's group, which is the last one for an unknown group."""
    known: list[list[Label]] = [
        list(dict.fromkeys(group[i] for group in groups)) for i in range(len(x))
    ]
    shape = tuple(len(labels) + has_default for labels in known)
    if np.prod(shape) > 100_000:
        raise NotCompiled("its groups have more than 100,000 combinations")
    at: Mapping[tuple[Label, ...], int] = {group: i for i, group in enumerate(groups)}
    combinations = [tuple(one) for one in product(*known)]
    if not has_default and any(one not in at for one in combinations):
        raise NotCompiled("it refuses combinations of its groups (use_global_model=False)")
    codes = [
        Codes(
            {label: float(code) for code, label in enumerate(labels)},
            None,
            float(len(labels)) if has_default else None,
        )
        for labels in known
    ]
    table = np.zeros((*shape, len(groups) + has_default))
    if has_default:
        table[..., -1] = 1.0
    for place, one in zip(product(*map(range, map(len, known))), combinations, strict=True):
        if one in at:
            table[place] = np.arange(table.shape[-1]) == at[one]
    register = build.codes(x, codes)
    if len(x) > 1:
        steps = np.array([[float(np.prod(shape[i + 1 :]))] for i in range(len(shape))])
        register = build.add(Matmul(register, steps))
    return build.add(Lookup(register, table.reshape(-1, table.shape[-1])))


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


MODELS = {
    f"sklego.{name}": grouped
    for name in ("GroupedClassifier", "GroupedPredictor", "GroupedRegressor")
}
