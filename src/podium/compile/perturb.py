"""Rows on which a program and its original might differ, derived from training rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.trace import Split
from podium.quantiles import quantiles_of
from podium.signature import TIMES, Field, Range, Signature
from podium.signature.infer import unseen_label
from podium.table import Array, Table, column_of, is_missing, stacked

# How many training rows each change is tried on.
TRIES = 3
LABELS_MAX = 200
# Of more fields than this, several are changed in one row: the rows would grow with their square.
WIDE = 100


class Perturbed(NamedTuple):
    """Rows that were changed in one way.

    Attributes:
        description: how, for people.
        table: the training data.
        rows: which of its rows, by index.
        cells: the columns that were changed, with their cells in these rows.
    """

    description: str
    table: Table
    rows: NDArray[np.intp]
    cells: Mapping[str, Array]


def together(groups: Sequence[Perturbed]) -> Table:
    """The rows of all groups.

    Each column is taken once: a thousand tables of a thousand columns take minutes.
    """
    table = groups[0].table
    rows = np.concatenate([group.rows for group in groups])
    changes: dict[str, list[tuple[int, Array]]] = {}
    begin = 0
    for group in groups:
        for name, cells in group.cells.items():
            changes.setdefault(name, []).append((begin, cells))
        begin += len(group.rows)
    columns = {
        name: _with_changes(column[rows], changes.get(name, ()))
        for name, column in table.columns.items()
    }
    return Table(columns, len(rows), table.dtypes, table.frame, table.levels)


def _with_changes(column: Array, changes: Sequence[tuple[int, Array]]) -> Array:
    """The column with other cells from some rows on."""
    parts, end = [], 0
    for begin, cells in changes:
        parts += [column[end:begin], cells]
        end = begin + len(cells)
    parts.append(column[end:])
    return stacked([part for part in parts if len(part)]) if changes else column


def perturbations(
    signature: Signature,
    table: Table,
    splits: Sequence[Split],
    random: np.random.Generator,
    formats: Mapping[str, str] | None = None,
) -> Iterator[Perturbed]:
    """Every group of changed rows.

    Args:
        table: rows of the training data.
        splits: the splits whose thresholds are approached.
        formats: those of texts that are read as times, by field; others are refused.
    """
    numbers = [field for field in signature.fields if field.type in ("float", "integer")]
    others = [field for field in signature.fields if field.type not in ("float", "integer")]
    for fields in (numbers, others):
        # As many rows as for WIDE fields, each of which is changed in rows of its own.
        for some in (fields[start::WIDE] for start in range(min(WIDE, len(fields)))):
            yield from _changed_together(some, table, random, formats or {})
    by_column: dict[int, list[Split]] = {}
    for split in splits:
        by_column.setdefault(split.column, []).append(split)
    for column, reached in sorted(by_column.items()):
        field = signature.fields[column]
        values = [beside for split in reached for beside in _beside(split.number, field)]
        rows = np.repeat([split.row for split in reached], len(values) // len(reached))
        cells = {field.name: _column(table.columns[field.name], values)}
        yield Perturbed(f"{field.name}: beside thresholds", table, rows, cells)


def _changed_together(
    fields: Sequence[Field],
    table: Table,
    random: np.random.Generator,
    formats: Mapping[str, str],
) -> Iterator[Perturbed]:
    """Groups of rows in which each of these fields is changed."""
    ways: dict[str, list[tuple[Field, list[Any]]]] = {}
    for field in fields:
        form = formats.get(field.name, "")
        for description, values in _groups(field, table.columns[field.name], form):
            if values:
                ways.setdefault(description, []).append((field, values))
    name = fields[0].name if len(fields) == 1 else f"{fields[0].name} and {len(fields) - 1} more"
    for description, sides in ways.items():
        n_rows = max(len(values) for _, values in sides) * TRIES
        # The least together, the greatest together: an original that refuses negative numbers
        # doesn't refuse all rows.
        cells = {
            field.name: _column(
                table.columns[field.name], [values[row % len(values)] for row in range(n_rows)]
            )
            for field, values in sides
        }
        rows = random.integers(0, table.n_rows, n_rows).astype(np.intp)
        yield Perturbed(f"{name}: {description}", table, rows, cells)


def _groups(field: Field, column: Array, form: str) -> Iterator[tuple[str, list[Any]]]:
    """Values to try in one field; those that the original may refuse form groups of their own."""
    if field.type in ("float", "integer"):
        inside, beyond = _extremes(field, column)
        yield "extremes", inside
        yield "beyond extremes", beyond
    elif field.type == "boolean":
        yield "both", [True, False]
    elif field.type == "category":
        yield "categories", list(field.labels[:LABELS_MAX])
        if field.unknown != "refuse":
            yield "unknown category", [unseen_label(field)]
    elif field.type == "text":
        yield "texts", ["", "?", "a"]
        if form:
            yield "times", _written(form, column)
        else:
            yield "spellings", _spellings(column)
    elif field.type in TIMES:
        yield "times", _times(field, column)
    if field.missing != "refuse":
        yield "missing", [None]


def _spellings(column: Array) -> list[str]:
    """Texts of the training data, written in other ways."""
    some = [text for text in column[:20] if isinstance(text, str)][:3]
    return [
        new
        for text in some
        for new in (
            text.upper(),
            text.lower(),
            text.title(),
            f"  {text}\t",
            f"{text} \u00dfÉ\u0130",
            text[:1],
        )
    ] or ["A"]


def _written(form: str, column: Array) -> list[str]:
    """Texts in the format of the training data: the ends of days, months and years."""
    moments = []
    for text in column[:50]:
        with suppress(TypeError, ValueError):  # missing, or no time
            moments.append(dt.datetime.strptime(text, form))  # noqa: DTZ007 - some have no zone
    if not moments:
        return ["?"]
    zone = moments[0].tzinfo
    some = np.array([one.replace(tzinfo=None) for one in moments], "datetime64[us]")
    return [one.item().replace(tzinfo=zone).strftime(form) for one in _ends(some)]


def _times(field: Field, column: Array) -> list[Any]:
    """The first and last moments of days, months and years around those of the training data."""
    present = column[~is_missing(column)]
    if not len(present):
        return [None] if field.missing != "refuse" else []
    found = _ends(present)
    if field.type == "date":
        found = [moment.astype("datetime64[D]") for moment in found]
    inside = [one for one in found if _is_within(one, field, present)]
    return [one.item() for one in inside]


def _ends(present: Array) -> list[Any]:
    """The first and last moments of days, months and years around these."""
    found = []
    for moment in (present.min(), present.max()):
        for unit, ahead in (("Y", 0), ("Y", 1), ("M", 0), ("M", 1), ("D", 0), ("D", 1), ("h", 0)):
            begin = (moment.astype(f"datetime64[{unit}]") + ahead).astype("datetime64[us]")
            found += [begin, begin - np.timedelta64(1, "us")]
        leap_year = (moment.astype("datetime64[Y]").astype(int) + 1970) // 4 * 4
        first_of_march = np.datetime64(f"{leap_year:04}-03-01T12:00", "us")
        found.append(first_of_march - np.timedelta64(1, "D"))
        found.append(moment.astype("datetime64[us]"))
    return found


def _is_within(moment: Any, field: Field, present: Array) -> bool:
    """Whether the signature accepts the moment; its bounds are those of the training data."""
    is_bounded = field.outside == "refuse" or field.bounds != Range()
    return not is_bounded or bool(present.min() <= moment <= present.max())


def _extremes(field: Field, column: Array) -> tuple[list[Any], list[Any]]:
    present = column[~is_missing(column)].astype(np.float64)
    present = present if len(present) else np.array([0.0, 1.0])  # all training values were missing
    low, high = float(present.min()), float(present.max())
    span = (high - low) or 1.0
    inside = [low, high, (low + high) / 2, *quantiles_of(present, (0.1, 0.25, 0.5, 0.75, 0.9))]
    beyond = [low - span, high + span, low - 100 * span, high + 100 * span, 0.0, -1.0, 1.0]
    possible = [v for v in beyond if _is_possible(v, field)]
    return [_as(v, field) for v in inside], [_as(v, field) for v in possible]


def _is_possible(value: float, field: Field) -> bool:
    low, high = field.bounds.minimum, field.bounds.maximum
    if field.outside == "refuse":
        low = low if field.seen.minimum is None else field.seen.minimum
        high = high if field.seen.maximum is None else field.seen.maximum
    above = not isinstance(low, (int, float)) or value >= low
    return above and (not isinstance(high, (int, float)) or value <= high)


def _as(value: float, field: Field) -> int | float:
    return round(value) if field.type == "integer" else float(value)


def _beside(number: float, field: Field) -> list[int | float | bool]:
    """The number itself, and its neighbours in double and in single precision."""
    if not np.isfinite(number) or abs(number) > 1e300:
        number = 0.0
    if field.type == "boolean":
        return [False, True]
    if field.type == "integer":
        return [int(np.floor(number)), int(np.ceil(number))]
    with np.errstate(over="ignore"):
        single = np.float32(number)
        singles = [np.nextafter(single, np.float32(way)) for way in (-np.inf, np.inf)]
    doubles = [np.nextafter(number, way) for way in (-np.inf, np.inf)]
    values = [number, *doubles, float(single), *map(float, singles)]
    return [float(v) if np.isfinite(v) else 0.0 for v in values]


def changed(table: Table, rows: Any, field: Field, values: list[Any]) -> Table:
    """Some rows, with these values in one field."""
    changed = table.take(np.asarray(rows, np.intp))
    columns = dict(changed.columns)
    old = columns[field.name]
    columns[field.name] = _column(old, values)
    return Table(columns, changed.n_rows, table.dtypes, table.frame, table.levels)


def _column(old: Array, values: list[Any]) -> Array:
    """The values in the form of this field's columns."""
    if old.dtype.kind in "if":
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            return np.array(values, old.dtype)
        if all(v is None or isinstance(v, (int, float)) for v in values):
            return np.array([np.nan if v is None else v for v in values], np.float64)
    if old.dtype.kind == "M":
        return np.array(values, old.dtype)
    if old.dtype.kind == "b" and all(isinstance(v, bool) for v in values):
        return np.array(values, np.bool_)
    if old.dtype.kind in "Ob":
        column = np.empty(len(values), object)
        column[:] = values
        return column
    return column_of(values)
