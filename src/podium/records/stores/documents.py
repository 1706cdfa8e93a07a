"""Conversion between records and the documents of databases without tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.records.columns import COLUMNS, NAMES
from podium.records.record import Record
from podium.records.stores.rows import record_of, row_of

# What a document has that was written before there was this column.
_DEFAULTS = tuple(
    (column.name, None if column.default is msgspec.NODEFAULT else column.default)
    for column in COLUMNS
)


def document_of(record: Record) -> dict[str, Any]:
    """The names of the columns, as tables have them, and their values; None is left out."""
    pairs = zip(NAMES, row_of(record), strict=True)
    return {name: value for name, value in pairs if value is not None}


def record_of_document(document: Mapping[str, Any]) -> Record:
    """The record of a document; other keys are ignored."""
    return record_of([document.get(name, default) for name, default in _DEFAULTS])
