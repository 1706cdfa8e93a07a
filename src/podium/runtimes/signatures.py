"""The signature of a fitted estimator, from its rows and its predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from msgspec.structs import replace

from podium.errors import SetupError
from podium.runtimes.frames import frame_for
from podium.runtimes.sklearn import outputs_of
from podium.runtimes.steps import is_network
from podium.runtimes.tolerance import tolerant
from podium.runtimes.uses import uses_of
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.infer import examples, infer_fields, series_field
from podium.table import Array, Frame, Table

# Enough rows to see the form of the predictions, few enough to wait for.
SAMPLE_ROWS = 100
_NUMBERS = ("float", "integer", "boolean")


def signature_of(
    estimator: Any, table: Table, names: Sequence[str] = (), targets: Array | None = None
) -> Signature:
    """The estimator's inputs and outputs.

    Args:
        table: rows that it was fitted on.
        names: of the targets, if known.
        targets: the true target of the rows, for its classes if the estimator lists none.

    Raises:
        SetupError: it can't predict these rows.
        SignatureError: a column contains what no field can.
    """
    fields = infer_fields(table, uses_of(estimator, table.names))
    draft = Signature(fields=fields, examples=examples(table, fields), frame=table.frame)
    errors = []
    for one in _forms(draft, table, estimator):
        try:
            return _with_outputs(one, estimator, table, names, targets)
        except SetupError as error:
            errors.append(error)
    raise errors[0]


def _forms(draft: Signature, table: Table, estimator: Any) -> Iterator[Signature]:
    """The forms in which an estimator may take the rows, beginning with that of the data.

    Plain values don't show their origin: the estimator may have been fitted on an array or a frame.
    """
    plain: tuple[Frame | None, ...] = (None, "pandas") if find_spec("pandas") else (None,)
    named = {None: (*plain, "dicts"), "dicts": ("dicts", *plain)}
    for frame in named.get(table.frame, (table.frame, "dicts")):
        yield replace(draft, frame=frame)
        if len(draft.fields) == 1 and frame != "dicts":
            yield replace(draft, frame=frame, fields=(series_field(table),), is_series=True)
    if is_network(
        estimator
    ):  # it takes an array of single precision, whatever the rows are read from
        fields = tuple(
            replace(field, dtype="float32") if field.type in _NUMBERS else field
            for field in draft.fields
        )
        for frame in dict.fromkeys((table.frame, None)):
            yield replace(draft, frame=frame, fields=fields)


def _with_outputs(
    draft: Signature, estimator: Any, table: Table, names: Sequence[str], targets: Array | None
) -> Signature:
    # At least two rows: with a single one, a model that mistook columns for rows would go
    # unnoticed.
    rows = np.arange(min(SAMPLE_ROWS, max(2, table.n_rows))) % table.n_rows
    some = table.take(rows)
    some = check_columns(draft, some.columns, some.n_rows, "table", Findings(recorded_max=0))
    outputs = outputs_of(estimator, frame_for(draft, some), names, targets)
    return tolerant(replace(draft, outputs=outputs), estimator, some)
