"""Numbers that stand in for a column of pandas or an array of numpy while code is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from podium.compile.own_code.arithmetic import Arithmetic, Kind, may_lack, product
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.reductions import Reductions
from podium.program.operations import Finite, Impute, Link, Missing, Select, Single
from podium.program.operations.rows.elementwise import ElementwiseName


class Numbers(Reductions, Arithmetic):
    """Numbers with the methods of pandas' columns and numpy's arrays."""

    # Selecting and replacing.

    def __getitem__(self, at: Any) -> Numbers:
        return _selected(self, at)

    def __setitem__(self, at: Any, value: Any) -> None:
        self.become(_replaced(self, at, value))

    @property
    def __class__(self) -> Any:
        """As an array or a column, for code that asks for its type."""
        if not self.is_pandas:
            return np.ndarray
        import pandas as pd

        return pd.Series

    @__class__.setter
    def __class__(self, _: Any) -> None:
        raise Untraceable("it changes the type of an array")

    def become(self, other: Numbers) -> None:
        """Change to others, wherever these numbers are kept."""
        self.register, self.kind, self.source = other.register, other.kind, other.source

    def copy(self, *_: Any, **__: Any) -> Numbers:
        """The same numbers, apart."""
        found = self.like(self.register, self.kind)
        found.source = self.source
        return found

    @property
    def values(self) -> Numbers:
        """As numpy's array."""
        return self.like(self.register, self.kind, is_pandas=False)

    def to_numpy(self, *_: Any, **__: Any) -> Numbers:
        """As numpy's array."""
        return self.values

    def reshape(self, *shape: Any) -> Numbers:
        """As a column of a matrix."""
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        if shape == (-1, 1):
            return self.like(self.register, self.kind, ndim=2)
        if shape == (-1,):
            return self.ravel()
        raise Untraceable("it moves numbers from row to row")

    def ravel(self, *_: Any) -> Numbers:
        """As one column."""
        if self.width != 1:
            raise Untraceable("it moves numbers from row to row")
        return self.like(self.register, self.kind, ndim=1)

    flatten = squeeze = ravel

    # Computing.

    def astype(self, to: Any, **_: Any) -> Numbers:
        """In another type."""
        name = np.dtype(to).kind if to not in ("Int64", "Float64", "boolean") else "?"
        if np.dtype(to) == np.float32:
            return self.like(self.build.add(Single(self.register)), "float")
        if name in "iu" and self.kind == "boolean":  # a flag is 1 or 0 in few bits, too
            return self.like(self.register, "integer")
        if name == "f" and np.dtype(to) == np.float64:
            return self.like(self.doubled().register, "float")
        if name == "b":
            return computed("not_equal", self, 0)
        if name == "i" and np.dtype(to) == np.int64:
            if self.kind != "float":
                return self.like(self.register, "integer")
            finite = self.build.add(Finite(self.register))
            return self.like(self.build.add(Link(finite, "trunc")), "integer")
        raise Untraceable(f"it converts numbers to {to}")

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self.like(self.build.add(Missing(self.register)), "boolean")

    def notna(self) -> Numbers:
        """Whether each is there."""
        return ~self.isna()

    isnull, notnull = isna, notna

    def fillna(self, value: Any = None, **options: Any) -> Numbers:
        """Missing numbers replaced."""
        if options or value is None:
            raise Untraceable("it fills in values of other rows")
        if isinstance(value, Recorded):
            return computed("where", self.isna(), value, self)
        fill = np.broadcast_to(np.asarray(value, np.float64), (self.width,))
        return self.like(self.build.add(Impute(self.register, np.array(fill))), self.kind)

    def clip(self, lower: Any = None, upper: Any = None, **options: Any) -> Numbers:
        """Within bounds."""
        lower = options.pop("min", options.pop("a_min", lower))
        upper = options.pop("max", options.pop("a_max", upper))
        found = self
        if lower is not None:
            found = computed("maximum", found, lower)
        if upper is not None:
            found = computed("minimum", found, upper)
        return found

    def between(self, left: Any, right: Any, inclusive: str = "both") -> Numbers:
        """Whether each is within bounds."""
        above = computed(
            "greater_equal" if inclusive in ("both", "left") else "greater", self, left
        )
        below = computed("less_equal" if inclusive in ("both", "right") else "less", self, right)
        return computed("logical_and", above, below)

    def where(self, condition: Any, other: Any = np.nan) -> Numbers:
        """The numbers where it is true, else others."""
        return computed("where", condition, self, other)

    def mask(self, condition: Any, other: Any = np.nan) -> Numbers:
        """The numbers where it is false, else others."""
        return computed("where", condition, other, self)

    def isin(self, values: Any) -> Numbers:
        """Whether each is one of these."""
        found = computed("not_equal", self, self) if _has_nan(values) else None
        for value in values:
            one = computed("equal", self, value)
            found = one if found is None else found | one
        return computed("less", self, -np.inf) if found is None else found

    def map(self, how: Any, *_: Any, **__: Any) -> Any:
        """Each through a dictionary or a series, or through a function of one number."""
        how = how.to_dict() if hasattr(how, "to_dict") else how
        if not isinstance(how, Mapping):
            found = Recorded.branched(how, self)
            if isinstance(found, Recorded):
                return found
            raise Untraceable("it calls a function for each number that doesn't depend on it")
        if any(isinstance(value, str) for value in how.values()):
            return _named(self, how)
        mapped = computed("where", self == 0, np.nan, np.nan)
        for key, value in how.items():
            mapped = computed("where", computed("equal", self, key), value, mapped)
        return mapped

    def apply(self, how: Any, **_: Any) -> Any:
        """Each through a function of one number."""
        return self.map(how)

    def replace(self, to: Any, value: Any = None) -> Numbers:
        """Some numbers replaced by others."""
        pairs = to if isinstance(to, Mapping) else dict.fromkeys(np.atleast_1d(to).tolist(), value)
        found = self
        for key, new in pairs.items():
            found = computed("where", self.isna() if key != key else self == key, new, found)
        return found

    def round(self, decimals: int = 0) -> Numbers:
        """To so many decimals, as numpy does: multiplied, rounded, divided."""
        factor = 10.0 ** abs(decimals)
        if decimals == 0:
            return self.link("rint")
        if decimals > 0:
            return computed("divide", computed("multiply", self, factor).link("rint"), factor)
        return computed("multiply", computed("divide", self, factor).link("rint"), factor)

    def reduced_parts(self, how: str, axis: Any) -> Sequence[Numbers]:
        """The columns."""
        if axis not in (1, "columns", -1) or self.ndim != 2:
            if how in ("any", "all"):
                raise Untraceable(
                    f"its {how} asks about all rows; let np.where choose between what all rows get"
                )
            raise Untraceable(f"its {how} depends on the other rows; compute it in `fit`")
        return [self[:, n] for n in range(self.width)]

    @property
    def skips_missing(self) -> bool:  # type: ignore[override] # it depends on what it stands in for
        """Whether it is pandas'."""
        return self.is_pandas

    def dot(self, other: Any) -> Numbers:
        """Rows times a matrix or a vector of constants."""
        return cast("Numbers", product(self, other))

    __matmul__ = dot

    def to_frame(self, name: Any = None) -> Any:
        """As the only column of a frame."""
        if not self.is_pandas:
            raise Untraceable("`.to_frame` of an array can't be recorded")
        name = self.name if name is None else name
        return Recorded.frame_of({name: self.copy()}, build=self.build)

    def toarray(self) -> Numbers:
        """As a dense matrix: what encoders return is recorded as one."""
        return self.copy()

    todense = toarray

    def __invert__(self) -> Numbers:
        if self.kind != "boolean":
            raise Untraceable("it takes bits of numbers")
        if may_lack(self):  # which Python refuses
            return computed("equal", self.like(self.build.add(Finite(self.register)), "boolean"), 0)
        return computed("equal", self, 0)

    def __neg__(self) -> Numbers:
        return computed("multiply", self, -1)

    def __pos__(self) -> Numbers:
        return self

    def __abs__(self) -> Numbers:
        return self.link("abs")

    abs = __abs__


def _named(numbers: Numbers, how: Mapping[Any, Any]) -> Any:
    """A text for each number."""
    if not all(isinstance(value, str) for value in how.values()):
        raise Untraceable("it maps numbers to texts and others")
    place = computed("where", numbers == 0, np.nan, np.nan)
    for n, key in enumerate(how):
        place = computed("where", computed("equal", numbers, key), n, place)
    return Recorded.texts_by_number(place, list(how.values()))


def _has_nan(values: Any) -> bool:
    return any(value is None or value != value for value in values)


def computed(name: ElementwiseName, *arguments: Any) -> Numbers:
    """A function of numbers of the same rows, and constants.

    Raises:
        Untraceable: there are no numbers, or what `Arithmetic.compute` can't record.
    """
    numbers = next((one for one in arguments if isinstance(one, Numbers)), None)
    if numbers is None:
        raise Untraceable("it computes with columns that aren't numbers")
    return numbers.compute(name, *arguments)


def always(source: Numbers, value: Any, width: int | None = None) -> Numbers:
    """A constant for each row of recorded numbers; a matrix of it, if a width is given.

    Args:
        source: numbers of as many rows.
    """
    some = (
        source
        if source.width == 1
        else source.like(
            source.build.add(Select(source.register, np.zeros(1, np.int32))), source.kind
        )
    )
    some = some.like(some.register, some.kind, ndim=1, is_pandas=False)
    found = computed("where", some == 0, value, value)
    if width is None:
        return found
    register = found.build.add(Select(found.register, np.zeros(width, np.int32)))
    return found.like(register, found.kind, ndim=2)


def _selected(x: Numbers, at: Any) -> Numbers:
    """`x[at]`, where it selects columns.

    Raises:
        Untraceable: it selects rows.
    """
    at = at if isinstance(at, tuple) else (at,)
    if any(isinstance(one, Recorded) for one in at):
        raise Untraceable("it drops rows")
    if x.ndim == 1 and len(at) == 2 and _is_all(at[0]) and at[1] is None:
        return x.like(x.register, x.kind, ndim=2)
    if x.ndim != 2 or len(at) != 2 or not _is_all(at[0]):
        raise Untraceable("it selects rows")
    places = np.atleast_1d(np.arange(x.width)[at[1]])
    register = x.build.add(Select(x.register, places.astype(np.int32)))
    return x.like(register, x.kind, ndim=1 if isinstance(at[1], (int, np.integer)) else 2)


def _replaced(x: Numbers, at: Any, value: Any) -> Numbers:
    """The numbers after `x[at] = value`, where that replaces columns, or what a condition selects.

    Raises:
        Untraceable: it replaces rows.
    """
    if isinstance(at, Numbers) and at.kind == "boolean":
        return computed("where", at, value, x)
    if x.ndim != 2 or not isinstance(at, tuple) or len(at) != 2 or not _is_all(at[0]):
        raise Untraceable("it replaces rows")
    places = np.atleast_1d(np.arange(x.width)[at[1]]).tolist()
    new = value if isinstance(value, Numbers) else always(x, value)
    if x.kind == "integer" and new.kind == "float":  # an array keeps its type
        new = new.astype(np.int64)
    columns, others = list(x.columns_of_plan), new.columns_of_plan
    for n, place in enumerate(places):
        columns[place] = others[n % len(others)]
    return x.like(x.build.matrix(tuple(columns)), x.kind)


def joined(parts: Sequence[Numbers]) -> Numbers:
    """Columns and matrices side by side."""
    build = parts[0].build
    columns = tuple(column for one in parts for column in one.columns_of_plan)
    kinds = {one.kind for one in parts}
    kind: Kind = kinds.pop() if len(kinds) == 1 else "float" if "float" in kinds else "integer"
    is_pandas = any(one.is_pandas for one in parts)
    return Numbers(build, build.matrix(columns), kind, ndim=2, is_pandas=is_pandas)


def _is_all(at: Any) -> bool:
    return isinstance(at, slice) and at == slice(None)
