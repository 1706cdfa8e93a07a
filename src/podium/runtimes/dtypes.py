"""The type of a training column, or a wider one if that can't hold a request's values."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from podium.table import Array

# The names of number and time types in numpy, pandas, polars and Arrow.
_NUMBER = re.compile(r"(u?int|float|halffloat|double)(\d*)(\[pyarrow\])?", re.IGNORECASE)
_UNIT = re.compile(r"(?<=[\['])(s|ms|us|ns)(?=[\],'])")
_ARROW = {"halffloat": "float16", "float": "float32", "double": "float64"}


def holding(dtype: str, cells: Array) -> str:
    """A type that holds these cells unchanged, of the same library as `dtype`.

    That is `dtype` itself if it does; otherwise 64 bits, or microseconds: 300 is no `uint8`. Single
    precision stays for all numbers in its range, since model and program compute in it; half
    precision is never used, or else the other rows of a request would decide how exactly a row is
    computed.

    Args:
        cells: numbers or times in the normal forms of `podium.table`.
    """
    if cells.dtype.kind == "M":
        unit = _UNIT.search(dtype)
        if unit is None or _fits(np.dtype(f"datetime64[{unit[1]}]"), cells):
            return dtype
        return _UNIT.sub("us", dtype, count=1)
    number = _NUMBER.fullmatch(dtype)
    if number is None or cells.dtype.kind not in "iuf":
        return dtype
    name = dtype.lower().removesuffix("[pyarrow]")
    kind: np.dtype[Any] = np.dtype(_ARROW.get(name, name) if number[3] else name)
    if _fits(kind, cells):
        return dtype
    is_whole = kind.kind in "iu" and _fits(np.dtype(np.int64), cells)
    if number[3]:
        return "int64[pyarrow]" if is_whole else "double[pyarrow]"
    wide = "int64" if is_whole else "float64"
    return wide.capitalize() if dtype[0].isupper() else wide


def _fits(kind: np.dtype[Any], cells: Array) -> bool:
    """Whether the cells survive a conversion to this type and back."""
    if kind == cells.dtype:
        return True
    if kind == np.float16:
        return False
    if kind == np.float32:
        return not (np.isfinite(cells) & (np.abs(cells) > np.finfo(np.float32).max)).any()
    with np.errstate(all="ignore"):
        back = cells.astype(kind).astype(cells.dtype)
    if kind.kind == "u" and (cells < 0).any():
        return False  # -1 overflows to a large number
    return bool(((back == cells) | (cells != cells)).all())
