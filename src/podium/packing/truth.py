"""The true targets: the target column of the data passed for packing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.signature import Signature
from podium.table import Array, Table, is_missing


@dataclass(frozen=True)
class Truth:
    """True targets, by name.

    Attributes:
        names: of the targets, empty if unknown.
        columns: one array for each target, in the normal forms of `podium.table`.
        parts: the components of each value, if it isn't a single value.
    """

    names: tuple[str, ...]
    columns: tuple[Array, ...]
    parts: str = ""

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Rows whose first target isn't missing."""
        return self.labelled_rows(0)

    def by_output(self, signature: Signature) -> Truth:
        """The same, with a column for each output: of several estimates of one target it is one."""
        if len(self.columns) != 1 or not signature.shared_target:
            return self
        names = tuple(output.name for output in signature.outputs)
        return Truth(names, self.columns * len(names), self.parts)

    def labelled_rows(self, place: int) -> NDArray[np.bool_]:
        """Rows whose target at this index isn't missing."""
        return ~is_missing(self.columns[place])


def truth_of(y: object, target: str | None, n_rows: int) -> Truth | None:
    """The targets passed as `y`, or None.

    Args:
        y: a series, array or list of shape (n_rows,), or a frame or array with one column for each
            target.
        target: the target's name, if the caller gives one.

    Raises:
        SetupError: it has another number of rows.
    """
    if y is None:
        return Truth((target,), ()) if target else None
    if isinstance(y, np.ndarray) and y.dtype.names is not None:
        # Survival: each row has an event and a time, and the model predicts neither.
        return Truth((target,) if target else (), (), ", ".join(y.dtype.names))
    table = table_of(y)
    if table.n_rows != n_rows:
        raise SetupError(
            f"y has {table.n_rows} rows, X has {n_rows}", hint="give both for the same rows"
        )
    names = table.names if table.frame in ("pandas", "polars") else ()
    if target:
        names = (target,)
    # pandas names a column without a name like this, too.
    names = () if any(name in ("", "None", "0", "x0") for name in names) else names
    return Truth(names, tuple(table.columns.values()))


def table_of(y: object) -> Table:
    """One value for each row, or a few, as a table: a series, an array, a list or a frame."""
    if isinstance(y, (list, tuple)) and y and all(isinstance(one, (list, tuple)) for one in y):
        return Table.of(y)  # several targets per row
    if isinstance(y, (list, tuple)) or (isinstance(y, np.ndarray) and y.ndim == 1):
        values = np.asarray(y) if isinstance(y, np.ndarray) else list(y)
        return Table.of({"y": values})
    return Table.of(y)
