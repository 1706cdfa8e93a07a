"""Step 6: inputs and outputs, recorded before the response is sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from podium.access import ANYONE
from podium.errors import StoreError
from podium.flow.answer import values_of, warnings_by_row
from podium.flow.block import BLOCK_ROWS_MIN, block_of
from podium.flow.limits import CHUNK_ROWS
from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs, warning_value
from podium.records.block import BLOCK_ROWS, Block, Recordable
from podium.records.record import Record
from podium.records.row import outcome_of, rows_json
from podium.records.storable import reason_to_refuse, refused_of
from podium.signature import Field, Signature
from podium.signature.infer import json_value
from podium.table import Array, Table, plain_values


def record_of(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    id_: str,
    inputs: bytes,
    outputs: bytes,
    outcome: tuple[str, float | None],
    *,
    request_id: str,
    row_index: int = 0,
) -> Record:
    """The record of a row that was just predicted.

    Args:
        inputs: the row as a JSON object.
        outputs: the outputs as a JSON object.
        outcome: the prediction as a text to filter by, and as a number if it is one.
    """
    actor, key = context.actor, context.business_key or None
    if version.key_field:
        key = version.business_key_of(inputs) or key
    # In the order of the declaration: with names it takes five times as long.
    return Record(
        id_,
        prepared.time_us,
        version.name,
        version.version,
        inputs,
        outputs,
        outcome[0],
        outcome[1],
        (time.perf_counter_ns() - prepared.began_ns) // 1_000,
        context.source,
        actor.name or None,
        None,  # feedback
        None if actor is ANYONE else actor.owner or None,
        request_id,
        row_index,
        "primary",
        version.digest,
        None,  # attributes
        key,
    )


def records_of(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> Iterable[Recordable]:
    """What is recorded of a request: its rows as records, or in blocks if there are many.

    Records of a bulk request are created lazily, in chunks.

    Raises:
        StoreError: no store can hold some of them; may be raised only when they are read.
    """
    if len(ids) >= BLOCK_ROWS_MIN:
        blocks = _blocks(version, context, prepared, outputs, ids)
        if blocks is not None:
            return blocks
    if len(ids) <= CHUNK_ROWS:
        return _records(version, context, prepared, outputs, ids)
    return _records_in_chunks(version, context, prepared, outputs, ids)


def _blocks(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> list[Block] | None:
    """The rows in blocks; None if some are to be looked at one by one."""
    blocks = []
    for at in range(0, len(ids), BLOCK_ROWS):
        rows = slice(at, min(at + BLOCK_ROWS, len(ids)))
        shared = record_of(
            version,
            context,
            prepared,
            ids[at],
            b"{}",
            b"{}",
            ("", None),
            request_id=ids[0],
            row_index=at,
        )
        block = block_of(
            version.signature, prepared, outputs, shared, ids, rows, key_field=version.key_field
        )
        if block is None or reason_to_refuse(shared) is not None:
            return None
        blocks.append(block)
    return blocks


def _records_in_chunks(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> Iterator[Record]:
    by_row = warnings_by_row(outputs)
    for at in range(0, len(ids), CHUNK_ROWS):
        rows = slice(at, at + CHUNK_ROWS)
        some = ids[rows]
        warnings = [
            msgspec.structs.replace(one, row=row)
            for row in range(len(some))
            for one in by_row.get(at + row, ())
        ]
        part = msgspec.structs.replace(prepared, rows=None, checked=prepared.table.take(rows))
        answers = replace(outputs.rows(rows), warnings=tuple(warnings))
        yield from _records(version, context, part, answers, some)


def _records(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> list[Record]:
    inputs = inputs_of(version, prepared)
    answers = answers_of(version.signature, outputs)
    records = [
        record_of(
            version,
            context,
            prepared,
            id_,
            row,
            answer,
            outcome,
            request_id=ids[0],
            row_index=place,
        )
        for place, (id_, row, (answer, outcome)) in enumerate(
            zip(ids, inputs, answers, strict=True)
        )
    ]
    refused = refused_of(records)
    if refused:
        raise StoreError(f"{len(refused)} of {len(records)} records weren't stored")
    return records


def inputs_of(version: LoadedVersion, prepared: Prepared) -> list[bytes]:
    """Each row as the JSON object that is recorded."""
    if prepared.rows is not None:
        return [msgspec.json.encode(row) for row in prepared.rows]
    return inputs_json(version.signature, prepared.table)


def inputs_json(signature: Signature, table: Table) -> list[bytes]:
    """Each row as a JSON object of field names and values."""
    columns = [_json_column(table.columns[field.name], field) for field in signature.fields]
    return rows_json(signature.names, columns, table.n_rows)


def _json_column(column: Array, field: Field) -> list[Any]:
    """A column's cells as JSON values."""
    values = plain_values(column)
    if column.dtype.kind in "fiub":  # most types need no look at each cell
        return values
    return [json_value(value, field) for value in values]


def outputs_json(signature: Signature, outputs: Outputs) -> list[bytes]:
    """Each row's outputs as the JSON object that is recorded."""
    return [raw for raw, _ in answers_of(signature, outputs)]


def answers_of(
    signature: Signature, outputs: Outputs
) -> list[tuple[bytes, tuple[str, float | None]]]:
    """Each row's outputs as JSON, and its outcome."""
    warnings = warnings_by_row(outputs)
    answers = []
    for row, value in enumerate(values_of(signature, outputs)):
        value["warnings"] = [warning_value(one) for one in warnings.get(row, [])]
        answers.append(
            (msgspec.json.encode(value), outcome_of(value.get("label", value["prediction"])))
        )
    return answers
