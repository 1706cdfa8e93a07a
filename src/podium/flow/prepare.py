"""Steps 1 and 2: a request is read and validated; later steps see only its rows."""

from __future__ import annotations

import time
from collections.abc import Callable

from podium.flow.format import RowCodec
from podium.flow.formats import decode
from podium.flow.formats.json_rows import JSON, check_nesting
from podium.flow.request import PredictRequest, Prepared
from podium.flow.validate import validate
from podium.flow.version import LoadedVersion

# Typed reading of a longer body takes longer than a switch to a thread and back.
TYPED_BODY_MAX = 16_384
# What the types reject is validated cell by cell, with a search for similar names: for a body of
# this length and this many fields that takes about a millisecond at most.
QUICK_BODY_MAX = 1_024
QUICK_FIELDS_MAX = 32


def prepare(version: LoadedVersion, request: PredictRequest) -> Prepared:
    """The rows of a request, ready for the model.

    Raises:
        InputError: the request is invalid.
    """
    prepared = _read_typed(version, request) if _is_json(request) else None
    return _read_with_care(version, request) if prepared is None else prepared


def prepare_quickly(version: LoadedVersion, request: PredictRequest) -> Prepared | None:
    """The same on an event loop; None if it might take longer than a millisecond.

    Raises:
        InputError: the request is invalid.
    """
    # Keys are looked up in a file that other processes write to.
    if request.context.key or not _is_json(request):
        return None
    if len(request.body) <= TYPED_BODY_MAX:
        prepared = _read_typed(version, request)
        if prepared is not None:
            return prepared
    return _read_with_care(version, request) if is_quick(version, request.body) else None


def _is_json(request: PredictRequest) -> bool:
    """Whether its rows can be read by the model's types."""
    return request.codec is None and request.media in (JSON, "")


def is_quick(version: LoadedVersion, body: bytes) -> bool:
    """Whether validating this JSON cell by cell takes a millisecond at most, even if it is wrong."""
    return (
        len(body) <= QUICK_BODY_MAX
        and body[:1] != b"["
        and len(version.signature.fields) <= QUICK_FIELDS_MAX
    )


def read_row(version: LoadedVersion, body: bytes) -> Prepared | None:
    """A single JSON object that is valid as it is, which is what most requests are."""
    row = version.reader.one(body)
    if row is None:
        return None
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    return Prepared(version.reader, (row,), None, (), "object", began_ns, time_us)


def read_coded(
    version: LoadedVersion, make: Callable[[LoadedVersion], RowCodec], body: bytes
) -> Prepared | None:
    """A single row in a protocol's form that is valid as it is; None: its codec reads it with care.

    Args:
        make: the protocol's `RowCodec` for a version.
    """
    found = version.row_codec(make).read(body)
    if found is None:
        return None
    row, write = found
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    return Prepared(version.reader, (row,), None, (), "object", began_ns, time_us, write_row=write)


def read_typed(version: LoadedVersion, body: bytes) -> Prepared | None:
    """JSON that is valid as it is; None if it needs validation cell by cell."""
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    reader = version.reader
    typed = reader.rows(body)
    if typed is not None:
        return Prepared(reader, typed.rows, None, (), typed.layout, began_ns, time_us)
    table = reader.columns(body)
    if table is not None:
        return Prepared(reader, None, table, (), "columns", began_ns, time_us)
    return None


def _read_typed(version: LoadedVersion, request: PredictRequest) -> Prepared | None:
    """The same; None also if there are too many rows.

    Raises:
        TooLarge: it has more rows than are ever validated.
    """
    check_nesting(request.body, _rows_max(version, request))
    if len(request.body) > version.limits.body_max_bytes:
        return _read_long(version, request)
    prepared = read_typed(version, request.body)
    if prepared is None or prepared.n_rows > _rows_max(version, request):
        return None
    if prepared.rows is not None and prepared.n_rows > version.limits.rows_max:
        prepared.checked, prepared.rows = prepared.table, None  # in this thread, not on the loop
    return prepared


def _read_long(version: LoadedVersion, request: PredictRequest) -> Prepared | None:
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    found = version.reader.in_chunks(request.body)
    if found is None or found[0].n_rows > _rows_max(version, request):
        return None
    return Prepared(version.reader, None, found[0], (), found[1], began_ns, time_us)


def _rows_max(version: LoadedVersion, request: PredictRequest) -> int:
    limits = version.limits
    return limits.bulk_rows_max if request.context.is_bulk else limits.rows_max


def _read_with_care(version: LoadedVersion, request: PredictRequest) -> Prepared:
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    signature, limits = version.signature, version.limits
    body, media, rows_max = request.body, request.media, _rows_max(version, request)
    if request.codec is None:
        decoded = decode(body, media, signature.names, rows_max=rows_max)
    else:
        decoded = request.codec.decode(body, media, signature, rows_max=rows_max)
    table, warnings = validate(
        signature,
        decoded.columns,
        decoded.others,
        decoded.n_rows,
        decoded.written,
        is_single=decoded.layout == "object",
        errors_max=limits.errors_max,
    )
    return Prepared(
        version.reader,
        None,
        table,
        warnings,
        decoded.layout,
        began_ns,
        time_us,
        codec=request.codec,
    )
