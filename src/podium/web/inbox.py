"""Records that wait for their truth: some at a time, each with a form of one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

import msgspec

from podium.access import Action, Actor, allowed
from podium.flow.version import LoadedVersion
from podium.http import Request
from podium.records.business_key import business_key_of
from podium.records.record import Record
from podium.records.store import Order, Page, RecordQuery
from podium.signature import Signature
from podium.signature.labels import label_text
from podium.signature.truth import truth_signature
from podium.web.numbers import moment_text, number_text
from podium.web.record_columns import brief, short, short_outcome
from podium.web.record_filters import Place, place_of
from podium.web.site import Site
from podium.web.visible_records import record_store

PAGE_ROWS = 25
FIELDS_SHOWN = 3
# More classes than this are a menu; and so are longer words, which take more than a line.
BUTTONS_MAX, BUTTONS_TEXT_MAX = 6, 60
_DECODER = msgspec.json.Decoder()


class Line(NamedTuple):
    """A record, and how its truth is given.

    Attributes:
        cells: label and value of its first inputs.
        kind: a button for each class, a menu of them, a number, a text, or a page of its own where
            there are several outputs.
        labels: of the classes.
        error: why the truth that was sent isn't valid; `value` is what was sent then.
    """

    id: str
    time: str
    outcome: str
    unit: str
    key: str
    cells: list[tuple[str, str]]
    kind: Literal["buttons", "menu", "number", "text", "page"]
    labels: tuple[str, ...]
    error: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Some records of a model that have no feedback yet.

    Attributes:
        key: the business key that they are filtered by; "" for none.
        at: the line to begin at: the one after the line that was answered last.
        is_own: only the actor's own records are listed, since they may see no others.
        page: None if the actor may see no records at all.
        refused: the record whose truth isn't valid, what was sent, and why.
    """

    site: Site
    version: LoadedVersion
    key: str
    order: Order
    place: Place
    at: int
    is_own: bool
    page: Page | None
    refused: tuple[str, str, str] = ("", "", "")

    @property
    def lines(self) -> Iterator[Line]:
        """The records."""
        for record in self.page.records if self.page else ():
            rule = self.site.truth_rules.of(record, self.version.bundle)
            yield _line(record, self.version.signature, rule, self.refused)

    @property
    def parameters(self) -> dict[str, str]:
        """Filters and place, as parameters of a URL."""
        filters = {"key": self.key, "order": "" if self.order == "newest" else self.order}
        return {name: value for name, value in filters.items() if value} | self.place.parameters

    def address(self, base: str, **more: str) -> str:
        """The URL of this page, with more parameters."""
        return _address(base, self.parameters | more)

    def pager(self, base: str) -> dict[str, str]:
        """The URLs of the first, the previous and the next page; "" if there are none."""
        cursor = self.page.cursor if self.page else None
        places = {
            "first": Place() if self.place.number > 1 else None,
            "previous": self.place.newer,
            "next": self.place.older(cursor) if cursor else None,
        }
        filters = {k: v for k, v in self.parameters.items() if k in ("key", "order")}
        return {
            name: "" if place is None else _address(base, filters | place.parameters)
            for name, place in places.items()
        }


def inbox_of(
    site: Site,
    request: Request,
    version: LoadedVersion,
    refused: tuple[str, str, str] = ("", "", ""),
) -> Inbox:
    """The records of a model that wait for their truth, as far as the actor may see them.

    Raises:
        InputError: a filter or the place is invalid.
        StoreError: the store fails.
    """
    query, actor, name = request.query, request.actor, version.name
    text, order = query.get("key", "").strip(), query.get("order")
    at = query.get("at", "")
    place = place_of(query)
    sees_all = allowed(actor, Action.SEE, name)
    inbox = Inbox(
        site,
        version,
        text,
        "oldest" if order == "oldest" else "newest",
        place,
        min(int(at), PAGE_ROWS) if at.isascii() and at.isdigit() and len(at) < 3 else 0,
        is_own=not sees_all,
        page=None,
        refused=refused,
    )
    if not allowed(actor, Action.SEE_OWN, name):
        return inbox
    store = record_store(site)
    wanted = _query(actor, name, text, sees_all=sees_all)
    page = store.page(wanted, limit=PAGE_ROWS, cursor=place.after or None, order=inbox.order)
    return replace(inbox, page=page)


def _query(actor: Actor, model: str, key: str, *, sees_all: bool) -> RecordQuery:
    return RecordQuery(
        model=model,
        has_feedback=False,
        # A shadow gets its truth with the prediction that was sent to the caller.
        role="primary",
        owner=None if sees_all else actor.owner,
        business_keys=(business_key_of(key) or key,) if key else None,
    )


def _address(base: str, parameters: Mapping[str, str]) -> str:
    return f"{base}?{urlencode(parameters)}" if parameters else base


def _line(record: Record, live: Signature, rule: Signature, refused: tuple[str, str, str]) -> Line:
    inputs: dict[str, Any] = _DECODER.decode(record.inputs)
    cells = [
        (field.label, brief(inputs.get(field.name)))
        for field in live.fields
        if field.name in inputs
    ]
    outcome, unit = short_outcome(record), ""
    if record.outcome_number is not None and live.output.task == "regression":
        outcome, unit = number_text(record.outcome_number), live.output.unit
    kind, labels = _kind(rule)
    is_refused = refused[0] == record.id
    return Line(
        id=record.id,
        time=moment_text(record.time_us),
        outcome=outcome,
        unit=unit,
        key=short(record.business_key or ""),
        cells=cells[:FIELDS_SHOWN],
        kind=kind,
        labels=labels,
        value=refused[1] if is_refused else "",
        error=refused[2] if is_refused else "",
    )


def _kind(
    rule: Signature,
) -> tuple[Literal["buttons", "menu", "number", "text", "page"], tuple[str, ...]]:
    """How truth is given for a version, and the labels of its classes."""
    field, *others = truth_signature(rule).fields
    if others:
        return "page", ()
    if field.type == "category":
        labels = tuple(map(label_text, field.labels))
        is_short = sum(map(len, labels)) <= BUTTONS_TEXT_MAX
        return "buttons" if len(labels) <= BUTTONS_MAX and is_short else "menu", labels
    return "number" if field.type == "float" else "text", ()
