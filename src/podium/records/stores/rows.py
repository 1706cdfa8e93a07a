"""Conversion between records and table rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple

from podium.records.columns import FEEDBACK_NAMES, names_of
from podium.records.record import Feedback, Record

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
    truth, *others = astuple(feedback)
    return (truth.decode(), *others)


def record_of(row: Sequence[Any]) -> Record:
    """The record with these values of the columns."""
    values = list(row)
    truth, time_us, actor, note = values[_FEEDBACK:_FEEDBACK_END]
    values[_FEEDBACK:_FEEDBACK_END] = (None,)
    if time_us is not None:
        values[_FEEDBACK] = Feedback(truth=truth.encode(), time_us=time_us, actor=actor, note=note)
    for place in _JSON:
        if values[place] is not None:
            values[place] = values[place].encode()
    return Record(*values)
