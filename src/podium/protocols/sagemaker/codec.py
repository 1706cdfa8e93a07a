"""Bodies that SageMaker's clients send to models: CSV without a header, JSON, and JSON lines."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8

import msgspec

from podium.errors import MalformedBody, UnsupportedMedia
from podium.flow.accept import quality
from podium.flow.answer import column_cells
from podium.flow.format import Decoded, ResponseData
from podium.flow.formats import decode
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import JSON, LINES_FORMAT, check_nesting
from podium.protocols import instances
from podium.protocols.mlflow.codec import FORMS, INSTANCES, of_value
from podium.signature import Signature
from podium.signature.cells import printable

LINES = "application/jsonlines"
_LINES = (LINES, *LINES_FORMAT.names)
# The second is what a client sends that names no type.
_JSON = ("", "application/octet-stream", JSON)
_FEATURES = "features"
_HINT = 'send an array of rows, or {"instances": [...]}'


class EndpointCodec:
    """Reads what is sent to an endpoint, and answers as the Accept header says: with JSON, CSV or lines."""

    name = "sagemaker"

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:
        """The cells in a request.

        Raises:
            InputError: there are none, or too many.
        """
        if media == CSV:
            return _of_csv(body, signature, rows_max)
        if media in _LINES:
            return instances.decoded(_lines(body, rows_max), signature, rows_max=rows_max)
        if media not in _JSON:
            raise UnsupportedMedia(
                f"the content type {printable(media)} isn't supported",
                hint=f"send {CSV}, {JSON} or {LINES}",
            )
        value = instances.json_value(body, rows_max, hint=_HINT)
        if not isinstance(value, dict) or value.keys().isdisjoint(FORMS):
            return instances.decoded(value, signature, rows_max=rows_max)
        if INSTANCES in value and isinstance(value[INSTANCES], list):
            value[INSTANCES] = _without_features(value[INSTANCES], signature)
        return of_value(value, signature, rows_max)

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:  # noqa: ARG002 - the rows of a response are arranged in one way only
        """The body of the response, and its content type."""
        wants = {media: quality(accept, media) for media in (JSON, CSV, LINES)}
        media = max(wants, key=wants.__getitem__)
        if media == CSV:
            return _csv_of(data), f"{CSV}; charset=utf-8"
        if media == LINES:
            assert LINES_FORMAT.write is not None
            return LINES_FORMAT.write(data, "lines"), LINES
        return instances.encoded(data)


def _of_csv(body: bytes, signature: Signature, rows_max: int) -> Decoded:
    """The cells in a CSV, whose columns are the fields in their order; or, if a cell of its first
    line is the name of one, those that it names.
    """
    names = signature.names
    body = body.removeprefix(BOM_UTF8)
    first = body.partition(b"\n")[0].decode(errors="replace").strip()
    try:
        cells = next(csv.reader([first]), [])
    except csv.Error:  # a cell that is too long: reading all of it says so
        cells = []
    if cells and {cell.strip() for cell in cells}.isdisjoint(names):
        header = io.StringIO()
        csv.writer(header).writerow(names)
        body = header.getvalue().encode() + body
    return decode(body, CSV, names, rows_max=rows_max)


def _lines(body: bytes, rows_max: int) -> list[object]:
    check_nesting(body, rows_max)
    try:
        return msgspec.json.Decoder().decode_lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(
            f"the body isn't lines of JSON: {error}", hint="send a row in each line"
        ) from error


def _without_features(rows: list[object], signature: Signature) -> list[object]:
    """Rows of SageMaker's own algorithms, `{"features": [...]}`, as arrays; others as they are."""
    if _FEATURES in signature.names:
        return rows
    is_wrapped = [isinstance(row, dict) and row.keys() == {_FEATURES} for row in rows]
    return [row[_FEATURES] for row in rows] if rows and all(is_wrapped) else rows  # type: ignore[index] # as was just checked


def _csv_of(data: ResponseData) -> bytes:
    """A line with the prediction of each row, or its predictions; without a header."""
    text = io.StringIO(newline="")
    n_predictions = len(data.signature.outputs)
    lines = csv.writer(text, lineterminator="\n")
    lines.writerows(cells[:n_predictions] for cells in column_cells(data.signature, data.outputs))
    return text.getvalue().encode()
