"""Podium's own formats, by content type."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from podium.errors import BadCell, InvalidRows, UnsupportedMedia
from podium.flow.accept import quality
from podium.flow.format import Decoded, DecodeLimits, Format, ResponseData
from podium.flow.formats.arrow import ARROW_FORMAT
from podium.flow.formats.csv_rows import CSV_FORMAT
from podium.flow.formats.forms import FORM_FORMAT, PARTS_FORMAT
from podium.flow.formats.json_rows import JSON_FORMAT, LINES_FORMAT
from podium.signature.cells import printable
from podium.signature.names import renamed

FORMATS = (JSON_FORMAT, CSV_FORMAT, LINES_FORMAT, FORM_FORMAT, PARTS_FORMAT, ARROW_FORMAT)
ACCEPTED = tuple(one.names[0] for one in FORMATS)
_BY_NAME = {name: one for one in FORMATS for name in one.names}
_BY_LAYOUT = {layout: one for one in FORMATS for layout in one.layouts}
_WRITTEN = [one for one in FORMATS if one.write is not None]


def decode(body: bytes, media: str, fields: Collection[str], *, rows_max: int) -> Decoded:
    """The cells in a request's body.

    Args:
        media: its content type, in lower case and without parameters; JSON when empty.
        fields: the names of the columns to read.

    Raises:
        MalformedBody: it doesn't match its content type.
        InvalidRows: it does, but doesn't contain rows.
        TooLarge: it has more than `rows_max` rows.
        UnsupportedMedia: the content type isn't one of `ACCEPTED`.
    """
    format_ = _format_of(media)
    return read(partial(format_.read, body), fields, rows_max=rows_max, indexes=format_.index_names)


def read(
    read_columns: Callable[[DecodeLimits], Decoded],
    fields: Collection[str],
    *,
    rows_max: int,
    indexes: Collection[str] = (),
) -> Decoded:
    """The cells that a function reads, at least one row of them, with columns named like fields.

    Args:
        read_columns: reads the columns of these names; called again where a column is named like a
            field but for its Unicode form or spaces.
        indexes: names that aren't unknown ones, but columns of row numbers, which are left out.

    Raises:
        InvalidRows: there are no rows.
        TooLarge: there are more than `rows_max`, or too many columns.
    """
    limits = DecodeLimits(frozenset(fields), rows_max)
    decoded = read_columns(limits)
    limits.check_names(len(decoded.others))
    if not decoded.n_rows:
        raise InvalidRows([BadCell(problem="there are no rows", accepted="at least one row")])
    if not decoded.others:
        return decoded
    new = renamed((*decoded.columns, *decoded.others), fields)
    if new:
        decoded = read_columns(DecodeLimits(frozenset((*fields, *new)), rows_max))
    columns = {new.get(name, name): cells for name, cells in decoded.columns.items()}
    others = [name for name in decoded.others if name not in indexes]
    return replace(decoded, columns=columns, others=others)


def encode(data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:
    """The body of a response, and its content type.

    Args:
        layout: how the rows of the request were arranged; the response has the same layout,
        accept: unless this header prefers another format.
    """
    format_ = _wanted(_BY_LAYOUT[layout], accept)
    assert format_.write is not None
    return format_.write(data, layout), format_.media


def _format_of(media: str) -> Format:
    if not media or media.endswith("+json"):
        return JSON_FORMAT
    try:
        return _BY_NAME[media]
    except KeyError:
        raise UnsupportedMedia(
            f"the content type {printable(media)} isn't supported",
            hint=f"send {', '.join(ACCEPTED)}",
        ) from None


def _wanted(own: Format, accept: str) -> Format:
    """The format that the client prefers; among several, the one of the request."""
    if not accept:
        return own
    wants = {one: max(map(partial(quality, accept), one.names)) for one in _WRITTEN}
    most = max(wants.values())
    if wants[own] == most or not most:  # none of the acceptable formats is available
        return own
    return max(wants, key=wants.__getitem__)
