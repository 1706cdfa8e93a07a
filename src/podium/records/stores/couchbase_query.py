"""The WHERE conditions of pages in Couchbase, in SQL++."""

from __future__ import annotations

import math
from typing import Any

from podium.records.store import Order, RecordQuery

_EQUAL = ("model", "version", "actor", "owner", "outcome", "role")


def column(name: str) -> str:
    """A column of a record, in quotes: some of the names are reserved, such as `role`."""
    return f"r.`{name}`"


class Conditions:
    """Conditions that must all hold, and the values of their named parameters."""

    def __init__(self) -> None:
        # Every record has a time, so that an index on it may be used.
        self.conditions = [f"{column('time_us')} IS VALUED"]
        self.values: dict[str, Any] = {}

    def add(self, name: str, operator: str, value: Any) -> None:
        """That a column compares like this with a value; nothing if there is none."""
        if value is not None:
            self.conditions.append(f"{column(name)} {operator} {self.parameter(value)}")

    def parameter(self, value: Any) -> str:
        """A new parameter with this value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    @property
    def text(self) -> str:
        """After WHERE."""
        return " AND ".join(self.conditions)


def conditions_of(
    query: RecordQuery, after: tuple[int, str] | None, order: Order
) -> Conditions | None:
    """The conditions of a page; None if no record can match."""
    found = Conditions()
    for name in _EQUAL:
        found.add(name, "=", getattr(query, name))
    found.add("time_us", ">=", query.since_us)
    found.add("time_us", "<", query.until_us)
    found.add("id", "IN", None if query.ids is None else list(query.ids))
    keys = query.business_keys
    if keys is not None:
        found.conditions.append(f"{column('business_key')} IS VALUED")  # as in the index
    found.add("business_key", "IN", None if keys is None else list(keys))
    if query.has_feedback is not None:
        verb = "IS" if query.has_feedback else "IS NOT"
        found.conditions.append(f"{column('feedback_time_us')} {verb} VALUED")
    if query.id_prefix:
        # All ids with this prefix lie between it and the prefix followed by "g". What isn't hex
        # digits may sort among them, but no id begins with it.
        found.add("id", ">=", query.id_prefix)
        found.add("id", "<", f"{query.id_prefix}g")
    if after is not None:
        _add_place(found, after, order)
    return found if _add_numbers(found, query) else None


def _add_place(found: Conditions, after: tuple[int, str], order: Order) -> None:
    """Comes later in the pages than this time and id."""
    time_us, record_id = map(found.parameter, after)
    time, id_ = column("time_us"), column("id")
    sign = ">" if order == "oldest" else "<"
    # The first one alone bounds a range of the index.
    found.conditions += [
        f"{time} {sign}= {time_us}",
        f"({time} {sign} {time_us} OR ({time} = {time_us} AND {id_} {sign} {record_id}))",
    ]


def _add_numbers(found: Conditions, query: RecordQuery) -> bool:
    """Whether a number can be within these limits. JSON has no infinities, and no NaN."""
    limits = ((">=", query.outcome_min, -math.inf), ("<=", query.outcome_max, math.inf))
    given = [one for one in limits if one[1] is not None]
    if given:
        found.conditions.append(f"{column('outcome_number')} IS VALUED")
    for operator, limit, widest in given:
        if limit != widest:
            if limit is None or not math.isfinite(limit):
                return False
            found.add("outcome_number", operator, limit)
    return True
