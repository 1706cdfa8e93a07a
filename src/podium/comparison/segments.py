"""Segments: rows that share a value of a field, in each of which no version shall be much worse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.comparison.estimates import Estimate, Interval, interval
from podium.signature import Field, Signature
from podium.signature.fields import NUMBERS
from podium.signature.labels import label_text, plain_text

# With fewer, nothing is said of a segment.
SEGMENT_ROWS_MIN = 30
CATEGORIES_MAX = 10_000
# Numbers of more values are cut into as many parts of about the same size.
N_PARTS = 4
_OTHERS, _MISSING = "(others)", "(missing)"
_Rows = NDArray[np.float64]
# A field, a value, and of its rows: how many, the improvement, and its variance.
_Found: TypeAlias = tuple[str, str, tuple[float, float, float]]


class Segment(NamedTuple):
    """How much better `b` is than `a` on the rows of a segment.

    Attributes:
        field: of the model, and `value` what the rows have there, as a text.
        n_rows: of the version that answered fewer of them.
        improvement: of the mean loss, positive where `b` is better.
        at: the interval of it, which holds for all segments at once.
    """

    field: str
    value: str
    n_rows: int
    improvement: float
    at: Interval


class SegmentReader:
    """Reads the fields of recorded rows that make segments, as numbers.

    Values that aren't numbers get a number each, the same for all rows that one reader reads.

    Args:
        names: of the fields; those that the signature doesn't have are left out.
    """

    def __init__(self, signature: Signature, names: Sequence[str]) -> None:
        known = {one.name: one for one in signature.fields}
        self.fields: tuple[Field, ...] = tuple(known[one] for one in names if one in known)
        self.texts: list[list[str]] = [[] for _ in self.fields]
        self._places: list[dict[str, int]] = [{} for _ in self.fields]
        places = [f"field_{place}" for place in range(len(self.fields))]
        row = msgspec.defstruct(
            "Row",
            [(one, Any, None) for one in places],
            rename={one: made.name for one, made in zip(places, self.fields, strict=True)},
        )
        self._rows = msgspec.json.Decoder(row)

    def read(self, inputs: bytes) -> tuple[float, ...]:
        """The values of a row, one number for each field; NaN where a number is missing."""
        if not self.fields:
            return ()
        try:
            values = msgspec.structs.astuple(self._rows.decode(inputs))
        except msgspec.DecodeError:  # it is no row of this model's
            values = (None,) * len(self.fields)
        return tuple(self._number(place, value) for place, value in enumerate(values))

    def _number(self, place: int, value: Any) -> float:
        if self.fields[place].type in NUMBERS:
            is_number = isinstance(value, (int, float))
            return float(value) if is_number else float("nan")
        is_label = isinstance(value, (str, int, float, bool))
        text = label_text(value) if is_label else _MISSING
        places, texts = self._places[place], self.texts[place]
        if text not in places and len(texts) >= CATEGORIES_MAX:
            text = _OTHERS
        if text not in places:
            places[text] = len(texts)
            texts.append(text)
        return float(places[text])

    def coded(self, place: int, values: _Rows) -> tuple[NDArray[np.int64], list[str]]:
        """The segment of each value of a field, and what the segments are called."""
        if self.fields[place].type in NUMBERS:
            return _parts(values)
        return values.astype(np.int64), self.texts[place]


def _parts(values: _Rows) -> tuple[NDArray[np.int64], list[str]]:
    """Numbers in parts: each value by itself where there are few, else between quartiles."""
    is_missing = np.isnan(values)
    there = values[~is_missing]
    edges = np.unique(there)
    if len(edges) <= 2 * N_PARTS:
        names = [plain_text(float(one)) for one in edges]
    else:
        starts = np.linspace(0, 1, N_PARTS + 1)[:-1]
        edges = np.unique(np.quantile(there, starts, method="lower"))
        texts = [plain_text(float(one)) for one in edges[1:]]
        between = [f"{low} to below {high}" for low, high in pairwise(texts)]
        names = [f"below {texts[0]}", *between, f"{texts[-1]} or more"] if texts else ["any"]
    codes = np.searchsorted(edges, values, side="right") - 1
    codes[is_missing] = len(names)
    return np.maximum(codes, 0), [*names, _MISSING]


def paired_segments(reader: SegmentReader, a: _Rows, b: _Rows, rows: _Rows) -> list[Segment]:
    """The segments of rows that both versions answered.

    Args:
        a: the losses of one version, shape (n_rows,), and `b` those of the other.
        rows: what `reader` read, shape (n_rows, n_fields).
    """
    gain = a - b
    found: list[_Found] = []
    for place, one in enumerate(reader.fields):
        codes, names = reader.coded(place, rows[:, place])
        n, mean, variance = _moments(codes, gain, len(names))
        farthest = np.zeros(len(names))
        np.maximum.at(farthest, codes, np.abs(gain))
        spread = (variance * n + farthest**2) / np.maximum(n, 1) ** 2
        found += _enough(one.name, names, n, mean, spread)
    return _segments(found)


def independent_segments(
    reader: SegmentReader, a: _Rows, b: _Rows, rows_a: _Rows, rows_b: _Rows
) -> list[Segment]:
    """The same of versions that answered rows of their own."""
    found: list[_Found] = []
    for place, one in enumerate(reader.fields):
        codes, names = reader.coded(place, np.concatenate([rows_a[:, place], rows_b[:, place]]))
        n_a, mean_a, variance_a = _moments(codes[: len(a)], a, len(names))
        n_b, mean_b, variance_b = _moments(codes[len(a) :], b, len(names))
        _, _, together = _moments(codes, np.concatenate([a, b]), len(names))
        some_a, some_b = np.maximum(n_a, 1), np.maximum(n_b, 1)
        # As in `independent`: a small sample may hold none of the rare errors.
        spread = np.maximum(
            variance_a / some_a + variance_b / some_b, together * (1 / some_a + 1 / some_b)
        )
        n = np.minimum(n_a, n_b)
        found += _enough(one.name, names, n, mean_a - mean_b, spread)
    return _segments(found)


def _enough(field: str, names: Sequence[str], n: _Rows, gain: _Rows, spread: _Rows) -> list[_Found]:
    """The segments of a field that have enough rows."""
    figures = zip(n.tolist(), gain.tolist(), spread.tolist(), strict=True)
    return [
        (field, name, one)
        for name, one in zip(names, figures, strict=True)
        if one[0] >= SEGMENT_ROWS_MIN
    ]


def _segments(found: Sequence[_Found]) -> list[Segment]:
    """Segments, the one that is worst first."""
    segments = [
        Segment(name, value, int(n), mean, interval(Estimate(mean, spread, n), len(found)))
        for name, value, (n, mean, spread) in found
    ]
    return sorted(segments, key=lambda one: one.at.high)


def _moments(codes: NDArray[np.int64], values: _Rows, n_codes: int) -> tuple[_Rows, _Rows, _Rows]:
    """How many values there are of each code, their means and their variances."""
    n = np.bincount(codes, minlength=n_codes).astype(np.float64)
    some = np.maximum(n, 1)
    mean = np.bincount(codes, values, n_codes) / some
    squares = np.bincount(codes, (values - mean[codes]) ** 2, n_codes)
    return n, mean, squares / some
