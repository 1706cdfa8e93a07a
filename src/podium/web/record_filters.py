"""Which records a page shows: its filters, and its position among the other pages."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as copied
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from podium.access import ALL, ANYONE, Action, Actor, allowed
from podium.records.business_key import business_key_of
from podium.records.record import Role
from podium.records.store import RecordQuery, StoreFeatures
from podium.signature import Output
from podium.signature.labels import shown_label
from podium.web.record_columns import Column
from podium.web.record_conditions import NO_DRAFT, Condition, Draft, conditions_of, parameters_of

# The parameters of a URL: the filter that the store must support, and its label for people.
_FILTERS = {
    "search": ("text", "Search"),
    "since": ("since_us", "From (UTC)"),
    "until": ("until_us", "To (UTC)"),
    "outcome": ("outcome", "Prediction"),
    "min": ("outcome_min", "At least"),
    "max": ("outcome_max", "At most"),
    "id": ("id_prefix", "Id begins with"),
    "business_key": ("business_keys", "Key"),
    "role": ("role", "Role"),
}
NAMES = tuple(_FILTERS)
# What is shown beside the predictions that callers got, where it is asked for.
_ROLES: Mapping[str, Role] = {"shadow": "shadow", "replay": "replay"}
LABELS = {name: label for name, (_, label) in _FILTERS.items()}
# Cursors of the previous pages, in the page's URL: 40 of 66 characters stay far below the 8 KiB
# that a URL may have, also if it is repeated as the Referer.
TRAIL_MAX = 40
# So long a search may be, in characters: it stays in the URLs of all pages.
SEARCH_MAX = 200
_ID = re.compile(r"[0-9a-f]{1,32}")
# A date alone isn't a time to an input of type datetime-local.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a page.

    Attributes:
        said: as they were entered, by name; "" for those that weren't.
        query: what they select.
        problems: what is invalid, and left out of the query.
        conditions: on columns; `said` has them, too.
        draft: a condition that is invalid.
        view: the parameters of what is shown of the records: columns, an order, totals.
    """

    said: Mapping[str, str]
    query: RecordQuery
    problems: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    draft: Draft = NO_DRAFT
    view: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def are_used(self) -> bool:
        """Whether any filter is used."""
        return any(self.said.values())

    def address(self, base: str, **more: str) -> str:
        """The URL of the matching records, with additional parameters."""
        return _address(base, {**self.said, **more})

    def with_conditions(self, conditions: Sequence[Condition]) -> Filters:
        """The filters with these conditions in place of theirs."""
        said = {name: value for name, value in self.said.items() if name in NAMES}
        said |= parameters_of(conditions)
        return copied(self, said=said, conditions=tuple(conditions))

    def page_address(self, base: str, **more: str | Sequence[str]) -> str:
        """The URL of a page that shows the matching records in the same way."""
        return _address(base, {**self.said, **self.view, **more})


class FilterField(NamedTuple):
    """A filter as a form offers it.

    Attributes:
        value: its current value.
        choices: of a `choice`, besides none: the value and the text of each.
    """

    name: str
    label: str
    kind: Literal["moment", "number", "choice", "text", "search"]
    value: str
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a page among the others: stores only page towards older records.

    Attributes:
        number: of the page, from 1.
        after: the cursor at which it begins; "" for the first.
        trail: the cursors of the previous pages, as many as a URL can hold.
    """

    number: int = 1
    after: str = ""
    trail: tuple[str, ...] = ()

    @property
    def newer(self) -> Place | None:
        """The previous page; None on the first, and if the trail doesn't lead back to it."""
        if self.number == 2 or (self.after and self.number < 2):
            return Place()
        if not self.trail:
            return None
        return Place(self.number - 1, self.trail[-1], self.trail[:-1])

    def older(self, cursor: str) -> Place:
        """The next page, which begins at a cursor."""
        trail = (*self.trail, self.after) if self.after else ()
        return Place(self.number + 1, cursor, trail[-TRAIL_MAX:])

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of its URL."""
        if not self.after:
            return {}
        return {"after": self.after, "trail": ".".join(self.trail), "page": str(self.number)}


def filters_of(
    model: str | None,
    query: Mapping[str, str],
    actor: Actor = ANYONE,
    columns: Mapping[str, Column] | None = None,
) -> Filters:
    """The filters in the parameters of a URL, on the records that an actor may see.

    Args:
        columns: those on which there may be conditions.

    Raises:
        InputError: a text that no database can look up.
    """
    said = {name: query.get(name, "").strip() for name in NAMES}
    problems: list[str] = []
    prefix, key = said["id"].lower(), said["business_key"]
    if prefix and not _ID.fullmatch(prefix):
        problems.append("An id has up to 32 hexadecimal digits, 0 to 9 and a to f.")
        prefix = ""
    role = _ROLES.get(said["role"], "primary")
    if said["role"] and role != said["role"]:
        problems.append(f"“{said['role'][:40]}” is not a role: choose shadow or replay.")
    text = said["search"]
    if len(text) > SEARCH_MAX:
        problems.append(f"A search has {SEARCH_MAX} characters at most.")
        text = ""
    wanted = RecordQuery(
        role=role,
        model=model,
        since_us=_moment(said["since"], problems, is_end=False),
        until_us=_moment(said["until"], problems, is_end=True),
        outcome=said["outcome"] or None,
        outcome_min=_number(said["min"], problems),
        outcome_max=_number(said["max"], problems),
        id_prefix=prefix or None,
        text=text or None,
        business_keys=(business_key_of(key) or key,) if key else None,
        owner=None if allowed(actor, Action.SEE, model or ALL) else actor.owner,
    )
    conditions, draft = conditions_of(query, columns or {}, problems)
    said |= parameters_of(conditions)
    return Filters(said, wanted, tuple(problems), conditions, draft)


def supported(filters: frozenset[str]) -> list[str]:
    """The parameters of pages and of the API for these filters of a store."""
    return [name for name, (wanted, _) in _FILTERS.items() if wanted in filters]


def filter_fields(
    filters: Filters, outputs: Sequence[Output], features: StoreFeatures
) -> list[FilterField]:
    """The filters that fit a model and that its store supports, in the form's order."""
    output = outputs[0]
    is_number = output.task == "regression" and len(outputs) == 1
    unit = f" ({output.unit})" if output.unit else ""
    fields = []
    for name in supported(features.filters):
        if name in (("outcome",) if is_number else ("min", "max")):
            continue
        value, label = filters.said[name], LABELS[name]
        if name in ("since", "until"):
            end = "T00:00" if name == "since" else "T23:59"
            value += end if _DAY.fullmatch(value) else ""
            fields.append(FilterField(name, label, "moment", value))
        elif name in ("min", "max"):
            fields.append(FilterField(name, label + unit, "number", value))
        elif name == "search":
            fields.append(FilterField(name, label, "search", value))
        elif name == "role":
            fields.append(
                FilterField(name, label, "choice", value, tuple((one, one) for one in _ROLES))
            )
        elif name == "outcome" and output.outcomes and len(outputs) == 1:
            choices = tuple((one, shown_label(one)) for one in output.outcomes)
            fields.append(FilterField(name, label, "choice", value, choices))
        else:
            fields.append(FilterField(name, label, "text", value))
    return fields


def flat(parameters: Mapping[str, str | Sequence[str]]) -> list[tuple[str, str]]:
    """The names and values of parameters, of which some have several; those without are left out."""
    some = ((k, [v] if isinstance(v, str) else v) for k, v in parameters.items())
    return [(name, value) for name, values in some for value in values if value]


def _address(base: str, parameters: Mapping[str, str | Sequence[str]]) -> str:
    values = flat(parameters)
    return f"{base}?{urlencode(values)}" if values else base


def place_of(query: Mapping[str, str]) -> Place:
    """The page that the parameters of a URL select."""
    after = query.get("after", "")
    if not after:
        return Place()
    number = query.get("page", "")
    trail = tuple(one for one in query.get("trail", "").split(".") if one)
    is_number = number.isascii() and number.isdigit() and len(number) <= 6
    return Place(max(int(number), 2) if is_number else 2, after, trail[-TRAIL_MAX:])


def _moment(text: str, problems: list[str], *, is_end: bool) -> int | None:
    """A time in UTC, in microseconds; for `is_end` the end of the given day or minute."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        problems.append(f"“{text[:40]}” is not a date or time.")
        return None
    moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
    if is_end:
        try:
            moment += dt.timedelta(days=1) if len(text) == 10 else dt.timedelta(minutes=1)
        except OverflowError:
            return None
    return int(moment.timestamp() * 1e6)


def _number(text: str, problems: list[str]) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    problems.append(f"“{text[:40]}” is not a number.")
    return None
