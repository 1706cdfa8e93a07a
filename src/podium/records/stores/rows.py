"""Conversion between records and table rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple

from podium.records.columns import FEEDBACK_NAMES, names_of
from podium.records.record import Feedback, Record

# Outcomes that aren't in an index of outcomes; SQLite's own pattern is `sqlite_file.IS_INDEXED`.
NUMBER_WITH_POINT = re.compile(r"[-0-9].*\.[0-9].*", re.DOTALL)
_JSON = tuple(map(Record.__struct_fields__.index, names_of(bytes)))
_FEEDBACK = Record.__struct_fields__.index("feedback")
_FEEDBACK_END = _FEEDBACK + len(FEEDBACK_NAMES)
_NO_FEEDBACK = (None,) * len(FEEDBACK_NAMES)


def row_of(record: Record) -> tuple[Any, ...]:
    """The values of the columns, in their order."""
    values = list(astuple(record))
    for place in _JSON:
        if values[place] is not None:
            values[place] = values[place].decode()
    values[_FEEDBACK : _FEEDBACK + 1] = feedback_cells(record.feedback)
    return tuple(values)


def feedback_cells(feedback: Feedback | None) -> tuple[Any, ...]:
    """The values of FEEDBACK_NAMES."""
    if feedback is None:
        return _NO_FEEDBACK
    truth, *others, earlier = astuple(feedback)
    return (truth.decode(), *others, None if earlier is None else earlier.decode())


def feedback_of(cells: Sequence[Any]) -> Feedback | None:
    """The feedback of which the columns FEEDBACK_NAMES have these values."""
    truth, time_us, actor, note, earlier = cells
    if time_us is None:
        return None
    return Feedback(
        truth=truth.encode(),
        time_us=time_us,
        actor=actor,
        note=note,
        earlier=None if earlier is None else earlier.encode(),
    )


def record_of(row: Sequence[Any]) -> Record:
    """The record with these values of the columns."""
    values = list(row)
    values[_FEEDBACK:_FEEDBACK_END] = (feedback_of(values[_FEEDBACK:_FEEDBACK_END]),)
    for place in _JSON:
        if values[place] is not None:
            values[place] = values[place].encode()
    return Record(*values)
