"""The other rows of the request that a record came with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from podium.access import Actor
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.web.numbers import number_text
from podium.web.record_columns import short_outcome
from podium.web.visible_records import may_see

# The rows of a request have one time, and ids in their order: they are read from its first row on, and
# no more of them than this.
READ_MAX = 300
# The rows before a record and after it that its page lists.
BESIDE = 2


class RequestRow(NamedTuple):
    """A row of a request.

    Attributes:
        number: from 1.
    """

    number: int
    outcome: str
    id: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class RequestRows:
    """The rows around one of them.

    Attributes:
        rows: in the order of the request; none if it has only this one.
        first_id: of the first row of the request; "" if it is listed, or this one.
        is_far: whether this row is too far from the first one for others to be looked up.
    """

    rows: tuple[RequestRow, ...] = ()
    first_id: str = ""
    is_far: bool = False


def rows_beside(store: Store, record: Record, actor: Actor) -> RequestRows:
    """The rows before a record and after it, in its request, that an actor may see.

    Raises:
        StoreError: the store fails.
    """
    request_id = record.request_id
    if request_id is None:
        return RequestRows()
    is_far = record.row_index + BESIDE >= READ_MAX
    found = () if is_far else _rows(store, record)
    beside = [
        one
        for one in found
        if abs(one.row_index - record.row_index) <= BESIDE and may_see(actor, one)
    ]
    rows = tuple(
        RequestRow(one.row_index + 1, _outcome(one), one.id, one.id == record.id) for one in beside
    )
    is_listed = any(one.id == request_id for one in beside)
    first_id = "" if is_listed or record.id == request_id else request_id
    return RequestRows(rows if len(rows) > 1 else (), first_id, is_far)


def _rows(store: Store, record: Record) -> list[Record]:
    """The first rows of a record's request; rows of other requests of that moment may be in between."""
    moment = RecordQuery(model=record.model, since_us=record.time_us, until_us=record.time_us + 1)
    page = store.page(moment, limit=READ_MAX, order="oldest")
    same = [
        one
        for one in page.records
        if one.request_id == record.request_id and one.role == record.role
    ]
    return sorted(same, key=lambda one: one.row_index)


def _outcome(record: Record) -> str:
    number = record.outcome_number
    return short_outcome(record) if number is None else number_text(number)
