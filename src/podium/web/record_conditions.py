"""Conditions on the columns of records: `Age is at least 30`, as an address holds them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from podium.records.storable import text_problem
from podium.records.store import RecordQuery
from podium.signature.labels import folded
from podium.web.record_columns import Column, Row, value_text

# The parameters of the first condition are f1, o1 and v1: its field, its operator and its value.
MOST = 8
VALUE_MAX = 200
OPERATORS = {
    "is": "is",
    "ge": "is at least",
    "le": "is at most",
    "has": "contains",
    "none": "is missing",
    "any": "is given",
}
_BARE = ("none", "any")
_ORDERS = ("ge", "le")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column.

    Attributes:
        value: as it was entered.
        fits: whether a row meets it.
    """

    column: Column
    operator: str
    value: str
    fits: Callable[[Row], bool]

    @property
    def text(self) -> str:
        """The condition for people."""
        return f"{self.column.heading} {OPERATORS[self.operator]} {self.value}".rstrip()


class Draft(NamedTuple):
    """A condition as it was entered, which isn't one yet."""

    key: str = ""
    operator: str = ""
    value: str = ""


NO_DRAFT = Draft()


def conditions_of(
    query: Mapping[str, str], columns: Mapping[str, Column], problems: list[str]
) -> tuple[tuple[Condition, ...], Draft]:
    """The conditions in the parameters of an address, and the last one that is invalid.

    What is wrong is added to the problems.
    """
    found, draft = [], NO_DRAFT
    for number in range(1, MOST + 1):
        key, operator, value = (query.get(f"{part}{number}", "").strip() for part in "fov")
        if not key:
            continue
        column, problem = columns.get(key), ""
        if column is None:
            problem = f"No field is called “{key[:40]}”."
        elif operator not in OPERATORS:
            problem = f"“{operator[:40]}” is not a comparison: choose one from the list."
        else:
            problem = _value_problem(column, operator, value)
        if problem or column is None:
            problems.append(problem)
            draft = Draft(key, operator, value[:VALUE_MAX])
        else:
            value = "" if operator in _BARE else value
            found.append(Condition(column, operator, value, _test(column, operator, value)))
    return tuple(found), draft


def parameters_of(conditions: Sequence[Condition]) -> dict[str, str]:
    """The parameters that hold these conditions in an address."""
    said: dict[str, str] = {}
    for number, one in enumerate(conditions, 1):
        parts = {"f": one.column.key, "o": one.operator, "v": one.value}
        said |= {f"{part}{number}": value for part, value in parts.items() if value}
    return said


def narrowed(
    query: RecordQuery, conditions: Sequence[Condition], supported: frozenset[str]
) -> tuple[RecordQuery, tuple[Condition, ...]]:
    """A query with the conditions that stores have indexes for, and the others.

    Args:
        supported: the filters of the store.
    """
    rest = []
    for one in conditions:
        name, value = _native(one)
        if name in supported and getattr(query, name) is None:
            query = replace(query, **{name: value})
        else:
            rest.append(one)
    return query, tuple(rest)


def _native(one: Condition) -> tuple[str, Any]:
    """The filter of a query that a condition is, and its value; "" if it is none."""
    place = (one.column.key, one.operator)
    if place in (("rec.truth", "any"), ("rec.truth", "none")):
        return "has_feedback", one.operator == "any"
    if one.column.key == "out.prediction" and one.column.kind == "number":
        names = {"ge": "outcome_min", "le": "outcome_max"}
        return names.get(one.operator, ""), _number(one.value)
    return "", None


def _value_problem(column: Column, operator: str, value: str) -> str:
    """What is wrong with the value of a condition; "" if nothing is."""
    name = column.label
    if operator in _BARE:
        return ""
    if not value:
        return f"{name}: write the value that it {OPERATORS[operator]}."
    if len(value) > VALUE_MAX:
        return f"{name}: a value to look for has {VALUE_MAX} characters at most."
    if problem := text_problem(value):
        return f"{name}: {problem}."
    if operator in _ORDERS and column.kind == "text":
        return f"{name} is a text, which has no order: use “is” or “contains”."
    if operator != "has" and column.kind == "number" and _number(value) is None:
        return f"{name}: “{value[:40]}” is not a number."
    if operator != "has" and column.kind == "moment" and _moment(value) is None:
        return (
            f"{name}: “{value[:40]}” is not a date or time, such as 2024-05-31 or 2024-05-31 14:00."
        )
    return ""


def _test(column: Column, operator: str, value: str) -> Callable[[Row], bool]:
    read = column.read
    if operator == "none":
        return lambda row: read(row) in (None, "")
    if operator == "any":
        return lambda row: read(row) not in (None, "")
    if operator == "has":
        part = folded(value)
        return lambda row: part in folded(_said(read(row)))
    if column.kind == "text":
        return lambda row: _said(read(row)) == value
    if column.kind == "moment" and operator == "is" and len(value) == len("2024-05-31"):
        # A day is all of its times.
        return lambda row: str(_moment(read(row)) or "")[: len(value)] == value
    parse: Callable[[Any], Any] = _number if column.kind == "number" else _moment
    wanted = parse(value)
    if operator == "is":
        return lambda row: parse(read(row)) == wanted
    if operator == "ge":
        return lambda row: (found := parse(read(row))) is not None and found >= wanted
    return lambda row: (found := parse(read(row))) is not None and found <= wanted


def _said(value: Any) -> str:
    return "" if value is None else value_text(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _moment(value: Any) -> dt.datetime | None:
    """A time without its zone, in UTC if it has one."""
    if not isinstance(value, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(value.strip())
        return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
