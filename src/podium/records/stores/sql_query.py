"""The WHERE conditions of pages in a relational database, and the index that has their order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, and_, false, func, or_
from sqlalchemy.sql.elements import ColumnElement

from podium.records.storable import is_hex
from podium.records.store import Order, RecordQuery
from podium.records.stores.rows import NUMBER_WITH_POINT
from podium.records.stores.sql_tables import BY_MODEL, BY_OUTCOME, HAS_START, START_LENGTH

Condition = ColumnElement[bool]


class _Length(NamedTuple):
    """The length of a text in bytes, where a database ignores trailing blanks in comparisons."""

    function: str
    encoding: str

    def of_column(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast("ColumnElement[Any]", getattr(func, self.function)(column))

    def of_text(self, text: str) -> int:
        return len(text.encode(self.encoding))


_LENGTHS = {
    "mysql": _Length("octet_length", "utf-8"),
    "mariadb": _Length("octet_length", "utf-8"),
    "mssql": _Length("datalength", "utf-16-le"),
}


def conditions_of(table: Table, query: RecordQuery, *, dialect: str) -> list[Condition] | None:
    """The WHERE conditions of a query; None if no record can match."""
    length = _LENGTHS.get(dialect)
    columns = table.c
    conditions = _equal_texts(table, query, length)
    if query.since_us is not None:
        conditions.append(columns.time_us >= query.since_us)
    if query.until_us is not None:
        conditions.append(columns.time_us < query.until_us)
    if query.has_feedback is not None:
        has_feedback = columns.feedback_time_us.is_not(None)
        conditions.append(
            has_feedback if query.has_feedback else columns.feedback_time_us.is_(None)
        )
    if query.id_prefix:
        if not is_hex(query.id_prefix):
            return None
        # Ids are hex digits: all ids with this prefix lie between the prefix and the prefix
        # followed by "g".
        conditions += [columns.id >= query.id_prefix, columns.id < f"{query.id_prefix}g"]
    # MariaDB refuses to compare a column of ASCII letters with others.
    some = query.ids and [one for one in query.ids if is_hex(one)]
    conditions += _among(columns.id, some, None)
    conditions += _among(columns.business_key, query.business_keys, length)
    return _add_numbers(conditions, columns.outcome_number, query)


def _equal_texts(table: Table, query: RecordQuery, length: _Length | None) -> list[Condition]:
    """That columns have the texts of a query."""
    conditions: list[Condition] = []
    for name in ("model", "version", "actor", "owner", "outcome", "role"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(table.c[name] == value)
            if length is not None:
                conditions.append(length.of_column(table.c[name]) == length.of_text(value))
    if query.outcome is not None and (start := start_of(query.outcome)):
        conditions.append(table.c.outcome_start == start)
        if length is None:
            conditions.append(HAS_START)  # redundant, but it lets the database use its index
    return conditions


def _among(
    column: ColumnElement[Any], some: Sequence[str] | None, length: _Length | None
) -> list[Condition]:
    """That a column has one of these values; nothing where any will do."""
    if some is None:
        return []
    if length is None:
        return [column.in_(some)]
    by_length: dict[int, list[str]] = {}
    for value in some:
        by_length.setdefault(length.of_text(value), []).append(value)
    exact = [
        and_(column.in_(values), length.of_column(column) == n_bytes)
        for n_bytes, values in by_length.items()
    ]
    return [column.in_(some), or_(false(), *exact)]


def start_of(outcome: str) -> str:
    """What the index has of an outcome: nothing of a number with a fraction.

    Hardly anybody searches for one, and each would touch a page of its own in the index. Without it
    they are in the order of time, as they come.
    """
    return "" if NUMBER_WITH_POINT.fullmatch(outcome) else outcome[:START_LENGTH]


def index_of(query: RecordQuery) -> str | None:
    """The index that has the records of a query in their order; None if others may be better."""
    is_narrow = query.ids is not None or query.business_keys is not None or query.id_prefix
    if query.model is None or is_narrow:
        return None
    return BY_OUTCOME if query.outcome is not None and start_of(query.outcome) else BY_MODEL


def _add_numbers(
    conditions: list[Condition], number: ColumnElement[Any], query: RecordQuery
) -> list[Condition] | None:
    """The conditions, with those on the numeric outcome.

    Databases treat NaN and infinities differently, and some lack them, so they are never sent.
    """
    least, greatest = query.outcome_min, query.outcome_max
    if least is not None or greatest is not None:
        conditions.append(number.is_not(None))
    if least is not None and least != -math.inf:
        if not math.isfinite(least):
            return None
        conditions.append(number >= least)
    if greatest is not None and greatest != math.inf:
        if not math.isfinite(greatest):
            return None
        conditions.append(number <= greatest)
    return conditions


def is_after(table: Table, place: tuple[int, str], order: Order) -> Condition:
    """Comes later in the pages than this time and id."""
    time_us, record_id = place
    columns = table.c
    # The first term alone bounds a range of the index; MySQL doesn't use it for a comparison of
    # pairs.
    if order == "oldest":
        is_later = and_(columns.time_us == time_us, columns.id > record_id)
        return and_(columns.time_us >= time_us, or_(columns.time_us > time_us, is_later))
    return and_(
        columns.time_us <= time_us,
        or_(columns.time_us < time_us, and_(columns.time_us == time_us, columns.id < record_id)),
    )
