"""The base of every operation, and the shapes that are checked before any of them runs."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias

import msgspec

from podium.errors import BundleError
from podium.table import Array

Register: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Column: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

# What an operation becomes when a program is loaded: a function of the table's columns and of the
# registers so far, which returns the next register.
Step: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], Array]

# A model with more columns than this can't be served anyway; it stops a hostile plan.
WIDTH_MAX = 4_000_000
# What all operations together may buffer for one row: 128 MiB.
NUMBERS_MAX = 1 << 24


class Shape(NamedTuple):
    """The shape of a register's content.

    Attributes:
        width: columns of a matrix of shape (n_rows, width).
        is_single: whether its numbers are of single precision.
        is_index: whether it isn't a matrix but the index of a class for each row, of shape
            (n_rows,).
        is_text: whether it isn't a matrix but a list of texts, None where they are missing.
    """

    width: int
    is_single: bool = False
    is_index: bool = False
    is_text: bool = False


class Shapes:
    """The shapes of the registers before an operation.

    Attributes:
        n_columns: of the table.
        n_numbers: that are buffered for each row.
    """

    def __init__(self, n_columns: int) -> None:
        self.n_columns, self.n_numbers = n_columns, 0
        self._shapes: list[Shape] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def add(self, shape: Shape, n_buffered: int = 0) -> None:
        """Append the shape of the next register, and count its memory."""
        require(0 <= shape.width <= WIDTH_MAX, f"{shape.width} columns are too many")
        self.n_numbers += shape.width + n_buffered
        require(self.n_numbers <= NUMBERS_MAX, f"a row takes {self.n_numbers} numbers")
        self._shapes.append(shape)

    def any(self, register: int) -> Shape:
        """The shape of an earlier register."""
        require(register < len(self._shapes), f"register {register} isn't filled yet")
        return self._shapes[register]

    def matrix(self, register: int) -> Shape:
        """The shape of an earlier register that holds a matrix."""
        shape = self.any(register)
        require(not shape.is_index and not shape.is_text, f"register {register} has no matrix")
        return shape

    def texts(self, register: int) -> None:
        """Raises BundleError unless an earlier register holds texts."""
        require(self.any(register).is_text, f"register {register} has no texts")

    def columns(self, columns: Sequence[int]) -> None:
        """Raises BundleError unless the table has these columns."""
        require(all(c < self.n_columns for c in columns), "a column is used that doesn't exist")


class _Kind(msgspec.StructMeta, ABCMeta):
    """Structs with abstract methods."""


class Operation(
    msgspec.Struct,
    metaclass=_Kind,
    frozen=True,
    tag_field="op",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """One step of a plan, with the constants and the code to run it.

    `x` is the register that it reads, `xs` are several; arrays are its constants.

    Attributes:
        may_warn: whether numpy may warn about some rows (of an overflow, for example), which nobody
            needs to know.
    """

    may_warn: ClassVar[bool] = True

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """The columns of the table that it reads by itself, rather than from registers."""
        return ()

    @abstractmethod
    def check(self, shapes: Shapes) -> Shape:
        """The shape of what it returns.

        Raises:
            BundleError: its constants don't match each other, or its input.
        """

    def n_buffered(self, _shapes: Shapes) -> int:
        """How many numbers it buffers for each row besides its result. Called after `check`."""
        return 0

    @abstractmethod
    def prepare(self, shapes: Shapes) -> Step:
        """The function that runs it, with its constants prepared. Called after `check`."""


def require(is_valid: bool, problem: str) -> None:
    """Raise BundleError unless the condition is true."""
    if not is_valid:
        raise BundleError(f"the plan isn't valid: {problem}")


def require_rows(rows: Any, width: int) -> None:
    """Raise BundleError unless it is a matrix with this many columns."""
    fits = rows.ndim == 2 and rows.shape[1] == width
    require(fits, f"rows of shape {rows.shape} aren't {width} columns wide")


def require_vector(array: Any, length: int, name: str) -> None:
    """Raise BundleError unless it is None or a vector of this length."""
    if array is not None:
        require(array.shape == (length,), f"{name} has shape {array.shape}, not ({length},)")
