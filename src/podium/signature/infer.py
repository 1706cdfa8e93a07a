"""Fields inferred from the data that a model was trained on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import numpy as np

from podium.errors import SignatureError
from podium.signature.fields import Category, Field, FieldType, Label, Range
from podium.table import Array, Table, is_missing, plain_values

# A column of strings is a category up to here, and a text beyond. 1,000 options are about what a
# person still finds their way in with a keyboard.
CATEGORIES_MAX = 1_000
FEW_CATEGORIES = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_EXAMPLES = 5


def infer_fields(table: Table) -> tuple[Field, ...]:
    """One field a column of the training data.

    Raises:
        SignatureError: there is no column or no row, or a column holds what no field can.
    """
    if not table.columns:
        raise SignatureError(
            "the data has no columns", hint="give the rows the model was fitted on"
        )
    if not table.n_rows:
        raise SignatureError("the data has no rows", hint="give the rows the model was fitted on")
    return tuple(
        _field(name, column, table.dtypes.get(name, "")) for name, column in table.columns.items()
    )


def series_field(table: Table) -> Field:
    """The only column as the field of a model that takes nothing else, as models of texts do.

    Strings are texts then, however few and short they are.

    Raises:
        SignatureError: it holds what no field can.
    """
    ((name, column),) = table.columns.items()
    field = _field(name, column, table.dtypes.get(name, ""))
    known = plain_values(column[~is_missing(column)])
    if field.type != "category" or not all(isinstance(value, str) for value in known):
        return field
    # A series without a name.
    title = "Text" if name == "x0" else ""
    return _text(_with(field, categories=(), title=title), known)


def examples(table: Table, fields: Sequence[Field]) -> tuple[dict[str, Label | None], ...]:
    """A few whole rows, spread over the data, as plain JSON values.

    Rows without a missing cell come first: they are what a newcomer wants to send.
    """
    missing = np.zeros(table.n_rows, np.int64)
    for column in table.columns.values():
        missing += is_missing(column)
    fewest = np.flatnonzero(missing == missing.min())
    wanted = np.unique(np.linspace(0, len(fewest) - 1, N_EXAMPLES).astype(int))
    rows = table.take(fewest[wanted]).select([f.name for f in fields]).rows()
    return tuple({f.name: json_value(row[f.name], f.type) for f in fields} for row in rows)


def json_value(value: object, type_: FieldType) -> Label | None:
    """A cell as JSON can hold it: dates and times as ISO 8601 text."""
    if value is None:
        return None
    if type_ == "date" and isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _field(name: str, column: Array, dtype: str) -> Field:
    missing = is_missing(column)
    share = float(missing.mean())
    known = column[~missing]
    base = Field(
        name=name,
        missing="accept" if share else "refuse",
        missing_share=round(share, 6),
        dtype=dtype,
    )
    kind = column.dtype.kind
    if kind in "if":
        return _number(base, known, is_integer=kind == "i")
    if kind == "b":
        return _with(base, type="boolean", categories=_categories(plain_values(known)))
    if kind == "M":
        return _time(base, known)
    return _labels(base, plain_values(known))


def _with(field: Field, **changes: object) -> Field:
    return Field(**{name: getattr(field, name) for name in Field.__struct_fields__} | changes)


def _number(base: Field, known: Array, *, is_integer: bool) -> Field:
    finite = known[np.isfinite(known)]
    if not len(finite):
        return base
    # A column of integers with holes arrives as floats, but its type in the frame says so.
    is_integer = is_integer or base.dtype.lower().startswith(("int", "uint"))
    low, high = finite.min(), finite.max()
    quantiles = tuple(float(q) for q in np.quantile(finite, QUANTILES))
    return _with(
        base,
        type="integer" if is_integer else "float",
        seen=Range(int(low), int(high)) if is_integer else Range(float(low), float(high)),
        quantiles=quantiles,
    )


def _time(base: Field, known: Array) -> Field:
    if not len(known):
        return _with(base, type="datetime")
    days = known.astype("datetime64[D]")
    is_date = bool((days == known).all())
    moments = days if is_date else known
    low, high = moments.min().item(), moments.max().item()
    return _with(
        base,
        type="date" if is_date else "datetime",
        seen=Range(low.isoformat(), high.isoformat()),
    )


def _labels(base: Field, known: Sequence[object]) -> Field:
    kinds = {type(v) for v in known}
    if kinds == {bool}:
        return _with(base, type="boolean", categories=_categories(known))
    if kinds and kinds <= {int, float, bool} and "categor" not in base.dtype.lower():
        numbers = np.array(known, np.float64)
        return _number(base, numbers, is_integer=float not in kinds)
    if kinds <= {dt.date, dt.datetime} and kinds:
        return _time(base, np.array(known, "datetime64[us]"))
    odd = [kind.__name__ for kind in kinds if kind not in (str, int, float, bool)]
    if odd:
        raise SignatureError(
            f"column {base.name!r} holds values of type {odd[0]}",
            hint="a field is a number, a boolean, a category, a text, a date or a time: "
            "convert the column before fitting",
        )
    if _is_text(known):
        return _text(base, known)
    return _with(base, type="category", categories=_categories(known))


def _text(base: Field, known: Sequence[object]) -> Field:
    longest = max((len(str(v)) for v in known), default=0)
    return _with(base, type="text", max_length=max(10_000, 2 * longest))


def _is_text(known: Sequence[object]) -> bool:
    """Whether strings are texts rather than the names of categories."""
    if not known or not all(isinstance(v, str) for v in known):
        return False
    texts = [str(v) for v in known]
    n_different = len(set(texts))
    n_words = sum(text.count(" ") + 1 for text in texts) / len(texts)
    if n_words > 6 or n_different > CATEGORIES_MAX:
        return True
    if n_different <= FEW_CATEGORIES:
        return False
    return n_different > 0.5 * len(texts)


def _categories(known: Sequence[object]) -> tuple[Category, ...]:
    # 1, 1.0 and True are one key of a dict but three categories: count them by type too.
    counts = Counter((type(v), v) for v in known)
    total = len(known) or 1
    # As often as each other: in the order of their text, so that packing twice gives the same.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0][1])))
    return tuple(Category(value, round(n / total, 6)) for (_, value), n in ranked)  # type: ignore[arg-type]
