"""Columns of few distinct cells, each of which is checked once, however many rows have it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from podium.errors import BadCell
from podium.outputs import CellWarning

# Fewer cells are checked one by one in less time.
_CELLS_MIN, _REPEATED_MIN = 64, 4

Found = TypeVar("Found", BadCell, CellWarning)


class Coded(Sequence[object]):
    """A column as its distinct cells and their numbers.

    Args:
        cells: the distinct cells, as they are written.
        codes: for each row, the number of its cell.
    """

    def __init__(self, cells: Sequence[object], codes: NDArray[Any]) -> None:
        self.cells = cells
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Any:
        codes = self.codes[rows]
        return Coded(self.cells, codes) if isinstance(rows, slice) else self.cells[codes]

    def by_row(self, found: Sequence[Found]) -> list[tuple[int, Found]]:
        """What was found about the distinct cells, for each row that has one of them, in order.

        Args:
            found: its `row` is the number of a distinct cell.
        """
        if not found:
            return []
        order = np.argsort(self.codes, kind="stable")
        ends = np.searchsorted(self.codes[order], np.arange(len(self.cells) + 1))
        spans = [(order[ends[one.row or 0] : ends[(one.row or 0) + 1]], one) for one in found]
        pairs = [(row, one) for rows, one in spans for row in rows.tolist()]
        return sorted(pairs, key=itemgetter(0))


def coded_of(cells: Sequence[object] | NDArray[Any]) -> Sequence[object] | NDArray[Any]:
    """A list of texts as a coded column, if each occurs some times on average; else as it is."""
    if not isinstance(cells, list) or len(cells) < _CELLS_MIN:
        return cells
    if not {str, type(None)}.issuperset(map(type, cells)):
        return cells
    distinct = list(dict.fromkeys(cells))
    if len(distinct) * _REPEATED_MIN > len(cells):
        return cells
    numbers = {cell: number for number, cell in enumerate(distinct)}
    return Coded(distinct, np.fromiter(map(numbers.__getitem__, cells), np.intp, len(cells)))
