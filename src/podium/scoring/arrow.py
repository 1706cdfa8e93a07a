"""Columns of Arrow: those that a model reads, and those that it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.flow.formats.arrow import cells_of_column
from podium.scoring.rows import Cells, Kind, Predicted
from podium.scoring.values import json_text
from podium.signature.labels import label_text
from podium.table import Array


def cells_for_model(cells: Cells) -> Sequence[object] | Array:
    """A column's values in a form that the signature validates; an Arrow array as numpy's."""
    if not hasattr(cells, "to_pylist"):
        return cells
    import pyarrow as pa

    return cells_of_column(pa.chunked_array([cells]))


def type_of(kind: Kind) -> Any:
    """The Arrow type of a predicted column."""
    import pyarrow as pa

    types: dict[Kind, Any] = {float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    return types.get(kind, pa.string())


def array_of(one: Predicted, type_: Any) -> Any:
    """A predicted column as an Arrow array; a refused row is null."""
    import pyarrow as pa

    convert: dict[Kind, Any] = {float: float, int: int, bool: bool, str: label_text}
    to_arrow = convert.get(one.kind, _text_or_json)
    return pa.array([None if cell is None else to_arrow(cell) for cell in one.cells], type_)


def _text_or_json(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)
