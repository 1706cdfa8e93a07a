"""A frame that stands in for pandas' while code is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.own_code.evaluation import evaluated
from podium.compile.own_code.frame_columns import Columns, in_place
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.locations import Locations
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.reductions import Reductions
from podium.compile.own_code.series import Other, Series
from podium.compile.own_code.values import Numbers, joined
from podium.program.operations.rows.elementwise import ElementwiseName


class Frame(Reductions, Columns):
    """Columns by name, with the methods of pandas' frames."""

    skips_missing = True
    _typ = "dataframe"  # by which pandas' own columns leave operators to it

    def apply(self, function: Callable[..., Any], axis: Any = 0, **options: Any) -> Any:
        """A function of each column, or of each row."""
        if axis in (0, "index"):
            return self.each(lambda one: function(one, **options))
        return Recorded.of_each_row(lambda row: function(row, **options), self)

    def each(self, function: Callable[[Any], Any]) -> Frame:
        """What a function makes of each column."""
        return self.of({name: self._column(function(self[name])) for name in self.series})

    def map(self, function: Callable[..., Any], *_: Any, **__: Any) -> Frame:
        """A function of each value."""
        return self.each(lambda one: one.map(function))

    def applymap(self, function: Callable[..., Any], *_: Any, **__: Any) -> Frame:
        """A function of each value."""
        return self.map(function)

    def eval(self, expression: str) -> Any:
        """What an expression of columns gives, or the frame with a column of it."""
        target, found = evaluated(expression, self.series)
        if target is None:
            return found
        frame = self.copy()
        frame[target] = found
        return frame

    def pipe(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """The function of the frame."""
        return function(self, *args, **options)

    @in_place
    def fillna(self, value: Any = None, **options: Any) -> Frame:
        """Missing values replaced, by one value or by one for each column."""
        if options or value is None:
            raise Untraceable("it fills in values of other rows")
        if hasattr(value, "items"):
            values = dict(value.items())
            made = {
                name: one.fillna(values[name]) if name in values else one
                for name, one in self.series.items()
            }
            return self.of(made)
        return self.each(lambda one: one.fillna(value))

    def astype(self, to: Any, **_: Any) -> Frame:
        """In another type, or each in its own."""
        types = to if isinstance(to, Mapping) else dict.fromkeys(self.series, to)
        made = {
            name: one.astype(types[name]) if name in types else one
            for name, one in self.series.items()
        }
        return self.of(made)

    def isna(self) -> Frame:
        """Whether each is missing."""
        return self.each(lambda one: one.isna())

    def notna(self) -> Frame:
        """Whether each is there."""
        return self.each(lambda one: one.notna())

    isnull, notnull = isna, notna

    @in_place
    def clip(self, lower: Any = None, upper: Any = None, **_: Any) -> Frame:
        """Within bounds, which may be one for each column."""
        low, high = self._constants(lower), self._constants(upper)
        return self.of({n: one.clip(low[n], high[n]) for n, one in self.series.items()})

    @in_place
    def where(self, condition: Any, other: Any = np.nan, **_: Any) -> Frame:
        """The values where it is true, else others."""
        truths, others = self._truths(condition), self._constants(other)
        return self.of({n: one.where(truths[n], others[n]) for n, one in self.series.items()})

    @in_place
    def mask(self, condition: Any, other: Any = np.nan, **_: Any) -> Frame:
        """The values where it is false, else others."""
        truths, others = self._truths(condition), self._constants(other)
        return self.of({n: one.mask(truths[n], others[n]) for n, one in self.series.items()})

    def _truths(self, condition: Any) -> Mapping[Any, Any]:
        found = condition(self) if not isinstance(condition, Recorded) else condition
        if isinstance(found, Frame):
            return {name: found[name] for name in self.series}
        if isinstance(found, Numbers) and found.ndim == 2 and found.width == len(self.series):
            return {name: found[:, n] for n, name in enumerate(self.series)}
        raise Untraceable("it chooses values of a frame by something else than a truth for each")

    @in_place
    def replace(self, to: Any = None, value: Any = None, *, regex: Any = False) -> Frame:
        """Some values replaced by others; regular expressions replace parts of texts only."""
        if regex:
            return self.each(
                lambda one: one.replace(to, value, regex=regex) if isinstance(one, Labels) else one
            )
        return self.each(lambda one: one.replace(to, value))

    def round(self, decimals: int = 0) -> Frame:
        """To so many decimals."""
        return self.each(lambda one: one.round(decimals))

    @in_place
    def reset_index(self, *_: Any, drop: bool = False, **__: Any) -> Frame:
        """The rows stay as they are."""
        if not drop:
            raise Untraceable("it makes a column of the numbers of rows")
        return self

    def to_numpy(self, *_: Any, **__: Any) -> Numbers:
        """As an array."""
        parts = list(self.series.values())
        if not all(isinstance(one, Numbers) for one in parts):
            raise Untraceable("it takes texts as an array")
        found = joined([one for one in parts if isinstance(one, Numbers)])
        return found.like(found.register, found.kind, is_pandas=False)

    @property
    def values(self) -> Numbers:
        """As an array."""
        return self.to_numpy()

    @property
    def loc(self) -> Locations:
        """By names."""
        return Locations(self, by_name=True)

    @property
    def iloc(self) -> Locations:
        """By places."""
        return Locations(self, by_name=False)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Frame:
        """An operator of each column and a constant, or of the columns of the same name."""
        constants = self._constants(other if one is self else one)
        made: dict[str, Series] = {}
        for label, series in self.series.items():
            if isinstance(series, Other):
                raise Untraceable(f"it computes with a {series.noun}")
            pair = (series, constants[label]) if one is self else (constants[label], series)
            made[label] = series.operated(name, *pair)
        return self.of(made)

    def _constants(self, other: Any) -> Mapping[str, Any]:
        """What stands on the other side of an operator, by column."""
        if isinstance(other, Frame):
            return {name: other[name] for name in self.series}
        if isinstance(other, Numbers) and other.ndim == 2 and other.width == len(self.series):
            return {name: other[:, n] for n, name in enumerate(self.series)}
        if isinstance(other, Recorded):
            raise Untraceable("it computes with a frame and a column; give it axis=0")
        if hasattr(other, "index") and hasattr(other, "to_dict"):
            pairs: Mapping[str, Any] = other.to_dict()
            if pairs.keys() != self.series.keys():
                raise Untraceable("it computes with a frame and constants of other columns")
            return pairs
        if np.ndim(other) == 1:
            return dict(zip(self.series, other, strict=True))
        return dict.fromkeys(self.series, other)

    def reduced_parts(self, how: str, axis: Any) -> Sequence[Numbers]:
        """The columns."""
        parts = [one for one in self.series.values() if isinstance(one, Numbers)]
        if axis not in (1, "columns") or len(parts) < len(self.series):
            raise Untraceable(f"its {how} depends on the other rows; compute it in `fit`")
        return parts

    def dot(self, other: Any) -> Numbers:
        """Rows times a matrix or a vector of constants."""
        return self.to_numpy().dot(other)

    __matmul__ = dot

    def join(self, other: Frame) -> Frame:
        """The columns of both."""
        return beside([self, other], self.build)


def _with_axis(name: ElementwiseName) -> Callable[..., Frame]:
    def method(self: Frame, other: Any, axis: Any = "columns") -> Frame:
        if axis in (0, "index") and isinstance(other, Numbers) and other.ndim == 1:
            return self.of({n: one.operated(name, one, other) for n, one in self.series.items()})
        return self.operated(name, self, other)

    return method


_OPERATORS: Mapping[str, ElementwiseName] = {
    "add": "add",
    "sub": "subtract",
    "subtract": "subtract",
    "mul": "multiply",
    "multiply": "multiply",
    "div": "divide",
    "divide": "divide",
    "truediv": "divide",
}
for _name, _how in _OPERATORS.items():
    setattr(Frame, _name, _with_axis(_how))


def beside(parts: Sequence[Any], build: Builder) -> Frame:
    """The columns of frames and series in one frame."""
    series: dict[Any, Series] = {}
    for one in parts:
        named: dict[Any, Series]
        named = one.series if isinstance(one, Frame) else {one.name or len(series): one}
        if not series.keys().isdisjoint(named):
            raise Untraceable("two of its columns have the same name")
        series |= named
    return Frame(series, build=build)
