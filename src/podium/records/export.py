"""Records as CSV, for people and their spreadsheets."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from podium.records.record import Record
from podium.records.store import RecordQuery, Store

PAGE_ROWS = 500
# Spreadsheets run what begins so; https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def iter_csv(
    store: Store, query: RecordQuery, fields: Sequence[str], labels: Sequence[str]
) -> Iterator[bytes]:
    """The records of a query, newest first, as pieces of a CSV file.

    It begins with a byte order mark, without which Excel takes UTF-8 for the local code page. Texts
    that a spreadsheet would run as formulas get an apostrophe in front.

    Args:
        fields: of the model, one column each.
        labels: of its classes, as texts, one column of probabilities each.
    """
    header = ["id", "time", "model", "version", "source", "actor", "latency_ms", *fields]
    header += ["prediction", *(f"probability {label}" for label in labels), "truth"]
    yield "\ufeff".encode() + _lines([[neutral(name) for name in header]])
    cursor = None
    while True:
        page = store.page(query, limit=PAGE_ROWS, cursor=cursor)
        yield _lines([_cells(record, fields, labels) for record in page.records])
        if page.cursor is None:
            return
        cursor = page.cursor


def neutral(cell: object) -> object:
    """A cell that no spreadsheet runs; numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return f"'{cell}"
    return cell


def time_text(time_us: int) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond."""
    moment = dt.datetime.fromtimestamp(time_us / 1e6, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cells(record: Record, fields: Sequence[str], labels: Sequence[str]) -> list[object]:
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
    probabilities = outputs.get("probabilities") or {}
    truth = None if record.feedback is None else msgspec.json.decode(record.feedback.truth)
    cells = [
        record.id,
        time_text(record.time_us),
        record.model,
        record.version,
        record.source,
        record.actor,
        record.latency_us / 1_000,
        *(inputs.get(name) for name in fields),
        outputs["prediction"],
        *(probabilities.get(label) for label in labels),
        truth,
    ]
    return [neutral(_plain(cell)) for cell in cells]


def _plain(cell: object) -> object:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (dict, list)):
        return msgspec.json.encode(cell).decode()
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
