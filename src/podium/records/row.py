"""How a record writes a row: its inputs as JSON, and its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from podium.signature.labels import label_text

_PLAIN_MIN, _PLAIN_MAX = 1e-4, 1e16
# Making a type takes time with the square of its fields: 19 ms for 2,000.
_TYPED_NAMES_MAX = 256
_json = msgspec.json.Encoder().encode


def rows_json(names: Sequence[str], columns: Sequence[Sequence[Any]], n_rows: int) -> list[bytes]:
    """Each row as a JSON object of names and values.

    Args:
        columns: JSON values, in the order of the names.

    Raises:
        ValueError: the columns differ in length.
    """
    if not names:
        return [b"{}"] * n_rows
    kind = _row_type(tuple(names))
    if kind is None:
        objects: Iterable[object] = [
            dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)
        ]
    elif len(set(map(len, columns))) > 1 or len(columns) != len(names):
        raise ValueError("the columns of the rows differ in length")
    else:
        objects = map(kind, *columns)
    return list(map(_json, objects))


@lru_cache(256)
def _row_type(names: tuple[str, ...]) -> Any:
    """What is encoded as an object of these names, in half of a dict's time; None if nothing is."""
    if len(names) > _TYPED_NAMES_MAX:
        return None
    places = {f"c{at}": name for at, name in enumerate(names)}
    try:
        return msgspec.defstruct("Row", [(place, Any) for place in places], rename=places, gc=False)
    except ValueError:  # a quotation mark, or another sign that is escaped in JSON
        return None


def outcome_of(prediction: object) -> tuple[str, float | None]:
    """A prediction as a text to filter by, and as a number if it is one."""
    if isinstance(prediction, float):
        # The shortest digits that give the number again, as JSON has them: in a quarter of the time.
        # Beyond these bounds Python writes an exponent, and JSON another one.
        if _PLAIN_MIN <= abs(prediction) < _PLAIN_MAX:
            return _json(prediction).decode(), prediction
        return str(prediction), prediction
    if isinstance(prediction, (bool, int, str)):
        is_number = isinstance(prediction, int) and not isinstance(prediction, bool)
        return label_text(prediction), float(prediction) if is_number else None
    return msgspec.json.encode(prediction).decode(), None
