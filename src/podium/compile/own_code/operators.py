"""The operators of Python, and pandas' methods of the same names, on recorded data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from podium.compile.own_code.recorded import Recorded
from podium.program.operations.rows.elementwise import ElementwiseName

_Method: TypeAlias = Callable[[Any, Any], Any]


def _binary(name: ElementwiseName) -> _Method:
    return lambda self, other: self.operated(name, self, other)


def _swapped(name: ElementwiseName) -> _Method:
    return lambda self, other: self.operated(name, other, self)


class Operators(Recorded, ABC):
    """Data that can be computed with and compared."""

    @abstractmethod
    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Any:
        """The result of an operator; either side may be a constant.

        Raises:
            Untraceable: it can't be recorded for these two.
        """

    add = __add__ = _binary("add")
    sub = subtract = __sub__ = _binary("subtract")
    mul = multiply = __mul__ = _binary("multiply")
    div = divide = truediv = __truediv__ = _binary("divide")
    floordiv = __floordiv__ = _binary("floor_divide")
    mod = __mod__ = _binary("remainder")
    pow = __pow__ = _binary("power")
    __and__ = _binary("logical_and")
    __or__ = _binary("logical_or")
    __xor__ = _binary("logical_xor")
    lt = __lt__ = _binary("less")
    le = __le__ = _binary("less_equal")
    gt = __gt__ = _binary("greater")
    ge = __ge__ = _binary("greater_equal")
    eq = __eq__ = _binary("equal")
    ne = __ne__ = _binary("not_equal")
    __hash__ = None  # type: ignore[assignment]  # nobody may ask whether it is in a set

    radd = __radd__ = _swapped("add")
    rsub = __rsub__ = _swapped("subtract")
    rmul = __rmul__ = _swapped("multiply")
    rdiv = rtruediv = __rtruediv__ = _swapped("divide")
    __rfloordiv__ = _swapped("floor_divide")
    __rmod__ = _swapped("remainder")
    __rpow__ = _swapped("power")
    __rand__ = _swapped("logical_and")
    __ror__ = _swapped("logical_or")
    __rxor__ = _swapped("logical_xor")
