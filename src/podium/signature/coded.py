"""Columns of few distinct cells, each of which is checked once, however many rows have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from podium.signature.cells import Findings


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

    def repeat(self, found: Findings, findings: Findings) -> None:
        """Record what was found about the distinct cells for each row that has them.

        Args:
            found: about the distinct cells, in which `row` is the number of a cell.
            findings: receives it, row by row.
        """
        if not found.n_bad and not found.warnings:
            return
        order = np.argsort(self.codes, kind="stable")
        ends = np.searchsorted(self.codes[order], np.arange(len(self.cells) + 1))

        def rows_of(some: Sequence[Any]) -> list[tuple[int, Any]]:
            """Each row that has one of these findings, in order."""
            spans = [(order[ends[one.row] : ends[one.row + 1]].tolist(), one) for one in some]
            return sorted(((row, one) for rows, one in spans for row in rows), key=lambda x: x[0])

        for row, cell in rows_of(found.bad):
            findings.n_bad += 1
            findings.bad_rows.add(row)
            if findings.room:
                findings.bad.append(msgspec.structs.replace(cell, row=row))
        for row, warning in rows_of(found.warnings):
            findings.warn(row, warning.field, warning.message, warning.code)
