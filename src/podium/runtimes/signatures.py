"""The signature of a fitted estimator: from its rows, and by asking it for answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from podium.errors import SetupError
from podium.runtimes.frames import frame_for
from podium.runtimes.sklearn import outputs_of
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.infer import examples, infer_fields, series_field
from podium.table import Array, Table

# Enough rows to see how an estimator answers, few enough to wait for.
SAMPLE_ROWS = 100


def signature_of(
    estimator: Any, table: Table, names: Sequence[str] = (), known: Array | None = None
) -> Signature:
    """What the estimator takes and answers.

    Args:
        table: rows that it was fitted on.
        names: of the targets, as far as known.
        known: the true target of the rows, for its classes where the estimator has none.

    Raises:
        SetupError: it doesn't answer these rows.
        SignatureError: a column holds what no field can.
    """
    fields = infer_fields(table)
    draft = Signature(fields=fields, examples=examples(table, fields), frame=table.frame)
    try:
        return _with_outputs(draft, estimator, table, names, known)
    except SetupError:
        if len(fields) > 1:
            raise
        series = replace(draft, fields=(series_field(table),), is_series=True)
        try:
            return _with_outputs(series, estimator, table, names, known)
        except SetupError:
            pass
        raise


def _with_outputs(
    draft: Signature, estimator: Any, table: Table, names: Sequence[str], known: Array | None
) -> Signature:
    # At least two rows: a single one hides that a model took the columns for its rows.
    rows = np.arange(min(SAMPLE_ROWS, max(2, table.n_rows))) % table.n_rows
    some = table.take(rows)
    some = check_columns(draft, some.columns, some.n_rows, "values", Findings(kept_max=0))
    return replace(draft, outputs=outputs_of(estimator, frame_for(draft, some), names, known))
