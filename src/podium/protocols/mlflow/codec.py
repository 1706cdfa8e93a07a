"""Bodies of MLflow's scoring protocol: JSON in four forms, and CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from podium.errors import MalformedBody, UnsupportedMedia
from podium.flow.format import Decoded, DecodeLimits, ResponseData
from podium.flow.formats import decode, read
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import JSON, rows_of
from podium.protocols import instances
from podium.signature import Signature
from podium.signature.cells import printable
from podium.signature.names import INDEXES

SPLIT, RECORDS, INSTANCES, INPUTS = "dataframe_split", "dataframe_records", "instances", "inputs"
FORMS = (SPLIT, RECORDS, INSTANCES, INPUTS)
_HINT = f'send {{"{SPLIT}": {{"columns": [...], "data": [...]}}}}, or another form of MLflow\'s'
# Strings, whole or without an end, or the token. Nothing is tried twice, whatever the body is.
_NAN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|NaN', re.DOTALL)


class Split(msgspec.Struct):
    """A data frame as pandas writes it with `orient="split"`; the index is ignored."""

    data: list[Any]
    columns: list[str] | None = None
    index: list[Any] | None = None


class ScoringCodec:
    """Reads what MLflow's clients send, with a bare `NaN` as a missing value."""

    name = "mlflow"

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:
        """The cells in a request. Columns that aren't fields are ignored, as MLflow does, as long
        as no field is missing.

        Raises:
            InputError: there are none, or too many.
        """
        if media == CSV:
            decoded = decode(body, media, signature.names, rows_max=rows_max)
        elif media in ("", JSON):
            decoded = _of_json(body, signature, rows_max)
        else:
            raise UnsupportedMedia(
                f"the content type {printable(media)} isn't supported", hint=f"send {JSON} or {CSV}"
            )
        is_whole = decoded.columns.keys() >= set(signature.names)
        return replace(decoded, others=()) if is_whole else decoded

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:  # noqa: ARG002 - there is one form only
        """The body of the response, and its content type."""
        return instances.encoded(data)


def without_nan(body: bytes) -> bytes:
    """A body with `null` for each bare `NaN`, but not for those within strings."""
    if b"NaN" not in body:
        return body
    return _NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], body)


def _of_json(body: bytes, signature: Signature, rows_max: int) -> Decoded:
    return of_value(
        instances.json_object(without_nan(body), rows_max, hint=_HINT), signature, rows_max
    )


def of_value(value: Mapping[str, Any], signature: Signature, rows_max: int) -> Decoded:
    """The cells in an object that has one of `FORMS`.

    Raises:
        InputError: it has none, or several, or no rows, or too many.
    """
    key = instances.only_key(value, FORMS, hint=_HINT)
    if key == SPLIT:
        split = _split(value[key])
        names = signature.names if split.columns is None else split.columns
        read_columns = partial(instances.of_arrays, split.data, names)
        return read(read_columns, signature.names, rows_max=rows_max, indexes=INDEXES)
    if key == RECORDS:
        return read(partial(_records, value[key]), signature.names, rows_max=rows_max)
    return instances.decoded(value[key], signature, rows_max=rows_max)


def _records(value: object, limits: DecodeLimits) -> Decoded:
    if not isinstance(value, list):
        raise MalformedBody(f"{RECORDS} isn't an array of objects, but {printable(value)}")
    return rows_of(value, limits)


def _split(value: object) -> Split:
    try:
        split = msgspec.convert(value, Split)
    except msgspec.ValidationError as error:
        raise MalformedBody(f"{SPLIT} isn't a data frame: {error}", hint=_HINT) from error
    if split.columns is not None and len(set(split.columns)) < len(split.columns):
        twice = next(one for one in split.columns if split.columns.count(one) > 1)
        raise MalformedBody(f"two columns are called {printable(twice)!r}")
    return split
