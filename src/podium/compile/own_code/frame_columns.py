"""The columns of a recorded frame: chosen, put in, taken out and renamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Self, TypeVar, cast

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Input
from podium.compile.own_code.labels import Labels, named
from podium.compile.own_code.moments import Moments, Spans
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Rows, Untraceable
from podium.compile.own_code.series import Other, Series
from podium.compile.own_code.values import Numbers, always

_Method = TypeVar("_Method", bound=Callable[..., Any])


def in_place(method: _Method) -> _Method:
    """A method of a frame with pandas' option `inplace`."""

    @wraps(method)
    def call(self: Columns, *args: Any, inplace: bool = False, **options: Any) -> Any:
        found = method(self, *args, **options)
        if not inplace:
            return found
        self.series = found.series
        return None

    return cast("_Method", call)


class Columns(Operators):
    """Columns by name.

    Attributes:
        series: by name, in order.
        is_array: whether it is an array of texts and numbers, whose columns have no names.
        source: returns numbers of as many rows, where it has no columns.
    """

    noun = "frame"
    ndim = 2

    def __init__(
        self,
        series: Mapping[Any, Series],
        *,
        build: Builder,
        is_array: bool = False,
        source: Callable[[], Numbers] | None = None,
    ) -> None:
        self.series, self.build, self.is_array = dict(series), build, is_array
        self._source = source

    def of(self, series: Mapping[Any, Series]) -> Self:
        """A frame of other columns, of the same rows."""
        return type(self)(series, build=self.build, source=self._source)

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
        self.series = dict(zip(list(names), self.series.values(), strict=True))

    @property
    def dtypes(self) -> Any:
        """The types by name, as pandas' series."""
        import pandas as pd

        return pd.Series(
            {name: dtype_of(one, self.build) for name, one in self.series.items()}, dtype=object
        )

    @property
    def shape(self) -> tuple[Any, int]:
        """The number of columns is known."""
        return Rows(self.some_numbers), len(self.series)

    @property
    def index(self) -> Any:
        """The rows, which stay in their order."""
        return Rows(self.some_numbers)

    @index.setter
    def index(self, _: Any) -> None:
        """Names of rows, which don't matter."""

    def some_numbers(self) -> Numbers:
        """A column of numbers of as many rows, whatever they are."""
        for one in self.series.values():
            if isinstance(one, Numbers):
                return one
        for one in self.series.values():
            if isinstance(one, (Labels, Moments)):
                return one.isna()
        if self._source is None:
            raise Untraceable("it makes a column beside none that can be recorded")
        return self._source()

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
        return self._one(names) if is_name(names) else self.selected(names)

    def get(self, name: Any, default: Any = None) -> Any:
        """A column, or what stands in for it."""
        found: Any = self.series.get(name, default)
        return found

    def _one(self, name: Any) -> Series:
        if name not in self.series:
            raise Untraceable(f"there is no column {name!r}")
        found: Series = self.series[name]
        if isinstance(found, (Numbers, Labels)):
            found.name = name
        return found

    def selected(self, names: Any) -> Self:
        """Some columns, by their names or by a truth for each."""
        chosen = list(names)
        if chosen and all(isinstance(one, (bool, np.bool_)) for one in chosen):
            chosen = [n for n, is_chosen in zip(self.series, chosen, strict=True) if is_chosen]
        return self.of({name: self._one(name) for name in chosen})

    def __setitem__(self, names: Any, value: Any) -> None:
        if isinstance(names, Recorded):
            raise Untraceable("it changes some rows of all columns")
        if is_name(names):
            self.series[names] = self._column(value)
            return
        for n, name in enumerate(list(names)):
            if isinstance(value, Columns):
                self.series[name] = list(value.series.values())[n]
            elif isinstance(value, Numbers) and value.ndim == 2:
                self.series[name] = self._column(value[:, n])
            else:
                self.series[name] = self._column(value)

    def _column(self, value: Any) -> Series:
        if isinstance(value, Numbers):
            found = value.copy()
            found.ndim, found.is_pandas = 1, True
            return found
        if isinstance(value, (Labels, Moments, Spans, Other)):
            return value
        if isinstance(value, Columns) and len(value.series) == 1:
            only: Series = next(iter(value.series.values()))
            return only
        if isinstance(value, str):
            return named(always(self.some_numbers(), 0), [value], is_filled=True)
        if value is not None and not np.isscalar(value):
            raise Untraceable(f"it sets a column to a {type(value).__name__}")
        return self._column(always(self.some_numbers(), value))

    def __delitem__(self, name: str) -> None:
        del self.series[name]

    def pop(self, name: str) -> Series:
        """Take a column out."""
        found: Series = self.series.pop(name)
        return found

    def insert(self, at: int, name: str, value: Any) -> None:
        """Put a column in."""
        pairs = list(self.series.items())
        self.series = dict([*pairs[:at], (name, self._column(value)), *pairs[at:]])

    def copy(self, *_: Any, **__: Any) -> Self:
        """The same columns, apart."""
        found = self.of({name: one.copy() for name, one in self.series.items()})
        found.is_array = self.is_array
        return found

    def assign(self, **columns: Any) -> Self:
        """With more columns."""
        frame = self.copy()
        for name, value in columns.items():
            frame[name] = value(frame) if callable(value) else value
        return frame

    @in_place
    def drop(
        self, labels: Any = None, axis: Any = 0, *, columns: Any = None, errors: str = "raise"
    ) -> Self:
        """Without some columns."""
        if columns is None and axis not in (1, "columns"):
            raise Untraceable("it drops rows")
        gone = labels if columns is None else columns
        gone = [gone] if is_name(gone) else list(gone)
        if errors == "raise":
            gone = [name for name in gone if self._one(name) is not None]
        return self.selected([name for name in self.series if name not in gone])

    @in_place
    def rename(self, mapper: Any = None, *, columns: Any = None, axis: Any = None) -> Self:
        """With other names."""
        how = columns if columns is not None else mapper if axis in (1, "columns") else None
        if how is None:
            raise Untraceable("it renames rows")
        named = how if callable(how) else lambda name: how.get(name, name)
        return self.of({named(name): one for name, one in self.series.items()})

    def filter(self, items: Any = None, like: Any = None, regex: Any = None, axis: Any = 1) -> Self:
        """Columns by their names."""
        if axis not in (1, "columns"):
            raise Untraceable("it drops rows")
        if items is not None:
            return self.selected([name for name in items if name in self.series])
        return self.selected(
            [n for n in self.series if (like in n if regex is None else re.search(regex, n))]
        )

    def add_prefix(self, prefix: str, axis: Any = 1) -> Self:
        """With longer names."""
        return self.rename(lambda name: f"{prefix}{name}", axis="columns" if axis else None)

    def add_suffix(self, suffix: str, axis: Any = 1) -> Self:
        """With longer names."""
        return self.rename(lambda name: f"{name}{suffix}", axis="columns" if axis else None)

    def set_axis(self, names: Any, *, axis: Any = 0, **_: Any) -> Self:
        """With other names."""
        if axis not in (1, "columns"):
            return self.copy()
        return self.of(dict(zip(names, self.series.values(), strict=True)))

    def reindex(
        self, labels: Any = None, *, columns: Any = None, axis: Any = 0, fill_value: Any = np.nan
    ) -> Self:
        """These columns, in this order; those that aren't there have one value."""
        names = columns if columns is not None else labels if axis in (1, "columns") else None
        if names is None or isinstance(names, Recorded):
            raise Untraceable("it selects rows")
        found = {n: self.series[n] if n in self.series else self._column(fill_value) for n in names}
        return self.of(found)

    def merge(self, right: Any, how: str = "inner", on: Any = None, **options: Any) -> Self:
        """The columns of a constant frame, which has each key once, beside those of these rows."""
        if isinstance(right, Recorded):
            raise Untraceable("it merges rows with other rows")
        if how != "left" or not is_name(on) or options:
            raise Untraceable('it merges; `how="left"` with one column as `on` can be recorded')
        table = right.set_index(on)
        if not table.index.is_unique or table.index.hasnans:
            raise Untraceable("it merges with a frame that has a key twice, or a missing one")
        if not self.series.keys().isdisjoint(table.columns):
            raise Untraceable("it merges frames that have columns of the same names")
        frame = self.copy()
        for name in table.columns:
            frame[name] = self[on].map(table[name])
        return frame

    def select_dtypes(self, include: Any = None, exclude: Any = None) -> Self:
        """Columns by their type."""
        import pandas as pd

        empty = {
            n: pd.Series([], dtype=dtype_of(one, self.build)) for n, one in self.series.items()
        }
        return self.selected(pd.DataFrame(empty).select_dtypes(include, exclude).columns)


def is_name(names: Any) -> bool:
    """Whether it is the name of one column, rather than several."""
    return isinstance(names, (str, int, np.integer)) and not isinstance(names, bool)


def dtype_of(one: Series, build: Builder) -> Any:
    """The type of a column, as pandas'."""
    import pandas as pd

    if isinstance(one, Numbers):
        return one.dtype
    if isinstance(one, Moments):
        return pd.api.types.pandas_dtype(f"datetime64[{one.unit}{', ' * bool(one.zone)}{one.zone}]")
    if isinstance(one, Spans):
        return np.dtype(f"timedelta64[{one.unit}]")
    column = one.column
    field = build.field(column) if isinstance(column, Input) else None
    name = one.dtype_name if isinstance(one, Labels) else field.dtype if field else ""
    return pd.api.types.pandas_dtype("object" if name.startswith("object") else name or "object")
