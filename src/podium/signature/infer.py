"""Fields inferred from the data that a model was trained on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from podium.errors import SignatureError
from podium.quantiles import quantiles_of
from podium.signature.fields import Category, Field, Range
from podium.signature.labels import INTEGER_MAX, Label
from podium.signature.zones import local_text, zone_name
from podium.table import Array, Levels, Table, is_missing, plain_values

# Strings that differ in every other row are texts, unless there are only a few.
FEW_CATEGORIES = 20
# A string with more words than this is a text.
WORDS_MAX = 6
# What to do about values that no field can hold, by their type.
_LISTS = "make a column of each of its values"
_CONVERSIONS = {
    "list": _LISTS,
    "tuple": _LISTS,
    "ndarray": _LISTS,
    "dict": _LISTS,
    "bytes": "decode it to texts",
    "complex": "make two columns of its real and imaginary parts",
    "Period": "convert it with .dt.to_timestamp()",
    "Timedelta": "convert it with .dt.total_seconds()",
    "timedelta": "convert it to seconds",
    "time": "convert it to hours or seconds",
    "Interval": "take its middle or its text",
}
UNSEEN = "(a category that isn't in the training data)"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_EXAMPLES = 5


class ColumnUse(NamedTuple):
    """How a model uses a column, if its parts show that.

    Attributes:
        is_text: whether it uses the words; otherwise whole values, as categories.
        labels: the known categories.
    """

    is_text: bool
    labels: tuple[Label, ...] = ()


def infer_fields(table: Table, uses: Mapping[str, ColumnUse] | None = None) -> tuple[Field, ...]:
    """One field for each column of the training data.

    Args:
        uses: how the model uses some of the columns; the data alone decides on the others.

    Raises:
        SignatureError: there is no column or no row, or a column contains what no field can hold.
    """
    if not table.columns:
        raise SignatureError(
            "the data has no columns", hint="pass the rows that the model was fitted on"
        )
    if not table.n_rows:
        raise SignatureError(
            "the data has no rows", hint="pass the rows that the model was fitted on"
        )
    return tuple(_field(table, name, (uses or {}).get(name)) for name in table.names)


def unseen_label(field: Field) -> Label:
    """A category of the field's kind that doesn't occur in training."""
    numbers = [label for label in field.labels if isinstance(label, (int, float))]
    return max(numbers) + 1 if numbers and len(numbers) == len(field.labels) else UNSEEN


def series_field(table: Table) -> Field:
    """The only column as the field of a model that takes nothing else, as text models do.

    Strings are then texts, however few and short they are.

    Raises:
        SignatureError: it contains what no field can hold.
    """
    ((name, column),) = table.columns.items()
    field = _field(table, name)
    present = plain_values(column[~is_missing(column)])
    if field.type != "category" or not all(isinstance(value, str) for value in present):
        return field
    # A series without a name.
    title = "Text" if name == "x0" else ""
    return _text(_with(field, categories=(), title=title), present)


def examples(table: Table, fields: Sequence[Field]) -> tuple[dict[str, Label | None], ...]:
    """A few whole rows, spread over the data, as plain JSON values.

    Rows without a missing cell come first: they are the best examples to send.
    """
    missing = np.zeros(table.n_rows, np.int64)
    for column in table.columns.values():
        missing += is_missing(column)
    fewest = np.flatnonzero(missing == missing.min())
    places = np.unique(np.linspace(0, len(fewest) - 1, N_EXAMPLES).astype(int))
    rows = table.take(fewest[places]).select([f.name for f in fields]).rows()
    return tuple({f.name: json_value(row[f.name], f) for f in fields} for row in rows)


def json_value(value: object, field: Field) -> Label | None:
    """A cell as a JSON value: dates and times as ISO 8601 text, with an offset in a zone."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if field.type == "date" else local_text(value, field.zone)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _field(table: Table, name: str, use: ColumnUse | None = None) -> Field:
    column, dtype, levels = table.columns[name], table.dtypes.get(name, ""), table.levels.get(name)
    missing = is_missing(column)
    share = float(missing.mean())
    present = column[~missing]
    base = Field(
        name=name,
        missing="accept" if share else "refuse",
        missing_share=round(share, 6),
        dtype=dtype,
    )
    kind = column.dtype.kind
    if use is not None and not use.is_text and kind in "if":
        return _numbered(base, plain_values(present), use)
    if kind in "if":
        return _number(base, present, is_integer=kind == "i")
    if kind == "b":
        return _with(base, type="boolean", categories=_categories(plain_values(present)))
    if kind == "M":
        return _time(base, present)
    return _labels(base, plain_values(present), levels, use)


def _with(field: Field, **changes: object) -> Field:
    return Field(**{name: getattr(field, name) for name in Field.__struct_fields__} | changes)


def _number(base: Field, present: Array, *, is_integer: bool) -> Field:
    finite = present[np.isfinite(present)]
    if not len(finite):
        return base
    # A column of integers with gaps arrives as floats, but its type in the frame shows it.
    is_integer = is_integer or base.dtype.lower().startswith(("int", "uint"))
    low, high = finite.min(), finite.max()
    if is_integer and max(abs(int(low)), abs(int(high))) > INTEGER_MAX:
        raise SignatureError(
            f"column {base.name!r} holds whole numbers of more than {INTEGER_MAX:,}, which aren't "
            "exact in JSON, nor in most models",
            hint="leave out the column if it is an id; otherwise fit on it as text, or as floats",
        )
    quantiles = tuple(quantiles_of(finite, QUANTILES).tolist())
    return _with(
        base,
        type="integer" if is_integer else "float",
        seen=Range(int(low), int(high)) if is_integer else Range(float(low), float(high)),
        quantiles=quantiles,
    )


def _time(base: Field, present: Array) -> Field:
    if not len(present):
        return _with(base, type="datetime")
    days = present.astype("datetime64[D]")
    zone = zone_name(base.dtype)
    if zone in ("", "UTC") and bool((days == present).all()):
        return _with(base, type="date", seen=Range(str(days.min()), str(days.max())))
    low, high = (local_text(moment.item(), zone) for moment in (present.min(), present.max()))
    return _with(base, type="datetime", seen=Range(low, high))


def _numbered(base: Field, numbers: Sequence[float], use: ColumnUse) -> Field:
    """Numbers that encode categories; integral ones as integers whatever the column's dtype."""
    labels = [int(v) if float(v).is_integer() else v for v in numbers]
    others = [int(v) if float(v).is_integer() else v for v in use.labels if not isinstance(v, str)]
    return _with(base, type="category", categories=_categories(labels, others))


def _labels(
    base: Field, present: Sequence[object], levels: Levels | None, use: ColumnUse | None
) -> Field:
    kinds = {type(v) for v in present}
    if kinds == {bool}:
        both = _categories(present)
        both = both if levels is None else _in_order(both, levels)
        return _with(base, type="boolean", categories=both)
    is_category = levels is not None or _is_categorical(base)
    if kinds and kinds <= {int, float, bool} and not is_category:
        numbers = np.array(present, np.float64)
        return _number(base, numbers, is_integer=float not in kinds)
    if kinds <= {dt.date, dt.datetime} and kinds and not is_category:
        return _time(base, np.array(present, "datetime64[us]"))
    declared = () if levels is None else levels.values
    odd = [type(v).__name__ for v in (*present, *declared) if not isinstance(v, (str, int, float))]
    if odd:
        raise SignatureError(
            f"column {base.name!r} holds {'categories' if is_category else 'values'} of type "
            f"{odd[0]}",
            hint="a field is a number, a boolean, a category, a text, a date or a time: "
            f"{_CONVERSIONS.get(odd[0], 'convert the column')} before fitting, or leave it out if "
            "the model doesn't use it",
        )
    if levels is not None:
        categories = _in_order(_categories(present), levels)
        return _with(base, type="category", categories=categories, is_ordered=levels.is_ordered)
    if not is_category and (_is_text(present) if use is None else use.is_text):
        return _text(base, present)
    others = () if use is None else use.labels
    return _with(base, type="category", categories=_categories(present, others))


def _is_categorical(base: Field) -> bool:
    return base.dtype.lower().startswith(("categor", "enum", "dictionary"))


def _in_order(categories: Sequence[Category], levels: Levels) -> tuple[Category, ...]:
    """All categories that a column declares, in the model's order."""
    frequencies = {(type(one.value), one.value): one.frequency for one in categories}
    return tuple(Category(v, frequencies.get((type(v), v), 0.0)) for v in levels.values)


def _text(base: Field, texts: Sequence[object]) -> Field:
    longest = max((len(str(v)) for v in texts), default=0)
    return _with(base, type="text", max_length=max(10_000, 2 * longest))


def _is_text(values: Sequence[object]) -> bool:
    """Whether strings are free text rather than the names of categories."""
    if not values or not all(isinstance(v, str) for v in values):
        return False
    texts = [str(v) for v in values]
    n_different = len(set(texts))
    n_words = sum(text.count(" ") + 1 for text in texts) / len(texts)
    if n_words > WORDS_MAX:
        return True
    return n_different > FEW_CATEGORIES and n_different > 0.5 * len(texts)


def _categories(values: Sequence[object], others: Sequence[object] = ()) -> tuple[Category, ...]:
    """The distinct values, most frequent first, then others that the model knows."""
    # 1, 1.0 and True are one key of a dict but three categories: count by type as well.
    counts = Counter((type(v), v) for v in values)
    counts.update(dict.fromkeys(((type(v), v) for v in others if (type(v), v) not in counts), 0))
    total = len(values) or 1
    # Ties are ordered by their text, so that packing twice gives the same result.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0][1])))
    return tuple(Category(value, round(n / total, 6)) for (_, value), n in ranked)  # type: ignore[arg-type]
