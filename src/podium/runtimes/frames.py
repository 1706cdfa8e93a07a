"""The table as the frame that a model was trained on: same library, same types."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.plugins import needs
from podium.signature import Field, Signature
from podium.table import OBJECT_WITH_NAN, Array, Table, plain_values


def frame_for(signature: Signature, table: Table) -> Any:
    """The rows as the original estimator saw them in training.

    Returns:
        A pandas or polars frame, or a numpy array of shape (n_rows, n_fields), as
        `signature.frame` says; a series, or an array of shape (n_rows,), where it is one.

    Raises:
        MissingExtra: that library isn't installed.
    """
    if signature.frame == "pandas":
        frame = _pandas(signature, table)
        return frame.iloc[:, 0] if signature.is_series else frame
    if signature.frame == "polars":
        frame = _polars(signature, table)
        return frame.to_series() if signature.is_series else frame
    rows = _numpy(signature, table)
    return rows[:, 0] if signature.is_series else rows


def _pandas(signature: Signature, table: Table) -> Any:
    with needs("pandas"):
        import pandas as pd

    columns = {f.name: _pandas_column(f, table.columns[f.name]) for f in signature.fields}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.n_rows), copy=False)


def _pandas_column(field: Field, column: Array) -> Any:
    import pandas as pd

    dtype = field.dtype
    if dtype == "category":
        return pd.Categorical(plain_values(column), categories=list(field.labels))
    if dtype == OBJECT_WITH_NAN:
        return pd.Series([np.nan if v is None else v for v in plain_values(column)], dtype=object)
    if field.type in ("date", "datetime"):
        return _pandas_times(dtype, column)
    holes = column.dtype.kind == "f" and bool(np.isnan(column).any())
    if holes and dtype.startswith(("int", "uint")):
        return column  # numpy's integers have no missing value: training saw floats then, too
    if not dtype:
        return column
    if column.dtype.kind == "O":
        return pd.Series(column, dtype=object if dtype in ("object", "bool") else dtype)
    return pd.Series(column).astype(dtype)


def _pandas_times(dtype: str, column: Array) -> Any:
    import pandas as pd

    series = pd.Series(column.astype("datetime64[us]"))
    if not dtype.startswith("datetime64"):
        return pd.Series(plain_values(column), dtype=object) if dtype == "object" else series
    unit, _, zone = dtype.removeprefix("datetime64[").rstrip("]").partition(", ")
    series = series.astype(f"datetime64[{unit}]")
    return series.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else series


def _polars(signature: Signature, table: Table) -> Any:
    with needs("polars"):
        import polars as pl

    columns = []
    for field in signature.fields:
        kind = getattr(pl, field.dtype.partition("(")[0], None)
        values = plain_values(table.columns[field.name])
        if field.dtype.startswith("Enum"):
            series = pl.Series(field.name, values, pl.String).cast(
                pl.Enum([str(label) for label in sorted(map(str, field.labels))])
            )
        elif kind in (pl.Datetime, pl.Categorical, None):
            series = pl.Series(field.name, values)
            series = series.cast(pl.Categorical) if kind is pl.Categorical else series
        else:
            # An integer column with holes arrives as floats with None between them.
            series = pl.Series(field.name, values, strict=False).cast(kind)
        columns.append(series)
    return pl.DataFrame(columns)


def _numpy(signature: Signature, table: Table) -> Array:
    kinds = {field.dtype for field in signature.fields}
    columns = [table.columns[field.name] for field in signature.fields]
    if all(column.dtype.kind in "ifb" for column in columns):
        dtype = next(iter(kinds)) if len(kinds) == 1 else ""
        rows = np.column_stack(columns) if columns else np.empty((table.n_rows, 0))
        is_number = dtype.startswith(("float", "int", "uint", "bool"))
        holes = rows.dtype.kind == "f" and bool(np.isnan(rows).any())
        if is_number and not (holes and not dtype.startswith("float")):
            return rows.astype(dtype, copy=False)
        return rows
    nothing = np.nan if OBJECT_WITH_NAN in kinds else None
    rows = np.empty((table.n_rows, len(columns)), object)
    for i, column in enumerate(columns):
        rows[:, i] = [nothing if v is None else v for v in plain_values(column)]
    dtype = next(iter(kinds)) if len(kinds) == 1 else ""
    # As wide as these texts are: in the width of training a longer one would lose its end.
    if dtype.startswith(("<U", "str")):
        return rows.astype(np.str_)
    return rows.astype(np.bytes_) if dtype.startswith("|S") else rows
