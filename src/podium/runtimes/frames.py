"""The table as the frame that a model was trained on: same library, same types."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.plugins import needs
from podium.runtimes.dtypes import holding
from podium.signature import Field, Signature
from podium.table import OBJECT_WITH_NAN, Array, Table, is_missing, plain_values


def frame_for(signature: Signature, table: Table) -> Any:
    """The rows as the original estimator saw them in training.

    Returns:
        A pandas or polars frame, a list of dicts without their missing values, or a numpy array of
        shape (n_rows, n_fields), as `signature.frame` says; a series, or an array of shape
        (n_rows,), if it is one.

    Raises:
        MissingExtra: that library isn't installed.
    """
    if signature.frame == "pandas":
        frame = _pandas(signature, table)
        return frame.iloc[:, 0] if signature.is_series else frame
    if signature.frame == "polars":
        frame = _polars(signature, table)
        return frame.to_series() if signature.is_series else frame
    if signature.frame == "dicts":
        fields_table = table.select(signature.names)
        return [{n: v for n, v in row.items() if v is not None} for row in fields_table.rows()]
    rows = _numpy(signature, table)
    return rows[:, 0] if signature.is_series else rows


def _pandas(signature: Signature, table: Table) -> Any:
    with needs("pandas"):
        import pandas as pd

    if len(signature.fields) > 1 and _are_plain_floats(signature, table):
        # As one matrix: a frame of 2,000 columns is made in 10 ms then, not in 80.
        rows = np.column_stack([table.columns[name] for name in signature.names])
        return pd.DataFrame(rows, pd.RangeIndex(table.n_rows), signature.names, copy=False)
    columns = {f.name: _pandas_column(f, table.columns[f.name]) for f in signature.fields}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.n_rows), copy=False)


def _are_plain_floats(signature: Signature, table: Table) -> bool:
    """Whether all columns were numbers of 64 bits in training, and are now."""
    return all(
        field.type == "float"
        and field.dtype == "float64"
        and table.columns[field.name].dtype == np.float64
        for field in signature.fields
    )


def _pandas_column(field: Field, column: Array) -> Any:
    import pandas as pd

    dtype = field.dtype
    if dtype == "category":
        return _categorical(field, column)
    if dtype.startswith("dictionary<"):
        import pyarrow as pa

        return pd.array(pa.array(plain_values(column)).dictionary_encode())
    column = _numbers(field, column)
    dtype = holding(dtype, column)
    if dtype == OBJECT_WITH_NAN:
        return pd.Series([np.nan if v is None else v for v in plain_values(column)], dtype=object)
    if field.type in ("date", "datetime"):
        return _pandas_times(field, column)
    holes = column.dtype.kind == "f" and bool(np.isnan(column).any())
    if holes and dtype.startswith(("int", "uint")):
        return column  # numpy's integers have no missing value: floats were used in training, too
    if not dtype or dtype == column.dtype.name != "object":
        return column
    if (
        column.dtype.kind == "O"
    ):  # of an array a frame would infer texts, whose missing value is NaN
        return pd.Series(column, dtype=object if dtype in ("object", "bool") else dtype)
    return pd.Series(column).astype(dtype)


def _categorical(field: Field, column: Array) -> Any:
    """A categorical with the training levels; other values are missing, as in pandas."""
    import pandas as pd

    labels = set(field.labels)
    values = [v if v in labels else None for v in plain_values(column)]
    return pd.Categorical(values, categories=list(field.labels), ordered=field.is_ordered)


def _numbers(field: Field, column: Array) -> Array:
    """Numbers that stand for categories, with their type in training."""
    is_whole = field.label_types <= {int, float} and field.label_types
    if field.type != "category" or not is_whole or field.dtype in ("object", OBJECT_WITH_NAN):
        return column
    cells = np.array(column, np.float64)  # numpy turns None into NaN
    return cells if np.isnan(cells).any() else np.array(column.tolist())


def _pandas_times(field: Field, column: Array) -> Any:
    import pandas as pd

    series, dtype = pd.Series(column.astype("datetime64[us]")), field.dtype
    if dtype == "object":
        return pd.Series(plain_values(column), dtype=object)
    if not dtype.startswith(("datetime64[", "timestamp[")):
        return series
    dtype = holding(dtype, column)
    return (series.dt.tz_localize("UTC") if field.zone else series).astype(dtype)


def _polars(signature: Signature, table: Table) -> Any:
    with needs("polars"):
        import polars as pl

    columns = []
    for field in signature.fields:
        kind = getattr(pl, field.dtype.partition("(")[0], None)
        values = plain_values(table.columns[field.name])
        if field.dtype.startswith("Enum"):
            labels = dict.fromkeys(map(str, field.labels))
            values = [v if v in labels else None for v in values]
            series = pl.Series(field.name, values, pl.Enum(list(labels)))
        elif kind is pl.Datetime and field.zone:
            moments = pl.Series(field.name, values, pl.Datetime("us", "UTC"))
            dtype = holding(field.dtype, table.columns[field.name])
            unit: Any = dtype.partition("time_unit='")[2][:2]
            series = moments.dt.convert_time_zone(field.zone).dt.cast_time_unit(unit)
        elif kind in (pl.Datetime, pl.Categorical, None):
            series = pl.Series(field.name, values)
            series = series.cast(pl.Categorical) if kind is pl.Categorical else series
        else:
            # An integer column with gaps arrives as floats with None between them.
            kind = getattr(pl, holding(field.dtype, table.columns[field.name]), kind)
            series = pl.Series(field.name, values, strict=False).cast(kind)
        columns.append(series)
    return pl.DataFrame(columns)


def _numpy(signature: Signature, table: Table) -> Array:
    kinds = {field.dtype for field in signature.fields}
    columns = [_numbers(field, table.columns[field.name]) for field in signature.fields]
    if all(column.dtype.kind in "ifb" for column in columns):
        rows = np.column_stack(columns) if columns else np.empty((table.n_rows, 0))
        dtype = holding(next(iter(kinds)), rows) if len(kinds) == 1 else ""
        is_number = dtype.startswith(("float", "int", "uint", "bool"))
        holes = rows.dtype.kind == "f" and bool(np.isnan(rows).any())
        if is_number and not (holes and not dtype.startswith("float")):
            return rows.astype(dtype, copy=False)
        return rows
    missing = np.nan if OBJECT_WITH_NAN in kinds else None
    rows = np.empty((table.n_rows, len(columns)), object)
    for i, column in enumerate(columns):
        rows[:, i] = [missing if v is None else v for v in plain_values(column)]
    dtype = next(iter(kinds)) if len(kinds) == 1 else ""
    if any(is_missing(column).any() for column in columns):
        return rows  # numpy's strings have no missing value: it would become "None"
    # As wide as these strings are: the width in training would truncate longer ones.
    if dtype.startswith(("<U", "str")):
        return rows.astype(np.str_)
    return rows.astype(np.bytes_) if dtype.startswith("|S") else rows
