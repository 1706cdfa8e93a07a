"""Columns of Arrow: those that a model reads, those that it predicts, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.flow.formats.arrow import cells_of_column
from podium.scoring.rows import Kind, Predicted
from podium.scoring.values import json_text
from podium.signature import Field
from podium.signature.coded import Coded
from podium.signature.labels import label_text
from podium.table import Array

# Between these sizes Arrow writes numbers in full where Python writes powers of ten, and the reverse.
_SMALL, _LARGE = (1e-6, 1e-4), (1e10, 1e16)


def cells_for_model(one: Field, cells: Any) -> Sequence[object] | Array:
    """The cells of a field in a form that the signature validates.

    Args:
        cells: an Arrow array, or plain values, which stay as they are.
    """
    if not hasattr(cells, "to_pylist"):
        plain: Sequence[object] = cells
        return plain
    import pyarrow as pa

    types, kind = pa.types, cells.type
    is_text = types.is_string(kind) or types.is_large_string(kind)
    if types.is_dictionary(kind) or (is_text and one.type != "text"):
        return coded(cells.dictionary_encode())
    return cells_of_column(pa.chunked_array([cells]))


def coded(array: Any) -> Coded:
    """An Arrow array with a dictionary, of which only those cells remain that some row has."""
    import pyarrow as pa

    cells: Any = cells_of_column(pa.chunked_array([array.dictionary]))
    cells = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
    n_cells, indices = len(cells), array.indices
    if indices.null_count:
        cells, indices = [*cells, None], indices.cast(pa.int64()).fill_null(n_cells)
    codes = indices.to_numpy(zero_copy_only=False).astype(np.intp)
    is_used = np.bincount(codes, minlength=len(cells)) > 0
    if not is_used.all():
        cells = [cell for cell, used in zip(cells, is_used, strict=True) if used]
        codes = (np.cumsum(is_used) - 1)[codes]
    return Coded(cells, codes)


def array_of(one: Predicted) -> Any:
    """A predicted column as an Arrow array; a refused row is null."""
    import pyarrow as pa

    types: dict[Kind, Any] = {float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    type_ = types.get(one.kind, pa.string())
    if _has_dtype(one):
        return pa.array(one.column, type_)
    if one.kind is str and (words := _words_of(one)) is not None:
        return words
    convert: dict[Kind, Any] = {float: float, int: int, bool: bool, str: label_text}
    to_arrow = convert.get(one.kind, _text_or_json)
    return pa.array([None if cell is None else to_arrow(cell) for cell in one.cells], type_)


def texts_of(one: Predicted) -> Any:
    """A predicted column as the texts of a CSV; None if they aren't plain numbers or words."""
    import pyarrow as pa
    from pyarrow import compute

    if one.kind is str:
        words = _words_of(one)
        if words is None:
            return None
        odd = compute.match_substring_regex(words.unique(), '[",;|\t\r\n]')
        return None if compute.any(odd).as_py() else words.fill_null("")
    if one.kind is int and _has_dtype(one):
        return array_of(one).cast(pa.string()).fill_null("")
    is_float = one.kind is float and (
        _has_dtype(one) or set(map(type, one.cells)) <= {float, type(None)}
    )
    return _number_texts(array_of(one)).fill_null("") if is_float else None


def _number_texts(numbers: Any) -> Any:
    """Floats as Python writes them."""
    import pyarrow as pa
    from pyarrow import compute

    texts = numbers.cast(pa.string())
    cells = numbers.to_numpy(zero_copy_only=False)
    sizes = np.abs(cells)
    is_whole = (np.floor(cells) == cells) & (sizes < _LARGE[1])
    if is_whole.any():
        longer = compute.binary_join_element_wise(texts, ".0", "")
        texts = compute.if_else(pa.array(is_whole), longer, texts)
    is_tiny = (sizes < _SMALL[0]) & (sizes > 0)
    if is_tiny.any():
        mask = pa.array(is_tiny)
        padded = compute.replace_substring_regex(texts.filter(mask), r"e-(\d)$", r"e-0\1")
        texts = compute.replace_with_mask(texts, mask, padded)
    is_odd = np.zeros(len(cells), np.bool_)
    for low, high in (_SMALL, _LARGE):
        is_odd |= (sizes >= low) & (sizes < high)
    if is_odd.any():
        written = pa.array([repr(cell) for cell in cells[is_odd].tolist()], pa.string())
        texts = compute.replace_with_mask(texts, pa.array(is_odd), written)
    return texts


def _words_of(one: Predicted) -> Any:
    """A column of texts; None if it has other cells."""
    import pyarrow as pa

    try:
        return pa.array(one.column, pa.string())
    except pa.ArrowException:
        return None


def _has_dtype(one: Predicted) -> bool:
    """Whether the column is an array of numbers of its kind, which Arrow takes as it is."""
    dtypes: dict[Kind, str] = {float: "f", int: "i", bool: "b"}
    return isinstance(one.column, np.ndarray) and one.column.dtype.kind == dtypes.get(one.kind)


def _text_or_json(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)
