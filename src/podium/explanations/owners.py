"""Which field each column of a program's registers depends on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.program.operations import (
    AnyOperation,
    Bin,
    Blank,
    CategoryHash,
    Clip,
    Digest,
    Encode,
    Finite,
    HashedLookup,
    Impute,
    Indicate,
    Interpolate,
    Join,
    Link,
    Match,
    Matmul,
    Missing,
    Numbers,
    OneHot,
    Pair,
    Power,
    Product,
    Quantile,
    Scale,
    Select,
    Single,
    SingleSum,
    Spline,
    Terms,
    TermSum,
)
from podium.program.plan import Plan
from podium.program.prepare import sources

# Beside the positions of fields: the column is constant, or depends on several.
NONE, SEVERAL = -1, -2
Owners = NDArray[np.intp]

# Links that are functions of a whole row.
_OF_ROWS = ("softmax", "share", "sort")


def owners_of(plan: Plan) -> list[Owners]:
    """The owner of each column of each register: the position of a field, `NONE` or `SEVERAL`."""
    shapes = plan.check()
    owners: list[Owners] = []
    for register, operation in enumerate(plan.operations):
        found = _owners(operation, owners)
        if found is None:
            read = [owners[source] for source in sources(operation)]
            read.append(np.array(operation.columns_read, np.intp))
            found = np.full(shapes.any(register).width, _common(np.concatenate(read)))
        owners.append(found)
    return owners


def _owners(operation: AnyOperation, owners: list[Owners]) -> Owners | None:
    """Of an operation; None if every column may depend on every column that it reads."""
    match operation:
        case CategoryHash() | Numbers():
            return np.array(operation.columns, np.intp)
        case Encode():
            return np.array([coding.column for coding in operation.codings], np.intp)
        case OneHot():
            return _of_one_hot(operation)
        case Digest():
            return np.full(operation.width, operation.column, np.intp)
        case Terms() if operation.x is None:  # and their sums
            width = operation.sums.shape[1] if isinstance(operation, TermSum) else operation.width
            return np.full(width, operation.column, np.intp)
    return _of_columns(operation, owners)


def _of_columns(operation: AnyOperation, owners: list[Owners]) -> Owners | None:
    """Of an operation that reads registers."""
    match operation:
        case Link() if operation.function in _OF_ROWS:
            return None
        case Link() | Bin() | Blank() | Clip() | Finite() | Impute() | Interpolate() | Match():
            return owners[operation.x]
        case Missing() | Power() | Quantile() | Scale() | Single():
            return owners[operation.x]
        case Spline():
            return np.repeat(owners[operation.x], operation.n_splines)
        case Pair():
            return np.repeat(owners[operation.x], 2)
        case Select():
            return owners[operation.x][operation.columns]
        case Join():
            return np.concatenate([owners[x] for x in operation.xs])
    return _of_pairs(operation, owners)


def _of_pairs(operation: AnyOperation, owners: list[Owners]) -> Owners | None:
    match operation:
        case Product():
            first, second = (owners[x] for x in operation.xs)
            return _merged(first[operation.left], second[operation.right])
        case Indicate():
            return _of_indicators(operation, owners[operation.x])
        case HashedLookup():
            parts = np.split(owners[operation.x][operation.parts], operation.part_starts[1:-1])
            return np.repeat([_common(part) for part in parts], operation.widths).astype(np.intp)
        case Matmul() | SingleSum():
            columns = (operation.weights != 0).T
            return np.array([_common(owners[operation.x][used]) for used in columns], np.intp)
    return None


def _of_one_hot(operation: OneHot) -> Owners:
    owners = np.full(operation.width, NONE, np.intp)
    for coding in operation.codings:
        codes = coding.codes[coding.codes >= 0].astype(np.intp)
        owners[codes] = _merged(owners[codes], np.full(len(codes), coding.column))
    return owners


def _of_indicators(operation: Indicate, codes: Owners) -> Owners:
    """Each column's codes take the places from its start to the next one."""
    owners = np.full(operation.width, NONE, np.intp)
    for at in np.argsort(operation.starts, kind="stable"):
        owners[operation.starts[at] :] = codes[at]
    return owners


def _merged(one: Any, other: Any) -> Owners:
    same = np.where(one == other, one, SEVERAL)
    return np.where(one == NONE, other, np.where(other == NONE, one, same)).astype(np.intp)


def _common(owners: Owners) -> int:
    """The owner of a number that is made of all of these."""
    known = np.unique(owners[owners != NONE])
    return NONE if not len(known) else int(known[0]) if len(known) == 1 else SEVERAL
