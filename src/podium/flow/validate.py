"""Step 2: cells to a table that the model may see, or a list of every problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from podium.outputs import CellWarning
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns, refuse_unknown
from podium.signature.reading import Written
from podium.table import Array, Table


def validate(
    signature: Signature,
    columns: Mapping[str, Sequence[object] | Array],
    others: Sequence[str],
    n_rows: int,
    written: Written,
    *,
    is_single: bool,
    errors_max: int,
) -> tuple[Table, tuple[CellWarning, ...]]:
    """The table, with the warnings about it.

    Args:
        others: names that aren't fields of the model.
        is_single: whether the caller sent one object, so that errors name no row.
        errors_max: how many invalid cells to list.

    Raises:
        InvalidRows: some cells are invalid.
    """
    findings = Findings(recorded_max=errors_max)
    refuse_unknown(signature, others, findings)
    table = check_columns(signature, columns, n_rows, written, findings)
    if is_single:
        findings.bad = [msgspec.structs.replace(cell, row=None) for cell in findings.bad]
    findings.raise_if_bad()
    return table, tuple(findings.warnings)
