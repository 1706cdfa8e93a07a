"""The training rows of a new project: which columns are used, and what the target is."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

from podium.errors import SetupError, SignatureError
from podium.packing.data import PARQUET, FileTable, read_data, split_target
from podium.signature import Field
from podium.signature.delimited import delimiter_of
from podium.signature.infer import infer_fields
from podium.table import Table

# Integers up to here are taken as classes: stars, grades, yes and no. Beyond, they are quantities.
CLASSES_MAX = 20
# With more classes, a classifier needs a tree for each class in each round.
TEXTS_MAX = 100
DEMO_TARGET = "species"
# Dates as texts, and the format as pandas takes it. Others are ambiguous: 3/4/2024.
_DATES = {
    "ISO8601": re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?", re.ASCII),
    "%d.%m.%Y": re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the training script needs to know about a file.

    Attributes:
        path: the file; None for the demo's, which is created with the project.
        file_name: its name in the project.
        target: the column to predict.
        classes: whether the target is one of a few classes, and not a quantity.
        numbers: the columns of numbers and booleans.
        categories: the columns with a few values each.
        dates: the columns of dates without gaps, and the format of each, as pandas takes it.
        left_out: columns of free text, or no values, which the script doesn't use.
        separator: the delimiter of a text file.
        decimal: the decimal separator of a text file.
    """

    path: Path | None
    file_name: str
    target: str
    classes: bool
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    separator: str = ","
    decimal: str = "."

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet, and not text."""
        return self.file_name.endswith(PARQUET)


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns.

    Raises:
        SetupError: it can't be read.
    """
    return read_data(path).names


def demo_dataset() -> Dataset:
    """The 344 penguins of Palmer station.

    Data: Gorman, Williams and Fraser (2014), PLoS ONE 9(3) e90081, CC0.
    """
    with as_file(files("podium.projects") / "templates" / "penguins.csv") as path:
        table = read_data(path)
    return _described(table, DEMO_TARGET, None, "penguins.csv", ",")


def dataset_of(path: Path, target: str) -> Dataset:
    """The description of a user's file.

    Raises:
        SetupError: it can't be read, or nothing can be learned from it.
    """
    table = read_data(path)
    return _described(table, target, path, _plain_name(path), separator_of(path))


def separator_of(path: Path) -> str:
    """The separator of a text file; a comma for Parquet, which has none."""
    if path.name.endswith(PARQUET):
        return ","
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        return delimiter_of(file.readline())


def _described(
    table: Table, target: str, path: Path | None, file_name: str, separator: str
) -> Dataset:
    rest, column = split_target(table, target)
    assert isinstance(column, Table)  # there is a target
    try:
        fields = infer_fields(rest)
        (goal,) = infer_fields(column)
    except SignatureError as error:
        raise SetupError(f"{file_name}: {error.message}", hint=error.hint) from error
    dates = {f.name: _date_format(f, rest) for f in fields}
    dates = {name: form for name, form in dates.items() if form}
    ids = {one.name for one in fields if one.name in dates or _is_id(one, rest)}
    numbers = [f.name for f in fields if f.type in ("float", "integer") and f.name not in ids]
    # Booleans are numbers, too, as long as none of them is missing.
    truths = [f.name for f in fields if f.type == "boolean"]
    numbers += [name for name in truths if not rest.columns[name].dtype.hasobject]
    named = [f.name for f in fields if f.type == "category" and f.name not in ids]
    categories = named + [name for name in truths if name not in numbers]
    if not numbers and not categories and not dates:
        raise SetupError(
            f"{file_name} has no column that a model can learn from besides {target!r}",
            hint="it needs numbers, dates, or texts with few distinct values",
        )
    used = {*numbers, *categories, *dates}
    return Dataset(
        path=path,
        file_name=file_name,
        target=target,
        classes=_has_classes(goal, column, file_name),
        numbers=tuple(numbers),
        categories=tuple(categories),
        left_out=tuple(name for name in rest.names if name not in used),
        dates=dates,
        separator=separator,
        decimal=table.decimal if isinstance(table, FileTable) else ".",
    )


def _date_format(one: Field, rows: Table) -> str:
    """The format of a column of dates without gaps; "" for every other column."""
    if one.type not in ("category", "text", "date", "datetime"):
        return ""
    cells = [row[one.name] for row in rows.rows()]
    if any(cell is None for cell in cells):
        return ""
    if one.type in ("date", "datetime"):
        return "ISO8601"
    texts = {cell for cell in cells if isinstance(cell, str)}
    if len(texts) < len(set(cells)):
        return ""
    for form, pattern in _DATES.items():
        if all(map(pattern.fullmatch, texts)):
            return form if _all_exist(texts, form) else ""
    return ""


def _all_exist(texts: Iterable[str], form: str) -> bool:
    """Whether all of these are days of the calendar."""
    parse = dt.datetime.fromisoformat if form == "ISO8601" else partial(_parsed, form=form)
    try:
        for text in texts:
            parse(text)
    except ValueError:
        return False
    return True


def _parsed(text: str, form: str) -> dt.datetime:
    return dt.datetime.strptime(text, form)  # noqa: DTZ007 - dates have no zone


def _has_classes(goal: Field, column: Table, file_name: str) -> bool:
    """Whether the target names classes, rather than measuring something."""
    n_different = len({row[goal.name] for row in column.rows()} - {None})
    if n_different < 2:
        raise SetupError(
            f"{file_name}: {goal.name!r} has only one value", hint="choose another --target"
        )
    if goal.type in ("text", "date", "datetime"):
        raise SetupError(
            f"{file_name}: {goal.name!r} holds {goal.type}s, which the training script can't predict",
            hint="choose a --target with numbers, or with few distinct values",
        )
    if goal.type == "category" and n_different > min(TEXTS_MAX, column.n_rows - 1):
        raise SetupError(
            f"{file_name}: {goal.name!r} has {n_different} distinct values in {column.n_rows} rows",
            hint=f"choose a --target with numbers, or with at most {TEXTS_MAX} distinct values",
        )
    return goal.type in ("category", "boolean") or (
        goal.type == "integer" and n_different <= CLASSES_MAX
    )


def _is_id(one: Field, rows: Table) -> bool:
    """Whether a column only identifies the rows: a model can't learn anything general from it."""
    if one.type == "category":
        return len(one.categories) == rows.n_rows > 1
    name = one.name.lower()
    if one.type != "integer" or not (name in ("", "id") or name.startswith("unnamed:")):
        return False
    return len(set(rows.columns[one.name].tolist())) == rows.n_rows


def _plain_name(path: Path) -> str:
    """The file's name without characters that a Dockerfile or a script would have to quote."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).lstrip("-.") or "rows.csv"
