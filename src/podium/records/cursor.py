"""Cursors: where the next page of records begins, as an opaque string."""

from __future__ import annotations

import base64
import re

from podium.errors import InputError
from podium.records.record import Record
from podium.records.storable import TIME_MAX_US

_PLACE = re.compile(r"(0|[1-9][0-9]{0,15})\.([0-9a-f]{32})")


class BadCursor(InputError):
    """An invalid cursor."""

    code = "bad_cursor"


def cursor_of(record: Record) -> str:
    """The cursor of the page after this record; safe in a URL."""
    return cursor_at(record.time_us, record.id)


def cursor_at(time_us: int, record_id: str) -> str:
    """The cursor of the page after this place, where no record has to be."""
    text = f"{time_us}.{record_id}"
    return base64.urlsafe_b64encode(text.encode("ascii")).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str) -> tuple[int, str]:
    """The time and id of the last record before the page.

    Raises:
        BadCursor: it is invalid.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = _PLACE.fullmatch(base64.b64decode(padded, b"-_", validate=True).decode("ascii"))
    except ValueError as error:  # raised by base64 and by both codecs
        raise _bad() from error
    if place is None or int(place[1]) >= TIME_MAX_US:
        raise _bad()
    return int(place[1]), place[2]


def _bad() -> BadCursor:
    return BadCursor("the page of records is invalid", hint="start at the first page")
