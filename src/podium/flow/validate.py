"""Step 2: cells to a table that the model may see, or every reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.reading import Written
from podium.table import Array, CellWarning, Table


def validate(
    signature: Signature,
    columns: Mapping[str, Sequence[object] | Array],
    n_rows: int,
    written: Written,
    *,
    is_single: bool,
    errors_max: int,
) -> tuple[Table, tuple[CellWarning, ...]]:
    """The table, and what its reader should know about it.

    Args:
        is_single: the caller sent one object, so that errors name no row.
        errors_max: how many bad cells to list.

    Raises:
        InvalidRows: some cells aren't accepted.
    """
    findings = Findings(kept_max=errors_max)
    table = check_columns(signature, columns, n_rows, written, findings)
    if is_single:
        findings.bad = [msgspec.structs.replace(cell, row=None) for cell in findings.bad]
    findings.raise_if_bad()
    return table, tuple(findings.warnings)
