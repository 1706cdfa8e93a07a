"""Step 6 for many rows: the columns that the model had and returned, as blocks.

Nothing is done for each row: what a record holds of it is written when somebody reads it. What can't
be a block, such as a text that some store can't hold, is recorded row by row, which finds the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.flow.answer import labels_of
from podium.flow.request import Prepared
from podium.outputs import Outputs
from podium.records.block import Block, Column, column_of, plain_column
from podium.records.business_key import business_key_of
from podium.records.record import Record
from podium.records.storable import reason_to_refuse, text_problem
from podium.signature import Field, Signature
from podium.signature.infer import json_value
from podium.table import Array, plain_values

# Below, a block takes longer than records: see bench.bulk.
BLOCK_ROWS_MIN = 2


def block_of(
    signature: Signature,
    prepared: Prepared,
    outputs: Outputs,
    shared: Record,
    ids: Sequence[str],
    *,
    key_field: str,
) -> Block | None:
    """Some rows of a request as a block; None if they can't be one.

    Args:
        shared: what their records have in common, as that of the first row.
        key_field: the field whose value is the business key of a row; "" for none.
    """
    if reason_to_refuse(shared) is not None:
        return None
    inputs = _inputs(signature, prepared)
    predictions = _predictions(signature, outputs)
    texts = [one.field + one.message for one in outputs.warnings]
    if inputs is None or predictions is None or text_problem("".join(texts)) is not None:
        return None
    output, shares = signature.output, outputs.probabilities
    return Block(
        shared,
        bytes.fromhex("".join(ids)),
        inputs,
        predictions,
        labels_of(output, outputs),
        None if shares is None else list(signature.places),
        None if shares is None else np.asarray(shares, "<f8").tobytes(),
        None if outputs.scores is None else np.asarray(outputs.scores, "<f8").tobytes(),
        list(outputs.warnings),
        _business_keys(key_field, inputs, shared),
        None if outputs.distances is None else list(output.distance_labels),
        None if outputs.distances is None else np.asarray(outputs.distances, "<f8").tobytes(),
    )


def _inputs(signature: Signature, prepared: Prepared) -> list[Column] | None:
    columns = []
    for field in signature.fields:
        cells = prepared.table.columns[field.name]
        column = _column(field, cells, is_typed=prepared.rows is not None)
        if column is None or text_problem(field.name) is not None:
            return None
        columns.append(column)
    return columns


def _column(field: Field, cells: Array, *, is_typed: bool) -> Column | None:
    """The cells of a field, as the JSON of the record has them."""
    kind = cells.dtype.kind
    if is_typed and field.type == "integer" and kind == "f":  # some are missing
        whole = [None if one is None else int(one) for one in plain_values(cells)]
        return plain_column(field.name, whole)
    column = column_of(field.name, cells)
    if column is None and kind not in "fiub":
        values: list[Any] = [json_value(one, field) for one in plain_values(cells)]
        column = plain_column(field.name, values)
    return column


def _predictions(signature: Signature, outputs: Outputs) -> list[Column] | None:
    if len(signature.outputs) == 1:
        one = column_of("", outputs.predictions)
        return None if one is None else [one]
    columns = []
    for output, cells in zip(signature.outputs, outputs.predictions.T, strict=True):
        column = column_of(output.name, cells)
        if column is None:
            return None
        columns.append(column)
    return columns


def _business_keys(
    key_field: str, inputs: Sequence[Column], shared: Record
) -> list[str | None] | None:
    """The keys that a field has; None if none does."""
    found = [column for column in inputs if column.name == key_field]
    if not found:
        return None
    return [business_key_of(one) or shared.business_key for one in found[0].values()]
