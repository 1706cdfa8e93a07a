"""What an HTML form sends: one row, encoded in one piece or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from podium.errors import MalformedBody
from podium.flow.format import Decoded, DecodeLimits, Format, text_of
from podium.flow.formats.multipart import MULTIPART, fields_of


def _read(body: bytes, limits: DecodeLimits) -> Decoded:
    try:
        pairs = parse_qsl(
            text_of(body), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=10_000
        )
    except ValueError as error:
        raise MalformedBody(f"the body isn't a form: {error}") from error
    return _fields(pairs, limits)


def _fields(pairs: Sequence[tuple[str, str]], limits: DecodeLimits) -> Decoded:
    # The last value wins: a ticked checkbox comes after the hidden field that stands for an
    # unticked one.
    values = dict(pairs)
    columns = {name: [value] for name, value in values.items() if name in limits.fields}
    return Decoded(columns, limits.others(values), 1, "object", "form")


def _read_parts(body: bytes, limits: DecodeLimits) -> Decoded:
    return _fields(fields_of(body), limits)


FORM = "application/x-www-form-urlencoded"
FORM_FORMAT = Format((FORM,), (), _read)
PARTS_FORMAT = Format((MULTIPART,), (), _read_parts)
