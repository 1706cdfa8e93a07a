"""Training data from a file, as the estimator's own library would have read it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from podium.errors import SetupError
from podium.plugins import needs
from podium.signature.reading import MISSING_TEXTS
from podium.table import Table, column_of, delimiter_of

PARQUET = (".parquet", ".pq")
CSV_LIKE = (".csv", ".tsv", ".txt")


def read_data(path: Path) -> Table:
    """The rows of a CSV or Parquet file.

    They are read by pandas where it is installed, or else by polars: as whoever trained the model
    most likely read them. Without either, a CSV is read here.

    Raises:
        SetupError: the file can't be read, or is of another kind.
        MissingExtra: it is Parquet, and nothing that reads it is installed.
    """
    if not path.is_file():
        raise SetupError(f"{path} isn't there")
    suffix = path.with_suffix("").suffix + path.suffix if path.suffix == ".gz" else path.suffix
    kind = suffix.lower().removesuffix(".gz")
    if kind not in PARQUET + CSV_LIKE:
        raise SetupError(f"{path} is neither CSV nor Parquet", hint="give a .csv or .parquet file")
    try:
        return _read(path, is_parquet=kind in PARQUET)
    except SetupError:
        raise
    except Exception as error:
        raise SetupError(f"{path} can't be read: {str(error)[:300]}") from error


def split_target(table: Table, target: str | None) -> tuple[Table, object]:
    """The rows without the target's column, and that column; None without a target.

    Raises:
        SetupError: no column is called so.
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
    if find_spec("pandas") is not None:
        import pandas as pd

        if not is_parquet:
            return Table.of(pd.read_csv(path, sep=_delimiter(path)))
        with needs("arrow"):
            return Table.of(pd.read_parquet(path))
    if find_spec("polars") is not None:
        import polars as pl

        if is_parquet:
            return Table.of(pl.read_parquet(path))
        return Table.of(pl.read_csv(path, separator=_delimiter(path), infer_schema_length=None))
    if not is_parquet:
        return _read_csv(path)
    with needs("arrow"):
        from pyarrow import parquet
    columns = parquet.read_table(path).to_pydict()
    return Table.of(columns)


def _delimiter(path: Path) -> str:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
        return delimiter_of(file.readline())


def _read_csv(path: Path) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter=_delimiter(path)))
    if not lines:
        raise SetupError(f"{path} is empty")
    names, rows = lines[0], [line for line in lines[1:] if line]
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise SetupError(f"{path}: line {number} has {len(row)} cells, not {len(names)}")
    columns = {name: column_of(_typed([row[i] for row in rows])) for i, name in enumerate(names)}
    return Table(columns, len(rows))


def _typed(texts: Sequence[str]) -> list[Any]:
    """Texts as the narrowest type that fits them all."""
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
