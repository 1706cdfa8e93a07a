"""Records as CSV, for people and their spreadsheets."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from podium.outputs import Place, at_place, joined
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages

# Spreadsheets execute cells that begin with these, also in their full-width forms;
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - it is UTC, and the Z is added below

_SPECIAL = {"id", "time_us", "inputs", "outputs", "outcome", "outcome_number", "feedback"}
_OTHERS = tuple(name for name in Record.__struct_fields__ if name not in _SPECIAL)
_others = attrgetter(*_OTHERS)
_FIRST = ("id", "time", *_OTHERS)
_LAST = ("feedback", "feedback.time", "feedback.actor", "feedback.note", "feedback.earlier")


def iter_csv(
    store: Store,
    query: RecordQuery,
    fields: Sequence[str],
    places: Sequence[Place],
    extras: Sequence[str] = (),
    clusters: Sequence[str] = (),
    *,
    keep: Callable[[Record], bool] = lambda _: True,
) -> Iterator[bytes]:
    """The records of a query, newest first, as pieces of a CSV file.

    At most one page of them is in memory. The file begins with a byte order mark, without which
    Excel would decode UTF-8 in the local code page; pandas and polars skip it. Texts that a
    spreadsheet would execute as formulas are prefixed with an apostrophe. The columns of inputs are
    named `input.age`, those of probabilities `probability.yes` or, of several outputs,
    `probability.churn.yes`, those of distances `distance.0`, so that they can't collide with ours.

    Args:
        fields: the names of the model's fields, one column each.
        places: of its probabilities, one column each.
        extras: the keys of other outputs, one column each.
        clusters: the labels of those whose distances there are, one column each.
        keep: whether a record belongs into the file.

    Raises:
        StoreError: the database fails; before the first piece or later.
    """
    start = "\ufeff".encode() + _lines([_header(fields, places, extras, clusters)])
    for records in iter_pages(store, query):
        rows = [_cells(one, fields, places, extras, clusters) for one in records if keep(one)]
        if start or rows:  # an empty piece would end a response
            yield start + _lines(rows)
        start = b""


def neutral(cell: object) -> object:
    """A cell that no spreadsheet executes; numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def time_text(time_us: int) -> str:
    """A time as ISO 8601 in UTC, to the millisecond."""
    moment = _EPOCH + dt.timedelta(microseconds=time_us)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _header(
    fields: Sequence[str], places: Sequence[Place], extras: Sequence[str], clusters: Sequence[str]
) -> list[str]:
    inputs = [f"input.{name}" for name in fields]
    probabilities = [f"probability.{joined(place, '.')}" for place in places]
    distances = [f"distance.{label}" for label in clusters]
    return [*_FIRST, *inputs, "prediction", *probabilities, *extras, *distances, *_LAST]


def _cells(
    record: Record,
    fields: Sequence[str],
    places: Sequence[Place],
    extras: Sequence[str],
    clusters: Sequence[str],
) -> list[object]:
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
    cells = [
        record.id,
        time_text(record.time_us),
        *_others(record),
        *(inputs.get(name) for name in fields),
        outputs.get("prediction"),
        *(at_place(place, outputs.get("probabilities")) for place in places),
        *(outputs.get(key) for key in extras),
        *(at_place(label, outputs.get("distances")) for label in clusters),
        *_feedback_cells(record),
    ]
    return [neutral(_plain(cell)) for cell in cells]


def _feedback_cells(record: Record) -> tuple[object, ...]:
    feedback = record.feedback
    if feedback is None:
        return (None,) * len(_LAST)
    return (
        msgspec.json.decode(feedback.truth),
        time_text(feedback.time_us),
        feedback.actor,
        feedback.note,
        feedback.earlier,
    )


def _plain(cell: object) -> object:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, bytes):
        return cell.decode()
    if isinstance(cell, (dict, list)):
        return msgspec.json.encode(cell).decode()
    return cell


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
