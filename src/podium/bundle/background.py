"""Training rows that travel with a model: explanations compare other rows with them."""

from __future__ import annotations

import msgspec
import numpy as np

from podium.errors import BundleError, SetupError
from podium.signature import Label, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.infer import json_value
from podium.table import Table

# By default so many; at most so many.
ROWS, ROWS_MAX = 100, 128
# Long texts: then there are fewer rows.
BYTES_MAX = 1 << 20
_SEED = 20_250_101


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as they would be sent to the model.

    Attributes:
        columns: cells by field, as JSON values; None where missing.
        n_rows: their number.
    """

    columns: dict[str, list[Label | None]]
    n_rows: int

    def table(self, signature: Signature) -> Table:
        """The rows as the model takes them.

        Raises:
            BundleError: they don't match the signature.
        """
        fits = tuple(self.columns) == signature.names and 0 < self.n_rows <= ROWS_MAX
        if fits and all(len(cells) == self.n_rows for cells in self.columns.values()):
            table, bad_rows = _checked(self, signature)
            if not bad_rows:
                return table
        raise BundleError("the background rows of the bundle don't match its signature")


def check_n_rows(n_rows: int) -> None:
    """Refuse a number of rows that can't be kept.

    Raises:
        SetupError: it is one.
    """
    if not 0 <= n_rows <= ROWS_MAX:
        raise SetupError(
            f"{n_rows} background rows can't be kept",
            hint=f"keep up to {ROWS_MAX} of the training rows, or 0 for none",
        )


def background_of(signature: Signature, table: Table, n_rows: int) -> Background | None:
    """Rows of the training data, chosen at random, always the same ones.

    Rows that the model wouldn't accept are left out, as are rows beyond `BYTES_MAX`.

    Args:
        table: the training rows, with the signature's fields.
        n_rows: how many are kept.
    """
    order = np.random.default_rng(_SEED).permutation(table.n_rows)
    # A few more, should some be refused.
    candidates = _written(signature, table.take(order[: 2 * n_rows]))
    _, bad_rows = _checked(candidates, signature)
    places = [at for at in range(candidates.n_rows) if at not in bad_rows][:n_rows]
    while places:
        kept = Background(
            columns={n: [c[at] for at in places] for n, c in candidates.columns.items()},
            n_rows=len(places),
        )
        if len(msgspec.json.encode(kept)) <= BYTES_MAX:
            return kept
        places = places[: len(places) // 2]
    return None


def _written(signature: Signature, table: Table) -> Background:
    rows = list(table.select(signature.names).rows())
    fields = signature.fields
    columns = {f.name: [json_value(row[f.name], f) for row in rows] for f in fields}
    return Background(columns=columns, n_rows=len(rows))


def _checked(background: Background, signature: Signature) -> tuple[Table, set[int]]:
    findings = Findings(recorded_max=0)
    table = check_columns(signature, background.columns, background.n_rows, "values", findings)
    return table, findings.bad_rows
