"""How similar texts are to known ones, by the letters that both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)


class Similarity(Operation, frozen=True, tag="similarity"):
    """The share of letters that a text has in common with each known one, wherever they stand.

    It is twice their number, divided by the length of both texts: `quick_ratio` of Python's difflib.
    It is 1 for two empty texts, and NaN for a missing one.

    Attributes:
        texts: the known ones, one column each.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    texts: tuple[str, ...]

    def check(self, shapes: Shapes) -> Shape:
        """One column for each known text."""
        shapes.texts(self.x)
        require(len(self.texts) > 0, "there is no text to compare with")
        n_letters = len(set().union(*self.texts))
        require(n_letters * len(self.texts) <= LETTERS_MAX, "the known texts are too many")
        return Shape(len(self.texts))

    def prepare(self, _shapes: Shapes) -> Step:
        """Once for each different text."""
        x, compare, nothing = self.x, self._compared(), np.full(len(self.texts), np.nan)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            known: dict[str | None, Floats] = {None: nothing}
            for text in values[x]:
                if text not in known:
                    known[text] = compare(text)
            return np.array([known[text] for text in values[x]]).reshape(-1, len(nothing))

        return run

    def _compared(self) -> Callable[[str], Floats]:
        at = {letter: i for i, letter in enumerate(sorted(set().union(*self.texts)))}
        lengths = np.array([len(text) for text in self.texts], np.float64)
        letters = np.zeros((len(self.texts), len(at)), np.int32)
        for row, text in zip(letters, self.texts, strict=True):
            for letter in text:
                row[at[letter]] += 1

        def compare(text: str) -> Floats:
            counts = {at[one]: n for one, n in Counter(text).items() if one in at}
            own = np.array(list(counts.values()), np.int32)
            common = np.minimum(letters[:, list(counts)], own).sum(axis=1)
            whole = lengths + len(text)
            return np.where(whole > 0, 2.0 * common / np.where(whole > 0, whole, 1.0), 1.0)

        return compare


# Counts of letters that a plan may hold: 64 MiB.
LETTERS_MAX = 1 << 24
