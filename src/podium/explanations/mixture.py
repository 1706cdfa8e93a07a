"""Rows that take some fields from the explained row, and the others from background rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from podium.table import Array, Table, is_missing

# The most rows, and the most cells, of one table: some 8 MiB of numbers.
ROWS_MAX, CELLS_MAX = 8_192, 1 << 20


class Mixture:
    """One explained row and the background rows.

    Attributes:
        n_background: how many background rows there are.
        differs: where a background row's cell isn't the explained row's, shape (n_fields,
            n_background).
        active: the positions of the fields that differ anywhere. Those that don't contribute
            nothing.
        rows_max: how many mixed rows to ask for at once.
    """

    def __init__(self, background: Table, row: Table, ignored: Sequence[str] = ()) -> None:
        self.n_background = background.n_rows
        self._joined = Table.concat([row.select(background.names), background])
        columns = self._joined.columns
        self.differs = np.array(
            [
                np.zeros(self.n_background, bool) if name in ignored else _differs(column)
                for name, column in columns.items()
            ],
            bool,
        ).reshape(len(columns), self.n_background)
        self.active = np.flatnonzero(self.differs.any(axis=1))
        self.rows_max = min(ROWS_MAX, max(CELLS_MAX // max(len(columns), 1), 1))

    def table(self, is_own: NDArray[np.bool_], background: NDArray[np.intp]) -> Table:
        """Mixed rows.

        Args:
            is_own: which active fields come from the explained row, shape (n_rows, n_active).
            background: the position of the background row of each, shape (n_rows,).
        """
        joined, places = self._joined, np.zeros(len(background), np.intp)
        columns = {name: column[places] for name, column in joined.columns.items()}
        names = joined.names
        for at, field in enumerate(self.active):
            columns[names[field]] = joined.columns[names[field]][
                np.where(is_own[:, at], 0, background + 1)
            ]
        return Table(columns, len(background), joined.dtypes, joined.frame, joined.levels)


def _differs(column: Array) -> NDArray[np.bool_]:
    """Whether each cell but the first differs from the first; missing ones are equal."""
    missing = is_missing(column)
    same = np.asarray(column[1:] == column[0], bool)
    differs: NDArray[np.bool_] = np.where(
        missing[1:] | missing[0], missing[1:] != missing[0], ~same
    )
    return differs
