"""Training data from a file, read as the estimator's own library would read it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np

from podium.errors import SetupError
from podium.plugins import needs
from podium.signature.delimited import delimiter_of, has_decimal_commas, is_number, with_point
from podium.signature.reading import MISSING_TEXTS
from podium.table import Array, Table, column_of, is_missing

PARQUET = (".parquet", ".pq")
CSV_LIKE = (".csv", ".tsv", ".txt")


def read_data(path: Path) -> Table:
    """The rows of a CSV or Parquet file.

    They are read by pandas if it is installed, otherwise by polars, as most likely happened in
    training. Without either, a CSV is read here.

    Raises:
        SetupError: the file can't be read, or has another format.
        MissingExtra: it is Parquet, and no library that reads it is installed.
    """
    if not path.is_file():
        raise SetupError(f"{path} doesn't exist")
    suffix = path.with_suffix("").suffix + path.suffix if path.suffix == ".gz" else path.suffix
    kind = suffix.lower().removesuffix(".gz")
    if kind not in PARQUET + CSV_LIKE:
        raise SetupError(f"{path} is neither CSV nor Parquet", hint="give a .csv or .parquet file")
    try:
        return _read(path, is_parquet=kind in PARQUET)
    except SetupError:
        raise
    except Exception as error:
        why = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise SetupError(
            f"{path} can't be read: {why[:300]}",
            hint="a CSV file has the names of its columns in its first line, and as many cells in each",
        ) from error


@dataclass(frozen=True, slots=True)
class FileTable(Table):
    """Rows of a delimited file, whose cells can be read again as texts.

    Attributes:
        decimal: the decimal separator.
    """

    path: Path = Path()
    decimal: str = "."

    def select(self, names: Sequence[str]) -> FileTable:
        """The table with these columns, in this order."""
        columns = {name: self.columns[name] for name in names}
        return replace(self, columns=columns)

    def texts(self, names: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The cells of these columns as written in the file, "" where empty."""
        return _read_texts(self.path, names) if names else {}


def split_target(table: Table, target: str | None) -> tuple[Table, object]:
    """The rows without the target's column, and that column; None without a target.

    Raises:
        SetupError: there is no such column.
    """
    if target is None:
        return table, None
    if target not in table.columns:
        raise SetupError(
            f"the data has no column {target!r}", hint=f"it has: {', '.join(table.names[:30])}"
        )
    rest = table.select([name for name in table.names if name != target])
    column = table.select([target])
    return rest, column


def _read(path: Path, *, is_parquet: bool) -> Table:
    if is_parquet:
        return _read_parquet(path)
    delimiter = _delimiter(path)
    if find_spec("pandas") is not None:
        import pandas as pd

        table = Table.of(pd.read_csv(path, sep=delimiter))
    elif find_spec("polars") is not None:
        import polars as pl

        table = Table.of(pl.read_csv(path, separator=delimiter, infer_schema_length=None))
    else:
        texts = _read_texts(path)
        n_rows = len(next(iter(texts.values())))
        table = Table({name: column_of(_typed(cells)) for name, cells in texts.items()}, n_rows)
    columns, dtypes, decimal = dict(table.columns), dict(table.dtypes), "."
    if has_decimal_commas(delimiter):
        for name, column in table.columns.items():
            numbers = _numbers_with_commas(column)
            if numbers is not None:
                columns[name], dtypes[name], decimal = numbers, "float64", ","
    return FileTable(columns, table.n_rows, dtypes, table.frame, table.levels, path, decimal)


def _read_parquet(path: Path) -> Table:
    if find_spec("pandas") is None and find_spec("polars") is not None:
        import polars as pl

        return Table.of(pl.read_parquet(path))
    with needs("arrow"):
        from pyarrow import parquet
    if find_spec("pandas") is not None:
        import pandas as pd

        return Table.of(pd.read_parquet(path))
    return Table.of(parquet.read_table(path).to_pydict())


def _delimiter(path: Path) -> str:
    with _opened(path) as file:
        return delimiter_of(file.readline())


def _opened(path: Path) -> TextIO:
    opener = gzip.open if path.suffix == ".gz" else open
    return cast("TextIO", opener(path, "rt", encoding="utf-8-sig", newline=""))


def _read_texts(path: Path, selected: Collection[str] | None = None) -> dict[str, list[str]]:
    """The cells of a file, by column; of all columns if none are named."""
    delimiter = _delimiter(path)
    with _opened(path) as file:
        lines = csv.reader(file, delimiter=delimiter)
        names = next(lines, None)
        if not names:
            raise SetupError(f"{path} is empty")
        places = {name: i for i, name in enumerate(names) if selected is None or name in selected}
        columns: dict[str, list[str]] = {name: [] for name in places}
        for row in lines:
            if len(row) > len(names) or (selected is None and 0 < len(row) < len(names)):
                raise SetupError(
                    f"{path}: line {lines.line_num} has {len(row)} cells, not {len(names)}"
                )
            if row:
                for name, place in places.items():
                    columns[name].append(row[place] if place < len(row) else "")
    return columns


def _numbers_with_commas(column: Array) -> Array | None:
    """A column of texts as numbers with decimal commas, if all of them are; else None."""
    texts = column[~is_missing(column)] if column.dtype.kind == "O" else ()
    if not len(texts) or not all(isinstance(text, str) and is_number(text) for text in texts):
        return None
    return np.array([math.nan if t is None else float(with_point(t)) for t in column])


def _typed(texts: Sequence[str]) -> list[Any]:
    """Texts converted to the narrowest type that fits them all."""
    kinds: tuple[Callable[[str], object], ...] = (int, float, _boolean, dt.date.fromisoformat)
    for kind in (*kinds, dt.datetime.fromisoformat):
        try:
            return [None if t.strip().lower() in MISSING_TEXTS else kind(t) for t in texts]
        except ValueError:
            continue
    return [None if text.strip().lower() in MISSING_TEXTS else text for text in texts]


def _boolean(text: str) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise ValueError(text)
    return text.strip().lower() == "true"
