"""Functions of the numbers of a row, which are recorded as operations of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Column, Features, Input
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Rows, Untraceable
from podium.program.arrays import Floats
from podium.program.operations import Elementwise, Impute, Link, Matmul, Missing, Total
from podium.program.operations.numbers.links import LinkName
from podium.program.operations.rows.elementwise import COMPARISONS, ElementwiseName
from podium.table import OBJECT_WITH_NAN

Kind: TypeAlias = Literal["float", "integer", "boolean"]
_TRUTHS = (*COMPARISONS, "logical_and", "logical_or", "logical_xor")
# These answer whole numbers with whole numbers.
_WHOLE = ("add", "subtract", "multiply", "floor_divide", "remainder", "maximum", "minimum", "where")
_WHOLE_LINKS = ("abs", "sign", "square", "floor", "ceil", "trunc", "rint")
_DTYPES = {"float": np.float64, "integer": np.int64, "boolean": np.bool_}


class Arithmetic(Operators):
    """Numbers of all rows: a column, or an array of shape (n_rows, width).

    Attributes:
        register: of the plan, which holds them.
        kind: a boolean is 1 or 0.
        ndim: 1 for a column.
        is_pandas: whether it behaves like pandas' columns: missing numbers are skipped in sums.
        source: the column of the table, where it is that as it came: exporters know more of it.
    """

    noun = "column"

    def __init__(
        self, build: Builder, register: int, kind: Kind, *, ndim: int = 1, is_pandas: bool = False
    ) -> None:
        self.build, self.register, self.kind = build, register, kind
        self.ndim, self.is_pandas = ndim, is_pandas
        self.name: Any = ""
        self.source: Column | None = None

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.build.width(self.register)

    @property
    def shape(self) -> tuple[Any, ...]:
        """As an array's; the number of rows is nothing to compute with."""
        rows = Rows(lambda: self)
        return (rows,) if self.ndim == 1 else (rows, self.width)

    @property
    def dtype(self) -> Any:
        """As an array's."""
        return np.dtype(_DTYPES[self.kind])

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        return self.build.features(self.register) if self.source is None else (self.source,)

    def like(self, register: int, kind: Kind, **changes: Any) -> Self:
        """Other numbers in the same form."""
        form = {"ndim": self.ndim, "is_pandas": self.is_pandas} | changes
        return type(self)(self.build, register, kind, **form)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Self:
        """The numbers that an operator gives, row by row."""
        if name.startswith("logical") and {_kind(one), _kind(other)} != {"boolean"}:
            raise Untraceable("it takes bits of numbers")
        if not name.startswith("logical"):
            return self.compute(name, one, other)
        # To pandas, a missing one on the left makes it false, and one on the right is false.
        found = self.compute(name, _false_if_missing(one), _false_if_missing(other))
        return found.compute("logical_and", found, _is_there(one)) if may_lack(one) else found

    def link(self, function: LinkName) -> Self:
        """The numbers through one of numpy's functions."""
        if self.kind == "boolean":
            raise Untraceable("it computes with truths, in half precision")
        if self.kind == "integer" and function == "reciprocal":
            raise Untraceable("it divides whole numbers without a remainder")
        kind: Kind = "integer" if self.kind == "integer" and function in _WHOLE_LINKS else "float"
        return self.like(self.build.add(Link(self.register, function)), kind)

    def doubled(self) -> Self:
        """The same in double precision."""
        if not self.build.is_single(self.register):
            return self
        return self.like(self.build.add(Total((self.register,), np.ones(1))), self.kind)

    def compute(self, name: ElementwiseName, *arguments: Any) -> Self:
        """A function of numbers of the same rows, and constants.

        Raises:
            Untraceable: one of them is neither, or their shapes don't fit.
        """
        recorded = [one for one in arguments if isinstance(one, Arithmetic)]
        _check_kinds(name, arguments)
        constants = [_constant(one) for one in arguments if not isinstance(one, Arithmetic)]
        _check_shapes(recorded, constants)
        if name == "where":
            arguments = (_false_if_missing(arguments[0]), *arguments[1:])
        if name == "add" and all(_kind(one) == "boolean" for one in arguments):
            if any(map(may_lack, arguments)):
                raise Untraceable("it adds truths of which some may be missing")
            name = "logical_or"  # as numpy adds truths
        if not _stays_single(self.build, name, arguments):
            arguments = tuple(o.doubled() if isinstance(o, Arithmetic) else o for o in arguments)
        registers = [one.register if isinstance(one, Arithmetic) else None for one in arguments]
        xs = tuple(dict.fromkeys(x for x in registers if x is not None))
        n_constants, places = 0, []
        for x in registers:
            n_constants += x is None
            places.append(-n_constants if x is None else xs.index(x))
        wide = max([1, *map(len, constants)])
        table = np.array([np.broadcast_to(one, (wide,)) for one in constants]).reshape(-1, wide)
        register = self.build.add(Elementwise(xs, name, tuple(places), table))
        is_pandas = any(one.is_pandas for one in recorded)
        return self.like(register, _result(name, arguments), is_pandas=is_pandas)


def may_lack(one: Any) -> bool:
    """Whether it is a column of truths as it came, of which some may be missing.

    Raises:
        Untraceable: it has pandas' own missing value, with its own logic.
    """
    source = one.source if isinstance(one, Arithmetic) and one.kind == "boolean" else None
    field = one.build.field(source) if isinstance(source, Input) else None
    if field is None or field.missing == "refuse":
        return False
    if field.dtype not in ("", "bool", "object", OBJECT_WITH_NAN):
        raise Untraceable(
            "it computes with truths that may be pd.NA; `fillna` makes them true or false"
        )
    return True


def _false_if_missing(one: Any) -> Any:
    if not may_lack(one):
        return one
    return one.like(one.build.add(Impute(one.register, np.zeros(one.width))), "boolean")


def _is_there(one: Arithmetic) -> Arithmetic:
    return one.compute("equal", one.like(one.build.add(Missing(one.register)), "boolean"), 0)


def product(one: Any, other: Any) -> Any:
    """Rows times a matrix or a vector of constants.

    Raises:
        Untraceable: it isn't that.
    """
    if not isinstance(one, Arithmetic) or isinstance(other, Recorded):
        raise Untraceable("it multiplies matrices other than rows with constants")
    weights = np.asarray(other, np.float64)
    if one.ndim != 2 or weights.ndim not in (1, 2) or len(weights) != one.width:
        raise Untraceable("it multiplies matrices whose shapes don't fit")
    x = one.doubled().register
    register = one.build.add(Matmul(x, np.ascontiguousarray(weights.reshape(len(weights), -1))))
    return one.like(register, "float", ndim=weights.ndim)


def _stays_single(build: Builder, name: ElementwiseName, arguments: Sequence[Any]) -> bool:
    """Whether a program computes as numpy does, which keeps single precision with plain numbers."""
    return name != "where" and all(
        build.is_single(one.register) if isinstance(one, Arithmetic) else type(one) in (int, float)
        for one in arguments
    )


def _check_kinds(name: ElementwiseName, arguments: Sequence[Any]) -> None:
    """Whole numbers and truths follow other rules than doubles do in some functions."""
    kinds = [_kind(one) for one in arguments]
    if name == "subtract" and kinds == ["boolean", "boolean"]:
        raise Untraceable("numpy doesn't subtract truths")
    if "float" in kinds or name not in ("floor_divide", "remainder", "power"):
        return
    by = arguments[1]
    least = 0 if name == "power" else 1
    if isinstance(by, Arithmetic) or (np.asarray(by) < least).any():
        raise Untraceable("it divides whole numbers, or takes their powers; convert them to float")


def _check_shapes(recorded: Sequence[Arithmetic], constants: Sequence[Floats]) -> None:
    if len({one.ndim for one in recorded}) > 1:
        raise Untraceable("it computes with arrays of different dimensions")
    widths = {*(one.width for one in recorded), *map(len, constants)} - {1}
    if len(widths) > 1 or (recorded[0].ndim == 1 and widths):
        raise Untraceable("it computes with arrays of different shapes")


def _constant(value: Any) -> Floats:
    """A constant as a vector of one number, or of one a column."""
    if isinstance(value, Rows):
        raise Untraceable("it asks for the number of rows")
    try:
        array = np.asarray(np.nan if value is None else value)
    except (TypeError, ValueError) as error:
        raise Untraceable(f"it computes with a {type(value).__name__}") from error
    if array.ndim > 1 or array.dtype.kind not in "fiub" or isinstance(value, Recorded):
        raise Untraceable(f"it computes with a {type(value).__name__}")
    return np.atleast_1d(array).astype(np.float64)


def _kind(value: Any) -> Kind:
    if isinstance(value, Arithmetic):
        return value.kind
    kind = np.asarray(np.nan if value is None else value).dtype.kind
    return "boolean" if kind == "b" else "integer" if kind in "iu" else "float"


def _result(name: str, arguments: Sequence[Any]) -> Kind:
    if name in _TRUTHS:
        return "boolean"
    kinds = {_kind(one) for one in (arguments[1:] if name == "where" else arguments)}
    if kinds == {"boolean"} and name == "where":
        return "boolean"
    return "integer" if kinds <= {"integer", "boolean"} and name in _WHOLE else "float"
