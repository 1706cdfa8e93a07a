"""Rows and columns: the values that travel along the path of a prediction.

A column is a one-dimensional numpy array in one of a few normal forms:

| holds    | dtype          | a missing cell is            |
|----------|----------------|------------------------------|
| numbers  | float64        | NaN                          |
| integers | int64          | (the column becomes float64) |
| booleans | bool           | (the column becomes object)  |
| dates    | datetime64[D]  | NaT                          |
| times    | datetime64[us] | NaT                          |
| labels   | object         | None                         |
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError

Array: TypeAlias = NDArray[Any]
Frame: TypeAlias = Literal["pandas", "polars", "numpy", "dicts"]

# A column of Python objects whose missing value is NaN, not None: encoders distinguish them.
OBJECT_WITH_NAN = "object+nan"
# Up to this many cells, a loop is faster than numpy.
FEW_CELLS = 32


class Levels(NamedTuple):
    """The values that a categorical column declares, in its order, whether or not a row has them.

    Attributes:
        is_ordered: whether they are ordered, from the least to the greatest.
    """

    values: tuple[Any, ...]
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of one length, in the normal forms of this module.

    Attributes:
        columns: arrays by name, in order.
        n_rows: their length (a table without columns has one, too).
        dtypes: the original type of each column, by its name in the library.
        frame: the original library, `dicts` for mappings, None for other plain values.
        levels: of the categorical columns, by name.
    """

    columns: Mapping[str, Array]
    n_rows: int
    dtypes: Mapping[str, str] = field(default_factory=dict)
    frame: Frame | None = None
    levels: Mapping[str, Levels] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return self.n_rows

    def take(self, rows: slice | NDArray[np.intp]) -> Table:
        """The table with these rows alone."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        n_rows = len(range(*rows.indices(self.n_rows))) if isinstance(rows, slice) else len(rows)
        return Table(columns, n_rows, self.dtypes, self.frame, self.levels)

    def select(self, names: Sequence[str]) -> Table:
        """The table with these columns alone, in this order."""
        columns = {name: self.columns[name] for name in names}
        return Table(columns, self.n_rows, self.dtypes, self.frame, self.levels)

    def rows(self) -> Iterator[dict[str, object]]:
        """Each row as a dict of plain Python values; None where a cell is missing."""
        plain = [plain_values(column) for column in self.columns.values()]
        if not (names := self.names):
            return iter([{} for _ in range(self.n_rows)])
        return (dict(zip(names, cells, strict=True)) for cells in zip(*plain, strict=True))

    @classmethod
    def concat(cls, tables: Sequence[Table]) -> Table:
        """The rows of all tables, which have the same columns."""
        first = tables[0]
        if len(tables) == 1:
            return first
        columns = {n: stacked([t.columns[n] for t in tables]) for n in first.names}
        return cls(columns, sum(t.n_rows for t in tables), first.dtypes, first.frame, first.levels)

    @classmethod
    def of(cls, rows: object, *, names: Sequence[str] | None = None) -> Table:
        """A table from anything that contains rows.

        Args:
            rows: a Table, a pandas or polars frame or series (or any that narwhals knows), a
                numpy array of shape (n_rows, n_columns), a mapping of names to sequences, one
                mapping of names to scalars (one row), or a sequence of such mappings.
            names: names for the columns of an array, or for an unnamed series; by default `x0`,
                `x1`, ...

        Raises:
            SetupError: it is none of these, or its columns differ in length.
        """
        if isinstance(rows, Table):
            return rows
        if isinstance(rows, np.ndarray):
            return _of_array(np.asarray(rows), names)
        if isinstance(rows, Mapping):
            return _of_mapping(rows)
        if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
            return _of_sequence(rows, names)
        array = _as_array(rows)
        return _of_frame(rows, names) if array is None else _of_array(array, names)


def column_name(name: object) -> str:
    """A column's name as a string; the levels of a MultiIndex are joined with underscores."""
    return "_".join(str(n) for n in name if n != "") if isinstance(name, tuple) else str(name)


def plain_values(column: Array) -> list[Any]:
    """A column's cells as plain Python values, None where missing."""
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        if len(values) < FEW_CELLS or np.isnan(column).any():
            return [None if v != v else v for v in values]
        return values
    if column.dtype.kind == "O":
        return [v.item() if isinstance(v, np.generic) else v for v in values]
    return values


def are_finite(cells: Array) -> bool:
    """Whether none of these numbers is NaN or infinite."""
    if cells.size < FEW_CELLS:
        return all(map(math.isfinite, cells.ravel().tolist()))
    return bool(np.isfinite(cells).all())


def stacked(columns: Sequence[Array]) -> Array:
    """The cells of several columns as one."""
    kinds = {c.dtype.kind for c in columns}
    if len(kinds) == 1 or kinds <= {"i", "f"}:
        return np.concatenate(columns)
    return column_of([v for c in columns for v in plain_values(c)])


def is_missing(column: Array) -> NDArray[np.bool_]:
    """True where a cell of this column is missing."""
    kind = column.dtype.kind
    if kind == "f":
        return np.isnan(column)
    if kind == "M":
        return np.isnat(column)
    if kind == "O":
        return np.fromiter((v is None for v in column), np.bool_, len(column))
    return np.zeros(len(column), np.bool_)


def column_of(values: Sequence[object]) -> Array:
    """Plain Python values as a column in its normal form; mixed types stay objects."""
    cells = [_plain(v) for v in values]
    kinds = {type(v) for v in cells}
    some = kinds - {type(None)}
    if not some:
        return np.array(cells, dtype=object) if kinds else np.empty(0, np.float64)
    if some == {bool} and type(None) not in kinds:
        return np.array(cells, np.bool_)
    if some == {int} and type(None) not in kinds:
        return _integers(cells)
    if some <= {int, float}:
        return np.array([np.nan if v is None else v for v in cells], np.float64)
    if some == {dt.date}:
        return np.array(cells, "datetime64[D]")
    if some == {dt.datetime}:
        return np.array([_utc(v) for v in cells], "datetime64[us]")
    column = np.empty(len(cells), object)
    column[:] = cells
    return column


def _integers(cells: Sequence[Any]) -> Array:
    try:
        return np.array(cells, np.int64)
    except OverflowError:
        return np.array(cells, np.float64)


def _utc(value: Any) -> Any:
    if value is None or value.tzinfo is None:
        return value
    return value.astimezone(dt.UTC).replace(tzinfo=None)


def _plain(value: object) -> object:
    """A cell as a plain Python value; every library's missing value becomes None."""
    if value is None or isinstance(value, (str, bool, int, dt.date)):
        # pandas' NaT is a datetime, and the only one that differs from itself.
        return None if value != value else value
    if isinstance(value, (float, np.floating, Decimal)):  # a long double's own item() is itself
        return None if value != value else float(value)
    if isinstance(value, np.complexfloating):
        return complex(value)
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[us]").item()
    if isinstance(value, np.generic):
        return _plain(value.item())
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas, without importing it
        return None
    return value


def _normal(array: Array) -> Array:
    """A numpy array of any dtype as a column."""
    kind = array.dtype.kind
    if kind == "f":
        return array.astype(np.float64, copy=False)
    if kind == "b":
        return array
    if kind in "iu":
        if kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
            return array.astype(np.float64)
        return array.astype(np.int64, copy=False)
    if kind == "M":
        unit = "datetime64[D]" if array.dtype == np.dtype("datetime64[D]") else "datetime64[us]"
        return array.astype(unit)
    if kind == "m":  # in nanoseconds they would become plain integers
        array = array.astype("timedelta64[us]")
    return column_of(array.tolist())


def _of_array(array: Array, names: Sequence[str] | None) -> Table:
    if array.dtype.names is not None:
        return Table(
            {n: _normal(array[n]) for n in array.dtype.names},
            len(array),
            {n: str(array.dtype[n]) for n in array.dtype.names},
            "numpy",
        )
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise SetupError(
            f"an array of {array.ndim} dimensions isn't a table",
            hint="give one of shape (rows, columns)",
        )
    n_columns = array.shape[1]
    names = tuple(names) if names is not None else tuple(f"x{i}" for i in range(n_columns))
    if len(names) != n_columns:
        raise SetupError(f"{len(names)} names were given for {n_columns} columns")
    columns = {name: _normal(array[:, i]) for i, name in enumerate(names)}
    has_nan = array.dtype == object and any(v != v for v in array.ravel())
    dtype = OBJECT_WITH_NAN if has_nan else str(array.dtype)
    return Table(columns, len(array), dict.fromkeys(names, dtype), "numpy")


def _as_array(rows: object) -> Array | None:
    """A tensor, an index or a categorical as an array; None if it may be a frame.

    Raises:
        SetupError: it is sparse.
    """
    from narwhals.dependencies import is_into_dataframe, is_into_series

    if hasattr(rows, "toarray"):
        raise SetupError(
            f"a {type(rows).__name__} can't be read as a table",
            hint="put the step that makes it sparse into a Pipeline with the model, or pass X.toarray()",
        )
    if not hasattr(rows, "__array__") or is_into_dataframe(rows) or is_into_series(rows):
        return None
    return np.asarray(rows)


def _of_mapping(rows: Mapping[Any, Any]) -> Table:
    values = {str(name): value for name, value in rows.items()}
    if values and all(map(_is_cell, values.values())):
        return _of_values({n: [v] for n, v in values.items()}, 1)
    lengths = {len(v) for v in values.values()}
    if len(lengths) > 1:
        raise SetupError(f"all columns must have the same length, not {sorted(lengths)}")
    return _of_values(values, lengths.pop() if lengths else 0)


def _is_cell(value: object) -> bool:
    """Whether this is a single value, and not a column."""
    if isinstance(value, Sequence):
        return isinstance(value, (str, bytes))
    return np.ndim(value) == 0  # type: ignore[arg-type]  # of whatever kind


def _of_sequence(rows: Sequence[Any], names: Sequence[str] | None) -> Table:
    if not rows:
        return Table({}, 0)
    if all(isinstance(row, Mapping) for row in rows):
        keys = dict.fromkeys(key for row in rows for key in row)
        values = {str(key): [row.get(key) for row in rows] for key in keys}
        return replace(_of_values(values, len(rows)), frame="dicts")
    if all(isinstance(row, (list, tuple)) for row in rows) and len({len(r) for r in rows}) == 1:
        given = tuple(names) if names is not None else tuple(f"x{i}" for i in range(len(rows[0])))
        return _of_values({n: [row[i] for row in rows] for i, n in enumerate(given)}, len(rows))
    return _of_array(np.asarray(rows, dtype=object), names)


def _of_values(values: Mapping[str, Any], n_rows: int) -> Table:
    columns, dtypes = {}, {}
    for name, given in values.items():
        cells: Any = given if isinstance(given, np.ndarray) else list(given)
        columns[name] = _normal(cells) if cells is given else column_of(cells)
        if columns[name].dtype.kind == "M" and any(getattr(v, "tzinfo", None) for v in cells):
            dtypes[name] = "datetime64[us, UTC]"  # to which the times are converted
    return Table(columns, n_rows, dtypes)


def _of_frame(rows: object, names: Sequence[str] | None) -> Table:
    import narwhals as nw

    try:
        held = nw.from_native(rows, allow_series=True)  # type: ignore[call-overload]
    except nw.exceptions.DuplicateError as error:
        raise SetupError(f"two columns have the same name: {str(error)[:200]}") from error
    except TypeError as error:
        raise SetupError(
            f"a {type(rows).__name__} can't be read as a table",
            hint="pass a pandas or polars frame, a numpy array, a dict of columns, or a list of dicts",
        ) from error
    if isinstance(held, nw.LazyFrame):
        held = held.collect()
    if isinstance(held, nw.Series):
        held = (held if held.name else held.alias(names[0] if names else "x0")).to_frame()
    native = nw.to_native(held)
    module = type(native).__module__.partition(".")[0]
    frame: Frame = "polars" if module == "polars" else "pandas"
    columns, dtypes, levels = {}, {}, {}
    for series in held.iter_columns():
        name = column_name(series.name)
        if name in columns:
            raise SetupError(f"two columns are called {name!r}", hint="rename one of them")
        columns[name] = _of_series(series)
        dtypes[name] = _dtype(series)
        if (declared := _levels(series)) is not None:
            levels[name] = declared
    return Table(columns, len(held), dtypes, frame, levels)


def _dtype(series: Any) -> str:
    native = series.to_native()
    dtype = str(getattr(native, "dtype", "")) or str(getattr(native, "type", ""))
    if dtype == "object" and any(isinstance(v, float) and v != v for v in native):
        return OBJECT_WITH_NAN
    return dtype


def _levels(series: Any) -> Levels | None:
    """The levels of pandas' categoricals and polars' enums."""
    dtype = getattr(series.to_native(), "dtype", None)
    values = getattr(dtype, "categories", None)
    if values is None or callable(values):
        return None
    return Levels(tuple(map(_plain, values)), bool(getattr(dtype, "ordered", True)))


def _of_series(series: Any) -> Array:
    import narwhals as nw

    dtype = series.dtype
    has_holes = dtype.is_integer() and series.null_count() > 0
    if dtype.is_float() or dtype == nw.Decimal or has_holes:
        return np.asarray(series.cast(nw.Float64).to_numpy(), np.float64)
    if dtype.is_integer():
        return _normal(series.to_numpy())
    if dtype == nw.Boolean and not series.null_count():
        return np.asarray(series.to_numpy(), np.bool_)
    if dtype == nw.Date:
        return np.array(series.to_list(), "datetime64[D]")
    if dtype == nw.Datetime:
        if dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return np.asarray(series.to_numpy(), "datetime64[us]")
    if dtype == nw.Unknown and getattr(series.to_native().dtype, "tz", None) is not None:
        # narwhals doesn't know zones such as America/New_York, with an underscore.
        times = series.to_native().dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(times.to_numpy(), "datetime64[us]")
    if dtype in (nw.Categorical, nw.Enum):
        labels = np.empty(len(series), object)
        labels[:] = [_plain(v) for v in series.to_list()]
        return labels
    return column_of(series.to_list())
