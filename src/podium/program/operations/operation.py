"""What every operation is, and the shapes that are checked before any of them runs."""

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
# values so far, which returns the next value.
Step: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], Array]

# A model with more columns than this can't be served anyway; a hostile plan stops here.
WIDTH_MAX = 4_000_000


class Shape(NamedTuple):
    """What a register holds.

    Attributes:
        width: columns of a matrix of shape (n_rows, width).
        is_single: its numbers are of single precision.
        is_index: it isn't a matrix but the number of a class for each row, of shape (n_rows,).
    """

    width: int
    is_single: bool = False
    is_index: bool = False


class Shapes:
    """The shapes of the registers before an operation."""

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self._shapes: list[Shape] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def add(self, shape: Shape) -> None:
        """Append the shape of the next register."""
        require(0 <= shape.width <= WIDTH_MAX, f"{shape.width} columns are too many")
        self._shapes.append(shape)

    def any(self, register: int) -> Shape:
        """The shape of a register that was filled before."""
        require(register < len(self._shapes), f"register {register} isn't filled yet")
        return self._shapes[register]

    def matrix(self, register: int) -> Shape:
        """The shape of a register that holds a matrix."""
        shape = self.any(register)
        require(not shape.is_index, f"register {register} holds no matrix")
        return shape

    def columns(self, columns: Sequence[int]) -> None:
        """Raises BundleError unless the table has these columns."""
        require(all(c < self.n_columns for c in columns), "a column is asked for that isn't there")


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
    """One step of a plan: a value that says what to do, and can do it.

    `x` is the register that it reads, `xs` are several; arrays are its constants.

    Attributes:
        may_warn: numpy may warn about some rows (an overflow, say), which is no news to anybody.
    """

    may_warn: ClassVar[bool] = True

    @abstractmethod
    def check(self, shapes: Shapes) -> Shape:
        """The shape of what it returns.

        Raises:
            BundleError: its constants don't fit each other, or what it reads.
        """

    @abstractmethod
    def prepare(self, shapes: Shapes) -> Step:
        """The function that runs it, with its constants at hand. It was checked before."""


def require(holds: bool, problem: str) -> None:
    """Raise BundleError unless it holds."""
    if not holds:
        raise BundleError(f"the plan can't be followed: {problem}")


def require_rows(rows: Any, width: int) -> None:
    """Raise BundleError unless it is a matrix of so many columns."""
    fits = rows.ndim == 2 and rows.shape[1] == width
    require(fits, f"rows of shape {rows.shape} aren't {width} columns wide")


def require_vector(array: Any, length: int, what: str) -> None:
    """Raise BundleError unless it is None or a vector of this length."""
    if array is not None:
        require(array.shape == (length,), f"{what} has shape {array.shape}, not ({length},)")
