"""Operations that turn a model's sums into outputs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.table import Array

LinkName: TypeAlias = Literal[
    "sigmoid",
    "softmax",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "square",
    "tanh",
    "relu",
    "share",
    "tie",
    "exp2",
    "log2",
    "log10",
    "cbrt",
    "abs",
    "sign",
    "reciprocal",
    "floor",
    "ceil",
    "sin",
    "cos",
    "tan",
    "arctan",
    "sinh",
    "cosh",
    "arcsinh",
    "erf",
    "trunc",
    "sort",
    "rint",
    "arcsin",
    "arccos",
    "arccosh",
    "arctanh",
    "log_share",
]


class Link(Operation, frozen=True, tag="link"):
    """Applies a function to numbers.

    Attributes:
        function: of each number; `softmax`, `log_share` (its logarithm), `share` (of the row's
            sum) and `sort` (ascending) are functions of each row.
    """

    x: Register
    function: LinkName

    @property
    def may_warn(self) -> bool:  # type: ignore[override] # it depends on the function
        """Only unbounded functions overflow, and some accept no negative numbers."""
        return self.function not in ("sigmoid", "softmax", "tanh", "relu", "tie", "sort")

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        return shapes.matrix(self.x)

    def prepare(self, _shapes: Shapes) -> Step:
        """The function itself."""
        x, function = self.x, _LINKS[self.function]
        return lambda _, values: function(values[x])


class Pair(Operation, frozen=True, tag="pair"):
    """The probabilities of both classes from that of the second."""

    may_warn: ClassVar[bool] = False

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """Two columns of one."""
        shape = shapes.matrix(self.x)
        require(shape.width == 1, "one probability makes two")
        return Shape(2, shape.is_single)

    def prepare(self, shapes: Shapes) -> Step:
        """One minus it, and itself."""
        x = self.x
        is_double = not shapes.matrix(x).is_single
        one = np.array(1.0, np.float64 if is_double else np.float32)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            second: Array = values[x]
            if is_double and len(second) == 1:
                share = second.item()
                return np.array([[1.0 - share, share]])
            out = np.empty((len(second), 2), second.dtype)
            out[:, 1:] = second
            np.subtract(one, second, out=out[:, :1])
            return out

        return run


class Largest(Operation, frozen=True, tag="largest"):
    """The index of each row's largest column, the first of equals."""

    may_warn: ClassVar[bool] = False

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """An index."""
        shape = shapes.matrix(self.x)
        require(shape.width > 0, "there is nothing to compare")
        return Shape(shape.width, is_index=True)

    def prepare(self, _shapes: Shapes) -> Step:
        """One pass."""
        x = self.x
        return lambda _, values: values[x].argmax(1)


class Above(Operation, frozen=True, tag="above"):
    """1 if the only column of a row is above a threshold, else 0."""

    may_warn: ClassVar[bool] = False

    x: Register
    threshold: float = 0.0
    or_equal: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """An index of two."""
        require(shapes.matrix(self.x).width == 1, "one column is compared")
        return Shape(2, is_index=True)

    def prepare(self, _shapes: Shapes) -> Step:
        """One comparison."""
        x, threshold = self.x, np.array(self.threshold)
        compare = np.greater_equal if self.or_equal else np.greater

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            if len(numbers) == 1 and not self.or_equal:
                return _SECOND if numbers.item() > self.threshold else _FIRST
            above: Array = compare(numbers, threshold).ravel().view(np.int8)
            return above

        return run


# The index for a single row, which nothing writes to.
_FIRST, _SECOND = np.zeros(1, np.int8), np.ones(1, np.int8)
_FIRST.flags.writeable = _SECOND.flags.writeable = False
# With fewer columns than this, numpy adds up a row from the first to the last as well.
_PAIRWISE = 8

# exp(709) is the last finite value with an integer exponent; the probability there is 1e-308.
_EXP_MAX = {np.dtype(np.float64): np.array(709.0), np.dtype(np.float32): np.array(88, np.float32)}
_ONE = {dtype: np.ones((), dtype) for dtype in _EXP_MAX}


def _sigmoid(x: Array) -> Array:
    if x.size == 1 and x.dtype == np.float64:
        # The same function, without numpy's two microseconds for four arrays.
        number = x.item()
        share_of_one = 1.0 / (float(np.exp(709.0 if number < -709.0 else -number)) + 1.0)
        return np.array([[share_of_one]])
    one = _ONE[x.dtype]
    e = _exp(np.minimum(np.negative(x), _EXP_MAX[x.dtype]))
    share: Array = np.divide(one, np.add(e, one))
    return share


def _softmax(x: Array) -> Array:
    if 0 < x.shape[1] < _PAIRWISE and x.dtype == np.float64:
        return _softmax_of_row(x) if len(x) == 1 else _softmax_of_columns(x)
    e = _exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True, dtype=np.float64).astype(x.dtype)
    return e


def _exp(x: Array) -> Array:
    """Of single numbers the one that C libraries round to: numpy's may be off by two last bits,
    which is much of a probability near 0 if it is what remains of 1.
    """
    if x.dtype == np.float32:
        return np.exp(x, dtype=np.float64).astype(np.float32)
    return np.asarray(np.exp(x))


def _softmax_of_row(x: Array) -> Array:
    e: Array = np.exp(x - max(x[0].tolist()))
    e /= reduce(operator.add, e[0].tolist())
    return e


def _softmax_of_columns(x: Array) -> Array:
    """Bit for bit the same; with few columns, numpy's loop over rows takes four times as long."""
    columns = list(x.T)
    e: Array = np.exp(x - reduce(np.maximum, columns)[:, None])
    e /= reduce(np.add, list(e.T))[:, None]
    return e


def _log_share(x: Array) -> Array:
    """Rounded as scikit-learn rounds it: in single precision, that decides about small shares."""
    top = x.max(axis=1, keepdims=True)
    is_top = x == top
    n_top = is_top.sum(axis=1, keepdims=True).astype(x.dtype)
    rest = np.exp(np.where(is_top, -np.inf, x - top)).astype(x.dtype)
    total = rest.sum(axis=1, keepdims=True) / n_top
    share: Array = x - (np.log1p(total) + np.log(n_top) + top)
    return share


def _relu(x: Array) -> Array:
    above: Array = np.maximum(x, np.zeros((), x.dtype))
    return above


def _share(x: Array) -> Array:
    total = x.sum(axis=1, keepdims=True)
    is_zero = total == 0
    if is_zero.any():  # no column claims the row: all have the same share
        total = np.where(is_zero, x.shape[1], total)
        x = np.where(is_zero, 1.0, x)
    share: Array = x / total
    return share


def _tie(x: Array) -> Array:
    """Maps numbers to -1/3 to 1/3, keeping their order: they break ties between equal votes."""
    squashed: Array = x / (3 * (np.abs(x) + 1))
    return squashed


def _sort(x: Array) -> Array:
    return np.sort(x, axis=1)


def _erf(x: Array) -> Array:
    return np.asarray(_ERF(x), x.dtype)


# numpy lacks it, and C has it for single numbers.
_ERF = np.frompyfunc(math.erf, 1, 1)
_LINKS: dict[LinkName, Callable[[Array], Array]] = {
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "exp": _exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "square": np.square,
    "tanh": np.tanh,
    "relu": _relu,
    "share": _share,
    "tie": _tie,
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "cbrt": np.cbrt,
    "abs": np.abs,
    "sign": np.sign,
    "reciprocal": np.reciprocal,
    "floor": np.floor,
    "ceil": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arcsinh": np.arcsinh,
    "erf": _erf,
    "trunc": np.trunc,
    "sort": _sort,
    "rint": np.rint,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "log_share": _log_share,
}
