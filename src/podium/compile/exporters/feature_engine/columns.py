"""What feature_engine's transformers share: columns by name, and the refusal of missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Input, NotCompiled, Relabelled
from podium.program.operations import Finite

# The columns of a frame, by name, in order.
Columns: TypeAlias = dict[Any, Column]


def named(estimator: Any, x: Features) -> Columns:
    """The columns as the estimator names them.

    Raises:
        NotCompiled: it was fitted with others.
    """
    names = list(estimator.feature_names_in_)
    if len(names) != len(x):
        raise NotCompiled(f"it was fitted on {len(names)} columns, and gets {len(x)}")
    return dict(zip(names, x, strict=True))


def numbers(
    build: Builder, columns: Columns, variables: Sequence[Any], *, refuses_missing: bool
) -> int:
    """The register that holds some of the columns, in this order.

    Args:
        refuses_missing: whether a missing or an infinite number is an error.
    """
    register = build.matrix(tuple(columns[name] for name in variables))
    return build.add(Finite(register)) if refuses_missing else register


def with_numbers(
    build: Builder, columns: Columns, variables: Sequence[Any], register: int
) -> Columns:
    """The columns, with some of them replaced by those of a register."""
    return {**columns, **dict(zip(variables, build.features(register), strict=True))}


def present(build: Builder, columns: Columns, variables: Sequence[Any]) -> Columns:
    """The columns; a missing value in some of them is an error."""
    new = dict(columns)
    for name in variables:
        if not is_never_missing(build, columns[name]):
            new[name] = _present(build, columns[name])
    return new


def _present(build: Builder, column: Column) -> Column:
    if build.is_number(column):
        return Computed(build.add(Finite(build.matrix((column,)))), 0)
    return Relabelled(base=column, keeps_unknown=True, refuses_missing=True)


def is_never_missing(build: Builder, column: Column) -> bool:
    """Whether no missing value can reach a step in this column."""
    if not isinstance(column, Input):
        return False
    return column.fill is not None or build.field(column).missing == "refuse"


def remaining_columns(columns: Mapping[Any, Column], dropped: Sequence[Any] = ()) -> Features:
    """The columns that aren't dropped, in order."""
    gone = set(dropped)
    return tuple(column for name, column in columns.items() if name not in gone)
