"""The arguments of a function: fields, and how the columns of a table become arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from podium.errors import SignatureError
from podium.runtimes.functions.annotations import Parameter, parameter
from podium.runtimes.functions.batches import element_of
from podium.runtimes.functions.docstrings import described_in
from podium.runtimes.functions.hints import name_of, unwrapped
from podium.runtimes.functions.rows import ABSENT, Default, constructor_fields, is_row
from podium.table import Array, Table, plain_values

Call: TypeAlias = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Arguments:
    """The arguments of one function.

    Attributes:
        parameters: one for each field, in order.
        is_batch: whether one call receives all the rows.
        row: creates a row from its fields; None if each field is an argument.
        dtypes: of the arguments that are arrays.
        n_positional: how many arguments are positional; the others are passed by name.
    """

    parameters: tuple[Parameter, ...]
    is_batch: bool = False
    row: Callable[..., Any] | None = None
    dtypes: Mapping[str, str] = field(default_factory=dict)
    n_positional: int = 0

    def calls(self, table: Table) -> list[Call]:
        """The arguments of each call: one for each row, or one for all.

        The function may change them: they share no memory with the table.
        """
        return self._calls(
            [self._column(one, table.columns[one.field.name]) for one in self.parameters]
        )

    def calls_of(self, rows: Sequence[Sequence[Any]]) -> list[Call]:
        """The same for rows of plain cells, for a function without arrays; None is missing."""
        columns = zip(*rows, strict=True)
        return self._calls(
            [_cells(one, column) for one, column in zip(self.parameters, columns, strict=True)]
        )

    def _calls(self, columns: Sequence[Sequence[Any]]) -> list[Call]:
        if self.row is not None:
            rows = self._rows(self.row, columns)
            return [((rows,), {})] if self.is_batch else [((row,), {}) for row in rows]
        if self.is_batch:
            return [self._call(columns)]
        if self.n_positional == len(columns):
            return [(cells, {}) for cells in zip(*columns, strict=True)]
        return [self._call(cells) for cells in zip(*columns, strict=True)]

    def _call(self, values: Sequence[Any]) -> Call:
        names = [one.argument for one in self.parameters[self.n_positional :]]
        by_name = dict(zip(names, values[self.n_positional :], strict=True))
        return values[: self.n_positional], by_name

    def _rows(self, build: Callable[..., Any], columns: Sequence[Sequence[Any]]) -> list[Any]:
        names = [one.argument for one in self.parameters]
        return [
            build(**{n: cell for n, cell in zip(names, cells, strict=True) if cell is not ABSENT})
            for cells in zip(*columns, strict=True)
        ]

    def _column(self, one: Parameter, column: Array) -> Any:
        dtype = self.dtypes.get(one.argument)
        if dtype is not None:
            return column.astype(dtype)
        values = plain_values(column)
        if one.field.type == "integer" and column.dtype.kind == "f":  # some are missing
            values = [None if value is None else int(value) for value in values]
        return _cells(one, values)


def _cells(one: Parameter, values: Sequence[Any]) -> Sequence[Any]:
    """Plain values as the function receives them: enum members, and defaults for gaps."""
    if one.member is not None:
        values = [None if value is None else one.member(value) for value in values]
    if one.default is not None:
        values = [one.default.create() if value is None else value for value in values]
    return values


def arguments_of(function: Callable[..., Any], hints: Mapping[str, Any]) -> Arguments:
    """The fields that the parameters of a function describe.

    Args:
        hints: its annotations, resolved.

    Raises:
        SignatureError: one describes no field.
    """
    declared = list(inspect.signature(function).parameters.values())
    for one in declared:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            raise SignatureError(
                f"parameter {str(one)!r} of {name_of(function)} takes any number of values",
                hint="name each field, with its type",
            )
    if not declared:
        raise SignatureError(
            f"{name_of(function)} takes no parameters", hint="a model has at least one field"
        )
    alone = _row_alone(declared[0], hints, function) if len(declared) == 1 else None
    if alone is not None:
        return alone
    elements = {one.name: element_of(_hint(one, hints), _where(one, function)) for one in declared}
    if any(elements.values()):
        return _batch(declared, hints, function)
    help_ = described_in(function)
    parameters = tuple(
        parameter(
            one.name,
            _hint(one, hints),
            _where(one, function),
            default=Default.of(one.default),
            description=help_.get(one.name, ""),
        )
        for one in declared
    )
    return Arguments(parameters, n_positional=_n_positional(declared))


def _row_alone(
    one: inspect.Parameter, hints: Mapping[str, Any], function: Callable[..., Any]
) -> Arguments | None:
    """The arguments of a function whose only parameter is a row, or a list of rows."""
    element = element_of(_hint(one, hints), _where(one, function))
    hint = unwrapped(_hint(one, hints) if element is None else element.annotation)
    if not is_row(hint.base) or hint.is_optional:
        return None
    help_ = described_in(hint.base)
    parameters = tuple(
        parameter(
            entry.name,
            entry.annotation,
            f"field {entry.name!r} of {name_of(hint.base)}",
            default=entry.default,
            description=help_.get(entry.name, ""),
        )
        for entry in constructor_fields(hint.base)
    )
    return Arguments(parameters, is_batch=element is not None, row=hint.base)


def _batch(
    declared: Sequence[inspect.Parameter], hints: Mapping[str, Any], function: Callable[..., Any]
) -> Arguments:
    help_ = described_in(function)
    parameters = []
    dtypes = {}
    for one in declared:
        where = _where(one, function)
        element = element_of(_hint(one, hints), where)
        if element is None:
            raise SignatureError(
                f"{where} is one value, while others are lists of them",
                hint="take one value of each field, or a list of each",
            )
        if one.default is not one.empty:
            raise SignatureError(
                f"{where} has a default, but it is a whole column",
                hint="let single values be missing with list[float | None]",
            )
        parameters.append(
            parameter(one.name, element.annotation, where, description=help_.get(one.name, ""))
        )
        if element.dtype is not None:
            dtypes[one.name] = _dtype(element.dtype, parameters[-1], where)
    return Arguments(
        tuple(parameters), is_batch=True, dtypes=dtypes, n_positional=_n_positional(declared)
    )


def _dtype(dtype: str, parameter: Parameter, where: str) -> str:
    if parameter.field.missing != "refuse" and not dtype.startswith("float"):
        raise SignatureError(
            f"{where} may be missing, which an array of {dtype} can't represent",
            hint="use an NDArray[np.float64], where a missing value is NaN, or a list",
        )
    return dtype


def _hint(one: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    return hints.get(one.name, inspect.Parameter.empty)


def _where(one: inspect.Parameter, function: Callable[..., Any]) -> str:
    return f"parameter {one.name!r} of {name_of(function)}"


def _n_positional(declared: Sequence[inspect.Parameter]) -> int:
    return sum(one.kind is not one.KEYWORD_ONLY for one in declared)
