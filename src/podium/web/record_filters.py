"""Which records a page shows: what its filters say, and where its neighbours begin."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from podium.access import ANYONE, Action, Actor, allowed
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.web.http import Request

NAMES = ("since", "until", "outcome", "min", "max", "id")
# Cursors of the pages before this one, kept in its address: 40 of 66 characters stay far below
# the 8 KiB that an address may have, also where it is repeated as the Referer.
TRAIL_MAX = 40
_ID = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the filters of a page say.

    Attributes:
        said: as it was typed, by name; "" where nothing was.
        query: what is looked for.
        problems: what can't be read, and is left out of the query.
    """

    said: Mapping[str, str]
    query: RecordQuery
    problems: tuple[str, ...]

    @property
    def are_used(self) -> bool:
        """Whether anything is filtered."""
        return any(self.said.values())

    def address(self, base: str, **more: str) -> str:
        """The address of the records that fit, with more parameters."""
        values = {name: value for name, value in {**self.said, **more}.items() if value}
        return f"{base}?{urlencode(values)}" if values else base


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands among its neighbours: stores only page towards what is older.

    Attributes:
        number: of the page, from 1.
        after: the cursor that it begins at; "" for the first.
        trail: the cursors of the pages before it, as many as an address can hold.
    """

    number: int = 1
    after: str = ""
    trail: tuple[str, ...] = ()

    @property
    def newer(self) -> Place | None:
        """The page before; None on the first, and where the trail doesn't lead back to it."""
        if self.number == 2 or (self.after and self.number < 2):
            return Place()
        if not self.trail:
            return None
        return Place(self.number - 1, self.trail[-1], self.trail[:-1])

    def older(self, cursor: str) -> Place:
        """The page after, which begins at a cursor."""
        trail = (*self.trail, self.after) if self.after else ()
        return Place(self.number + 1, cursor, trail[-TRAIL_MAX:])

    @property
    def parameters(self) -> dict[str, str]:
        """What stands in its address."""
        if not self.after:
            return {}
        return {"after": self.after, "trail": ".".join(self.trail), "page": str(self.number)}


def filters_of(model: str, query: Mapping[str, str], actor: Actor = ANYONE) -> Filters:
    """The filters that the parameters of an address are, of the records that an actor may see.

    Raises:
        InputError: a text is none that any database can look for.
    """
    said = {name: query.get(name, "").strip() for name in NAMES}
    problems: list[str] = []
    prefix = said["id"].lower()
    if prefix and not _ID.fullmatch(prefix):
        problems.append("An id is made of up to 32 of the digits 0 to 9 and a to f.")
        prefix = ""
    wanted = RecordQuery(
        model=model,
        since_us=_moment(said["since"], problems, is_end=False),
        until_us=_moment(said["until"], problems, is_end=True),
        outcome=said["outcome"] or None,
        outcome_min=_number(said["min"], problems),
        outcome_max=_number(said["max"], problems),
        id_prefix=prefix or None,
        actor=None if allowed(actor, Action.SEE, model) else actor.name,
    )
    return Filters(said, wanted, tuple(problems))


def place_of(query: Mapping[str, str]) -> Place:
    """Where the page is that the parameters of an address name."""
    after = query.get("after", "")
    if not after:
        return Place()
    number = query.get("page", "")
    trail = tuple(one for one in query.get("trail", "").split(".") if one)
    is_number = number.isascii() and number.isdigit() and len(number) <= 6
    return Place(max(int(number), 2) if is_number else 2, after, trail[-TRAIL_MAX:])


def find_record(store: Store, record_id: str) -> Record | None:
    """The record of this id; None also where the text is no id."""
    return store.get(record_id) if re.fullmatch(r"[0-9a-f]{32}", record_id) else None


def may_see(request: Request, record: Record) -> bool:
    """Whether who asks may see a record: anyone's, or only their own."""
    actor = request.actor
    if allowed(actor, Action.SEE, record.model):
        return True
    is_own = actor.is_known and record.actor == actor.name
    return is_own and allowed(actor, Action.SEE_OWN, record.model)


def _moment(text: str, problems: list[str], *, is_end: bool) -> int | None:
    """A moment in UTC, in microseconds; the end of the day or minute that is named as an end."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        problems.append(f"“{text[:40]}” is no date or time.")
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
    problems.append(f"“{text[:40]}” is no number.")
    return None
