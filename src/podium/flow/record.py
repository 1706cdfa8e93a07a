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
from podium.records.block import Recordable
from podium.records.record import Record
from podium.records.row import outcome_of, rows_json
from podium.records.storable import refused_of
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
    """What is recorded of a request: a single row as a record, several in blocks, if they can be.

    That of a bulk request is created lazily, in chunks.

    Raises:
        StoreError: no store can hold some of them; may be raised only when they are read.
    """
    if len(ids) <= CHUNK_ROWS:
        return _chunk(version, context, prepared, outputs, ids, ids[0])
    return _chunks(version, context, prepared, outputs, ids)


def _chunks(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> Iterator[Recordable]:
    by_row = warnings_by_row(outputs)
    for at in range(0, len(ids), CHUNK_ROWS):
        rows = slice(at, at + CHUNK_ROWS)
        some = ids[rows]
        warnings = [
            msgspec.structs.replace(one, row=row)
            for row in (range(len(some)) if by_row else ())
            for one in by_row.get(at + row, ())
        ]
        part = msgspec.structs.replace(
            prepared,
            rows=None if prepared.rows is None else prepared.rows[rows],
            checked=prepared.table.take(rows),
        )
        answers = replace(outputs.rows(rows), warnings=tuple(warnings))
        yield from _chunk(version, context, part, answers, some, ids[0], at)


def _chunk(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
    request_id: str,
    first: int = 0,
) -> Sequence[Recordable]:
    """Some rows of a request, of which the first has this place in it."""
    if len(ids) >= BLOCK_ROWS_MIN:
        what = b"{}", b"{}", ("", None)
        shared = record_of(
            version, context, prepared, ids[0], *what, request_id=request_id, row_index=first
        )
        block = block_of(
            version.signature, prepared, outputs, shared, ids, key_field=version.key_field
        )
        if block is not None:
            return [block]
    return _records(version, context, prepared, outputs, ids, request_id, first)


def _records(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
    request_id: str,
    first: int,
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
            request_id=request_id,
            row_index=place,
        )
        for place, (id_, row, (answer, outcome)) in enumerate(
            zip(ids, inputs, answers, strict=True), first
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
