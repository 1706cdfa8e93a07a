"""Texts as the smallest hashes of their parts, which similar texts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats, Indices
from podium.program.operations.operation import Operation, Register, Shape, Shapes, Step, require
from podium.program.operations.texts.analysis import GRAM_MAX
from podium.table import Array

# Products that are held at a time.
AT_ONCE = 1 << 18
_LIMITS = np.iinfo(np.int32)


class MinHash(Operation, frozen=True, tag="min_hash"):
    """The smallest hash of a text's parts by each hash function, in single precision.

    The hash of some bytes in a row is their product with the first numbers of a column of
    `weights`, in 32 bits. A missing text is an empty one, whose hashes are 0.

    Attributes:
        weights: one column for each hash function, one row for each byte of the longest part.
        shortest: the least number of bytes in a part.
        with_largest: whether the largest hash follows each smallest one.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    weights: Indices
    shortest: int
    with_largest: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """One column for each hash function, or two."""
        shapes.texts(self.x)
        require(self.weights.ndim == 2, "the weights of hashes aren't a matrix")
        longest = len(self.weights)
        require(1 <= self.shortest <= longest <= GRAM_MAX, "the parts of texts have other lengths")
        width = self.weights.shape[1] * (1 + self.with_largest)
        require(width > 0, "there is no hash function")
        return Shape(width, is_single=True)

    def prepare(self, _shapes: Shapes) -> Step:
        """Once for each different text."""
        x, hashes = self.x, self._hashes()

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            known: dict[str | None, Array] = {}
            for text in values[x]:
                if text not in known:
                    known[text] = hashes(text or "")
            return np.array([known[text] for text in values[x]], np.float32)

        return run

    def _hashes(self) -> Callable[[str], Floats]:
        weights, with_largest = self.weights.astype(np.float64), self.with_largest
        n_hashes = weights.shape[1]
        lengths = range(self.shortest, len(weights) + 1)

        def hashes(text: str) -> Floats:
            if not text:
                return np.zeros(n_hashes * (1 + with_largest))
            # As many bytes as it has characters, as the original takes them.
            cut = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.int8, len(text))
            low = np.full(n_hashes, _LIMITS.max, np.int32)
            high = np.full(n_hashes, _LIMITS.min, np.int32)
            for length in lengths:
                for products in _products(cut.astype(np.float64), weights[:length]):
                    np.minimum(low, products.min(axis=0), out=low)
                    np.maximum(high, products.max(axis=0), out=high)
            both = (low, high) if with_largest else (low,)
            return np.stack(both, axis=1).ravel().astype(np.float64)

        return hashes


def _products(text: Floats, weights: Floats) -> Iterator[Array]:
    """Those of each part of a text, or of each part of the weights if the text is shorter.

    Doubles hold them exactly, and are multiplied faster than integers.
    """
    if len(text) < len(weights):
        parts = np.lib.stride_tricks.sliding_window_view(weights, len(text), axis=0)
        yield _wrapped(parts @ text)
        return
    parts = np.lib.stride_tricks.sliding_window_view(text, len(weights))
    n_parts = max(1, AT_ONCE // weights.shape[1])
    for begin in range(0, len(parts), n_parts):
        yield _wrapped(parts[begin : begin + n_parts] @ weights)


def _wrapped(products: Array) -> Array:
    return products.astype(np.int64).astype(np.int32)
