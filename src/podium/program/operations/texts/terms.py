"""Texts as rows of numbers: how often each term occurs, and its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats, Indices
from podium.program.operations.operation import (
    WIDTH_MAX,
    Column,
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_vector,
)
from podium.program.operations.texts.analysis import Analysis

# Rows are dense: this many columns take half a megabyte.
HASHED_MAX = 1 << 16

_Counts: TypeAlias = dict[int, float]
_Weighed: TypeAlias = tuple[Any, Floats]


class Terms(Operation, frozen=True, tag="terms"):
    """Counts terms in a column of texts, one column for each term.

    Attributes:
        column: of the table.
        analysis: how a text is split into terms.
        vocabulary: the term that each column counts. Other terms aren't counted.
        n_hashed: instead: the number of columns that terms are assigned to, by their hash.
        is_signed: whether half of the hashed terms count as -1.
        is_binary: whether a term counts once.
        is_sublinear: whether 1 plus the logarithm of the count replaces the count.
        weights: multiplied with the counts, one for each column.
        norm: divides each row: none, the sum of absolute values, or the Euclidean norm.
        x: a register of texts, in place of the column.
    """

    may_warn: ClassVar[bool] = False

    column: Column
    analysis: Analysis
    vocabulary: tuple[str, ...] = ()
    n_hashed: Annotated[int, msgspec.Meta(ge=0, le=HASHED_MAX)] = 0
    is_signed: bool = False
    is_binary: bool = False
    is_sublinear: bool = False
    weights: Floats | None = None
    norm: Literal["", "l1", "l2"] = ""
    x: Register | None = None

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """The only one, if it reads the table."""
        return (self.column,) if self.x is None else ()

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.n_hashed or len(self.vocabulary)

    def check(self, shapes: Shapes) -> Shape:
        """One column for each term."""
        shapes.columns(self.columns_read)
        if self.x is not None:
            shapes.texts(self.x)
        self.analysis.check()
        is_one = bool(self.vocabulary) != (self.n_hashed > 0)
        require(is_one, "terms are either known or spread")
        is_different = len(set(self.vocabulary)) == len(self.vocabulary)
        require(is_different, "a term is counted in two columns")
        is_positive = not self.n_hashed or not self.is_sublinear
        require(is_positive, "there is no logarithm of a possibly negative number")
        require_vector(self.weights, self.width, "the weights")
        return Shape(self.width)

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        column, x, width, weighed = self.column, self.x, self.width, self._reader()

        def run(columns: Sequence[Any], values: Sequence[Any]) -> Floats:
            cells = columns[column] if x is None else values[x]
            out = np.zeros((len(cells), width))
            for row, text in zip(out, cells, strict=True):
                weights = weighed(text)
                if weights is not None:
                    row[weights[0]] = weights[1]
            return out

        return run

    def _reader(self) -> Callable[[object], _Weighed | None]:
        """A function that returns the non-zero columns of a text, and their values."""
        terms, count, weigh = self.analysis.prepare(), self._counter(), self._weigher()

        def weighed(text: object) -> _Weighed | None:
            if not isinstance(text, str):
                raise ModelError("the model accepts only a text here")
            counts = count(terms(text))
            if not counts:
                return None
            places = np.fromiter(counts, np.intp, len(counts))
            numbers = np.fromiter(counts.values(), np.float64, len(counts))
            return places, weigh(places, numbers)

        return weighed

    def _counter(self) -> Callable[[Any], _Counts]:
        """A function that counts terms by column."""
        if self.n_hashed:
            n_hashed, is_signed = self.n_hashed, self.is_signed
            return lambda terms: _spread(terms, n_hashed, is_signed)
        places = {term: place for place, term in enumerate(self.vocabulary)}

        def count(terms: Any) -> _Counts:
            counts: _Counts = {}
            for term in terms:
                place = places.get(term)
                if place is not None:
                    counts[place] = counts.get(place, 0.0) + 1.0
            return counts

        return count

    def _weigher(self) -> Callable[[Any, Floats], Floats]:
        """A function that turns counts into weights; it may overwrite them."""
        weights = None if self.weights is None else self.weights.astype(np.float64)
        is_binary, is_sublinear, norm = self.is_binary, self.is_sublinear, self.norm

        def weigh(places: Any, counts: Floats) -> Floats:
            if is_binary:
                counts[:] = 1.0
            if is_sublinear:
                counts = np.log(counts) + 1.0
            if weights is not None:
                counts *= weights[places]
            if not norm:
                return counts
            size = np.abs(counts).sum() if norm == "l1" else np.sqrt(counts.dot(counts))
            return counts / size if size else counts

        return weigh


class TermSum(Terms, frozen=True, tag="term_sum"):
    """The weighted sum of the terms of a column of texts.

    It computes what `Terms` and a product would, without the row of mostly zeros.

    Attributes:
        sums: the weights of each column that has any, one column for each output.
        places: which columns have weights; by default all of them, in order.
    """

    n_hashed: Annotated[int, msgspec.Meta(ge=0, le=WIDTH_MAX)] = 0
    sums: Floats = msgspec.field(default_factory=lambda: np.empty((0, 0)))
    places: Indices | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the weights."""
        width, sums, places = super().check(shapes).width, self.sums, self.places
        require(sums.ndim == 2, "the weights of terms aren't a matrix")
        require_vector(places, len(sums), "the places of terms")
        inside = places is None or bool(((places >= 0) & (places < width)).all())
        require(inside, "a term has weights that doesn't exist")
        fits = places is not None or len(sums) == width
        require(fits, f"{len(sums)} weights are given for {width} terms")
        return Shape(sums.shape[1])

    def n_buffered(self, _shapes: Shapes) -> int:
        """The index of each term's weights, which is held once."""
        return 0 if self.places is None else self.width

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        column, x, weighed = self.column, self.x, self._reader()
        locate = self._finder()
        # Followed by a row for terms without weights.
        sums = np.vstack([self.sums, np.zeros((1, self.sums.shape[1]))]).astype(np.float64)

        def run(columns: Sequence[Any], values: Sequence[Any]) -> Floats:
            cells = columns[column] if x is None else values[x]
            out = np.zeros((len(cells), sums.shape[1]))
            for row, text in zip(out, cells, strict=True):
                weights = weighed(text)
                if weights is not None:
                    row[:] = weights[1].dot(sums.take(locate(weights[0]), axis=0))
            return out

        return run

    def _finder(self) -> Callable[[Any], Any]:
        """A function that finds the weights of columns."""
        if self.places is None:
            return lambda places: places
        rows = np.full(self.width, len(self.sums), np.int32)
        rows[self.places] = np.arange(len(self.sums), dtype=np.int32)
        return rows.take


def _spread(terms: Any, n_columns: int, is_signed: bool) -> _Counts:
    counts: _Counts = {}
    for term in terms:
        number = _murmur(term.encode())
        place = abs(number) % n_columns
        one = -1.0 if is_signed and number < 0 else 1.0
        counts[place] = counts.get(place, 0.0) + one
    return counts


def _murmur(key: bytes) -> int:
    """The hash as a signed 32-bit integer.

    Source: MurmurHash3_x86_32 of Austin Appleby, with seed 0; public domain.
    """
    full = len(key) & ~3
    number = 0
    for at in range(0, full, 4):
        number ^= _mixed(int.from_bytes(key[at : at + 4], "little"))
        number = ((number << 13) | (number >> 19)) & 0xFFFFFFFF
        number = (number * 5 + 0xE6546B64) & 0xFFFFFFFF
    if full < len(key):
        number ^= _mixed(int.from_bytes(key[full:], "little"))
    number ^= len(key)
    number = ((number ^ (number >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    number = ((number ^ (number >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    number ^= number >> 16
    return number - (1 << 32) if number >> 31 else number


def _mixed(block: int) -> int:
    block = (block * 0xCC9E2D51) & 0xFFFFFFFF
    block = ((block << 15) | (block >> 17)) & 0xFFFFFFFF
    return (block * 0x1B873593) & 0xFFFFFFFF
