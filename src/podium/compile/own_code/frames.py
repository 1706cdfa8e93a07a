"""A frame that stands in for pandas' while code is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Input
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.locations import Locations
from podium.compile.own_code.moments import Moments, Spans
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Rows, Untraceable
from podium.compile.own_code.series import Other, Series
from podium.compile.own_code.values import Numbers, RowFunction, computed, joined
from podium.program.operations.rows.elementwise import ElementwiseName


class Frame(Operators):
    """Columns by name.

    Attributes:
        series: by name, in order.
    """

    noun = "frame"
    ndim = 2

    def __init__(self, series: Mapping[str, Series], *, build: Builder) -> None:
        self.series, self.build = dict(series), build

    @property
    def __class__(self) -> Any:
        """As a frame, for code that asks for its type."""
        import pandas as pd

        return pd.DataFrame

    @__class__.setter
    def __class__(self, _: Any) -> None:
        raise Untraceable("it changes the type of a frame")

    def __getattr__(self, name: str) -> Any:
        series = self.__dict__.get("series", {})
        if name in series:
            return series[name]
        return super().__getattr__(name)

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        return tuple(column for one in self.series.values() for column in one.columns_of_plan)

    @property
    def columns(self) -> Any:
        """The names, as pandas' index."""
        import pandas as pd

        return pd.Index(list(self.series))

    @columns.setter
    def columns(self, names: Any) -> None:
        self.series = dict(zip([str(name) for name in names], self.series.values(), strict=True))

    @property
    def shape(self) -> tuple[Any, int]:
        """The number of columns is known."""
        return Rows(), len(self.series)

    @property
    def index(self) -> Any:
        """The rows, which stay in their order."""
        return Rows()

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __contains__(self, name: str) -> bool:
        return name in self.series

    def items(self) -> Any:
        """Names and columns."""
        return self.series.items()

    def __getitem__(self, names: Any) -> Any:
        if isinstance(names, Recorded):
            raise Untraceable("it drops rows")
        if isinstance(names, (str, int)):
            return self._one(names)
        return self.selected(names)

    def _one(self, name: Any) -> Series:
        if name not in self.series:
            raise Untraceable(f"there is no column {name!r}")
        return self.series[name]

    def selected(self, names: Any) -> Frame:
        """Some columns, by their names or by a truth for each."""
        chosen = list(names)
        if chosen and all(isinstance(one, (bool, np.bool_)) for one in chosen):
            chosen = [n for n, is_chosen in zip(self.series, chosen, strict=True) if is_chosen]
        return Frame({name: self._one(name) for name in chosen}, build=self.build)

    def __setitem__(self, names: Any, value: Any) -> None:
        if isinstance(names, Recorded):
            raise Untraceable("it changes some rows of all columns")
        if isinstance(names, str):
            self.series[names] = self._column(value)
            return
        for n, name in enumerate(list(names)):
            if isinstance(value, Frame):
                self.series[name] = list(value.series.values())[n]
            elif isinstance(value, Numbers) and value.ndim == 2:
                self.series[name] = self._column(value[:, n])
            else:
                self.series[name] = self._column(value)

    def _column(self, value: Any) -> Series:
        if isinstance(value, Numbers):
            return value.like(value.register, value.kind, ndim=1, is_pandas=True)
        if isinstance(value, (Labels, Moments, Spans, Other)):
            return value
        if isinstance(value, Frame) and len(value.series) == 1:
            return next(iter(value.series.values()))
        some = next((one for one in self.series.values() if isinstance(one, Numbers)), None)
        if some is None or not np.isscalar(value) or isinstance(value, str):
            raise Untraceable(f"it sets a column to a {type(value).__name__}")
        return computed("where", some == 0, value, value)

    def __delitem__(self, name: str) -> None:
        del self.series[name]

    def pop(self, name: str) -> Series:
        """Take a column out."""
        return self.series.pop(name)

    def insert(self, at: int, name: str, value: Any) -> None:
        """Put a column in."""
        pairs = list(self.series.items())
        self.series = dict([*pairs[:at], (name, self._column(value)), *pairs[at:]])

    def copy(self, *_: Any, **__: Any) -> Frame:
        """The same columns, apart."""
        return Frame({name: one.copy() for name, one in self.series.items()}, build=self.build)

    def assign(self, **columns: Any) -> Frame:
        """With more columns."""
        frame = self.copy()
        for name, value in columns.items():
            frame[name] = value(frame) if callable(value) else value
        return frame

    def drop(
        self, labels: Any = None, axis: Any = 0, *, columns: Any = None, errors: str = "raise"
    ) -> Frame:
        """Without some columns."""
        if columns is None and axis not in (1, "columns"):
            raise Untraceable("it drops rows")
        gone = labels if columns is None else columns
        gone = [gone] if isinstance(gone, str) else list(gone)
        if errors == "raise":
            gone = [name for name in gone if self._one(name) is not None]
        return self.selected([name for name in self.series if name not in gone])

    def rename(self, mapper: Any = None, *, columns: Any = None, axis: Any = None) -> Frame:
        """With other names."""
        how = columns if columns is not None else mapper if axis in (1, "columns") else None
        if how is None:
            raise Untraceable("it renames rows")
        named = how if callable(how) else lambda name: how.get(name, name)
        return Frame({named(name): one for name, one in self.series.items()}, build=self.build)

    def filter(
        self, items: Any = None, like: Any = None, regex: Any = None, axis: Any = 1
    ) -> Frame:
        """Columns by their names."""
        if axis not in (1, "columns"):
            raise Untraceable("it drops rows")
        if items is not None:
            return self.selected([name for name in items if name in self.series])
        return self.selected(
            [n for n in self.series if (like in n if regex is None else re.search(regex, n))]
        )

    def select_dtypes(self, include: Any = None, exclude: Any = None) -> Frame:
        """Columns by their type."""
        import pandas as pd

        empty = {name: self._empty(one) for name, one in self.series.items()}
        return self.selected(pd.DataFrame(empty).select_dtypes(include, exclude).columns)

    def _empty(self, one: Series) -> Any:
        import pandas as pd

        if isinstance(one, Numbers):
            return pd.Series([], dtype=one.dtype)
        if isinstance(one, Moments):
            return pd.Series([], dtype=f"datetime64[{one.unit}{', ' * bool(one.zone)}{one.zone}]")
        if isinstance(one, Spans):
            return pd.Series([], dtype=f"timedelta64[{one.unit}]")
        column = one.column
        field = self.build.field(column) if isinstance(column, Input) else None
        dtype = one.dtype_name if isinstance(one, Labels) else field.dtype if field else ""
        return pd.Series([], dtype="object" if dtype.startswith("object") else dtype or "object")

    def apply(self, function: Callable[..., Any], axis: Any = 0, **options: Any) -> Any:
        """A function of each column, or of each row."""
        if axis not in (0, "index"):
            return Recorded.of_each_row(lambda row: function(row, **options), self)
        return self.each(lambda one: function(one, **options))

    def each(self, function: Callable[[Any], Any]) -> Frame:
        """What a function makes of each column."""
        made = {name: self._column(function(one)) for name, one in self.series.items()}
        return Frame(made, build=self.build)

    map = applymap = apply

    def pipe(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """The function of the frame."""
        return function(self, *args, **options)

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
            return Frame(made, build=self.build)
        return self.each(lambda one: one.fillna(value))

    def astype(self, to: Any, **_: Any) -> Frame:
        """In another type, or each in its own."""
        types = to if isinstance(to, Mapping) else dict.fromkeys(self.series, to)
        made = {
            name: one.astype(types[name]) if name in types else one
            for name, one in self.series.items()
        }
        return Frame(made, build=self.build)

    def isna(self) -> Frame:
        """Whether each is missing."""
        return self.each(lambda one: one.isna())

    def notna(self) -> Frame:
        """Whether each is there."""
        return self.each(lambda one: one.notna())

    isnull, notnull = isna, notna

    def clip(self, lower: Any = None, upper: Any = None, **_: Any) -> Frame:
        """Within bounds."""
        return self.each(lambda one: one.clip(lower, upper))

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
        return Frame(made, build=self.build)

    def _constants(self, other: Any) -> Mapping[str, Any]:
        """What stands on the other side of an operator, by column."""
        if isinstance(other, Frame):
            return {name: other[name] for name in self.series}
        if isinstance(other, Recorded):
            raise Untraceable("it computes with a frame and a column")
        if hasattr(other, "index") and hasattr(other, "to_dict"):
            pairs: Mapping[str, Any] = other.to_dict()
            if pairs.keys() != self.series.keys():
                raise Untraceable("it computes with a frame and constants of other columns")
            return pairs
        if np.ndim(other) == 1:
            return dict(zip(self.series, other, strict=True))
        return dict.fromkeys(self.series, other)

    def over_columns(self, how: RowFunction, axis: Any) -> Numbers:
        """One number a row."""
        parts = [one for one in self.series.values() if isinstance(one, Numbers)]
        if axis not in (1, "columns") or len(parts) < len(self.series):
            raise Untraceable(f"its {how} depends on the other rows; compute it in `fit`")
        found = joined(parts).over_columns(how)
        return found.like(found.register, found.kind, ndim=1)

    def sum(self, axis: Any = None, **_: Any) -> Numbers:
        """Of each row."""
        return self.over_columns("sum", axis)

    def mean(self, axis: Any = None, **_: Any) -> Numbers:
        """Of each row."""
        return self.over_columns("mean", axis)

    def max(self, axis: Any = None, **_: Any) -> Numbers:
        """Of each row."""
        return self.over_columns("max", axis)

    def min(self, axis: Any = None, **_: Any) -> Numbers:
        """Of each row."""
        return self.over_columns("min", axis)

    def join(self, other: Frame) -> Frame:
        """The columns of both."""
        return beside([self, other], self.build)


def beside(parts: Sequence[Any], build: Builder) -> Frame:
    """The columns of frames and series in one frame."""
    series: dict[str, Series] = {}
    for one in parts:
        named = one.series if isinstance(one, Frame) else {one.name or str(len(series)): one}
        if not series.keys().isdisjoint(named):
            raise Untraceable("two of its columns have the same name")
        series |= named
    return Frame(series, build=build)
