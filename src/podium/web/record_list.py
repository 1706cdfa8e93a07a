"""The content of a list of records, for every host: filtered, sorted, counted, as a page or a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from podium.access import Actor
from podium.errors import InputError
from podium.flow.version import LoadedVersion
from podium.http import Request
from podium.records.export import iter_csv
from podium.records.record import Record
from podium.records.store import Page
from podium.web.deleting import may_delete
from podium.web.numbers import moment_text, number_text
from podium.web.record_columns import (
    PARAMETER,
    Column,
    ColumnGroup,
    Row,
    brief,
    chosen_columns,
    columns_of,
    grouped,
    short_outcome,
    usual_columns,
)
from podium.web.record_conditions import MOST, OPERATORS, Condition, narrowed, parameters_of
from podium.web.record_filters import (
    FilterField,
    Filters,
    Place,
    filter_fields,
    filters_of,
    flat,
    place_of,
)
from podium.web.record_scan import Scan, Sorting, scan
from podium.web.record_totals import Totals
from podium.web.site import Site
from podium.web.visible_records import record_store, visible_model, visible_models

PAGE_ROWS = 50
_NO_RECORDS = Page(records=())


class Line(NamedTuple):
    """A record in a list, in the order of its columns."""

    day: str
    time: str
    outcome: str
    unit: str
    cells: list[str]
    id: str


class Heading(NamedTuple):
    """The heading of a column.

    Attributes:
        address: of the page sorted by it; "" if it can't be.
        sorted: as `aria-sort` has it; "" if the page isn't sorted by it.
    """

    label: str
    address: str
    sorted: str


@dataclass(frozen=True)
class RecordList:
    """Some records of a model; the rest is computed when the page is rendered.

    Attributes:
        cells: the columns between the prediction and the record.
        page: from the store; without records if they were scanned.
        scan: what was read, where the store can't filter or sort by itself; else None.
        window: the cursor at which the scan began.
    """

    site: Site
    actor: Actor
    version: LoadedVersion
    filters: Filters
    place: Place
    columns_by_key: Mapping[str, Column]
    cells: list[Column]
    sorting: Sorting
    page: Page = _NO_RECORDS
    scan: Scan | None = None
    window: str = ""

    @property
    def models(self) -> list[tuple[str, str]]:
        """The models that the actor may choose from: name and title."""
        found = ((name, self.site.find(name)) for name in visible_models(self.site, self.actor))
        return [(name, one.card.label if one else name) for name, one in found]

    @property
    def fields(self) -> list[FilterField]:
        """The filters of the form."""
        outputs = self.version.signature.outputs
        return filter_fields(self.filters, outputs, record_store(self.site).features)

    @property
    def operators(self) -> Mapping[str, str]:
        """The comparisons of conditions, and what they are called."""
        return OPERATORS

    @property
    def next_condition(self) -> int:
        """The number of the condition that can be added; 0 if there are as many as can be."""
        n = len(self.filters.conditions)
        return n + 1 if n < MOST else 0

    @property
    def menu(self) -> list[ColumnGroup]:
        """Every column, as menus list them."""
        return grouped(list(self.columns_by_key.values()))

    @property
    def choices(self) -> list[ColumnGroup]:
        """The columns that can be chosen: the prediction is always shown."""
        columns = self.columns_by_key.values()
        return grouped([one for one in columns if one.key != "out.prediction"])

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """The parameters that the form of the filters has no inputs for."""
        said = parameters_of(self.filters.conditions)
        return [*said.items(), *flat(self.filters.view)]

    @property
    def filtering(self) -> list[tuple[str, str]]:
        """The parameters that a choice of columns leaves as they are."""
        view = {name: value for name, value in self.filters.view.items() if name != PARAMETER}
        return [*flat(self.filters.said), *flat(view)]

    @property
    def removals(self) -> list[tuple[Condition, Filters]]:
        """Each condition, and the filters without it."""
        conditions = self.filters.conditions
        return [
            (one, self.filters.with_conditions([c for c in conditions if c is not one]))
            for one in conditions
        ]

    @property
    def may_delete(self) -> bool:
        """Whether the actor may delete the filtered records: a deletion knows no conditions."""
        may = may_delete(self.site, self.actor, self.version.name)
        return may and not self.filters.conditions

    @property
    def columns(self) -> list[str]:
        """The headings of the columns."""
        return ["Time (UTC)", "Prediction", *(one.heading for one in self.cells), "Record"]

    @property
    def records(self) -> tuple[Record, ...]:
        """The records on this page."""
        if self.scan is None:
            return self.page.records
        start = (self.place.number - 1) * PAGE_ROWS
        return self.scan.records[start : start + PAGE_ROWS]

    @property
    def lines(self) -> list[Line]:
        """The records as lines."""
        output = self.version.signature.output
        is_regression = output.task == "regression"
        lines = []
        for record in self.records:
            row, outcome, unit = Row(record), short_outcome(record), ""
            if is_regression and record.outcome_number is not None:
                outcome, unit = number_text(record.outcome_number), output.unit
            cells = [brief(column.read(row)) for column in self.cells]
            day, _, time_of_day = moment_text(record.time_us).partition(" ")
            lines.append(Line(day, time_of_day, outcome, unit, cells, record.id))
        return lines

    @cached_property
    def totals(self) -> Totals | None:
        """The totals of all records that match, as far as they were read; None if none were."""
        if self.scan is not None:
            return self.scan.totals
        if self.place.number > 1 or self.page.cursor is not None:
            return None
        totals = Totals()
        for record in self.page.records:
            totals.add(record)
        return totals

    @property
    def is_narrowed(self) -> bool:
        """Whether other records may exist besides these and older ones."""
        return self.filters.are_used or self.place.number > 1 or bool(self.window)

    @property
    def scope(self) -> str:
        """What a link acts on: `Download all`."""
        return "these" if self.filters.are_used else "all"

    @property
    def nothing(self) -> str:
        """The text if there is no record."""
        if self.scan is not None and self.scan.cursor is not None:
            return f"None of the {self.scan.n_read:,} records that were looked through match."
        return "No records match." if self.is_narrowed else "No predictions yet."

    @property
    def extent(self) -> str:
        """How far a scan got; "" if every record was looked at."""
        if self.scan is None or self.scan.last is None or self.scan.cursor is None:
            return ""
        which = "newest" if self.sorting.order == "newest" else "oldest"
        start = "next" if self.window else which
        when = moment_text(self.scan.last.time_us)
        way = "back to" if which == "newest" else "up to"
        return f"These are among the {start} {self.scan.n_read:,} records, {way} {when} UTC."

    def further(self, base: str) -> str:
        """The URL that reads on where the scan ended; "" if there is nothing more."""
        if self.scan is None or self.scan.cursor is None:
            return ""
        return self.filters.page_address(base, window=self.scan.cursor)

    def headings(self, base: str) -> list[Heading]:
        """The headings of the columns, and where each leads: to the other order, if it has this."""
        outputs = self.version.signature.outputs
        prediction = self.columns_by_key.get("out.prediction") if len(outputs) == 1 else None
        sortable = [None, *([prediction] if prediction else []), *self.cells]
        labels = ["Time (UTC)", *(["Prediction"] if prediction else [])]
        labels += [one.heading for one in self.cells]
        made = []
        for column, label in zip(sortable, labels, strict=True):
            is_this = column == self.sorting.column
            # Times begin with the newest, everything else with the least.
            is_descending = not self.sorting.is_descending if is_this else column is None
            parameters = {"sort": "", **Sorting(column, is_descending).parameters}
            address = self.filters.page_address(base, **parameters)
            now = "descending" if self.sorting.is_descending else "ascending"
            made.append(Heading(label, address, now if is_this else ""))
        if prediction is None:
            made.insert(1, Heading("Prediction", "", ""))
        return [*made, Heading("Record", "", "")]

    def pager(self, base: str, **fixed: str) -> dict[str, str]:
        """The URLs of the first, the previous and the next records; "" if there are none."""
        parameters = self._places()
        return {
            name: "" if some is None else self.filters.page_address(base, **fixed, **some)
            for name, some in parameters.items()
        }

    @property
    def pager_words(self) -> dict[str, str]:
        """What the links of the pager say."""
        if self.sorting.column is not None:
            return {"newest": "First", "newer": "Previous", "older": "Next"}
        if self.sorting.is_descending:
            return {"newest": "Newest", "newer": "Newer", "older": "Older"}
        return {"newest": "Oldest", "newer": "Older", "older": "Newer"}

    def _places(self) -> dict[str, dict[str, str] | None]:
        number = self.place.number
        if self.scan is not None:
            window = {"window": self.window} if self.window else {}
            is_more = number * PAGE_ROWS < len(self.scan.records)
            before = {} if number == 2 else {"page": str(number - 1)}
            return {
                "newest": {} if number > 1 or self.window else None,
                "newer": window | before if number > 1 else None,
                "older": window | {"page": str(number + 1)} if is_more else None,
            }
        newer, cursor = self.place.newer, self.page.cursor
        return {
            "newest": Place().parameters if number > 1 else None,
            "newer": newer.parameters if newer else None,
            "older": self.place.older(cursor).parameters if cursor else None,
        }


class RecordFile(NamedTuple):
    """Records as a CSV file."""

    name: str
    body: Iterator[bytes]


def record_list(site: Site, request: Request, model: str = "") -> RecordList:
    """The records of a model, or of the first one, that the parameters of a URL select.

    Raises:
        NotFound: none are stored, or the actor may see those of no such model.
        InputError: the store doesn't support the filter, or the cursor is invalid.
        StoreError: the store fails.
    """
    version, store = visible_model(site, request.actor, model), record_store(site)
    columns = columns_of(version.signature)
    filters = filters_of(version.name, request.query, request.actor, columns)
    chosen = chosen_columns(request.query_string, columns)
    sorting = _sorting(request.query.get("sort", ""), columns)
    has_totals = bool(request.query.get("totals"))
    filters = replace(
        filters,
        view={
            PARAMETER: [one.key for one in chosen],
            "totals": "1" if has_totals else "",
            **sorting.parameters,
        },
    )
    cells = chosen or usual_columns(columns)
    shown = RecordList(
        site, request.actor, version, filters, place_of(request.query), columns, cells, sorting
    )
    query, rest = narrowed(filters.query, filters.conditions, store.features.filters)
    if not rest and sorting.column is None and not has_totals:
        after = shown.place.after or None
        page = store.page(query, limit=PAGE_ROWS, cursor=after, order=sorting.order)
        return replace(shown, page=page)
    window = request.query.get("window", "")
    found = scan(store, query, rest, sorting=sorting, cursor=window or None)
    return replace(shown, place=_numbered(request), scan=found, window=window)


def record_file(site: Site, request: Request, model: str = "") -> RecordFile:
    """The same records, and all older ones, as a file; the download is audited.

    Raises:
        InputError: a filter is invalid; without it the file would contain other records.
        PodiumError: as `record_list`.
    """
    version, store = visible_model(site, request.actor, model), record_store(site)
    columns = columns_of(version.signature)
    filters = filters_of(version.name, request.query, request.actor, columns)
    if filters.problems:
        raise InputError(filters.problems[0].rstrip("."), hint="correct the filter")
    signature = version.signature
    query, rest = narrowed(filters.query, filters.conditions, store.features.filters)
    pieces = iter_csv(
        store,
        query,
        signature.names,
        signature.places,
        signature.output.extras,
        signature.output.distance_labels,
        keep=lambda record: _fits(rest, record),
    )
    first = next(pieces)  # now, so that a store that fails is an error, not a file that breaks off
    site.authority.audit(request.actor, "records_exported", model=version.name)
    return RecordFile(f"{version.name}-records.csv", chain((first,), pieces))


def _fits(conditions: tuple[Condition, ...], record: Record) -> bool:
    row = Row(record)
    return all(one.fits(row) for one in conditions)


def _sorting(text: str, columns: Mapping[str, Column]) -> Sorting:
    """The order that an address names; the usual one if it names none that exists."""
    key, is_descending = text.removeprefix("-"), text.startswith("-")
    if key == "time":
        return Sorting(None, is_descending)
    column = columns.get(key)
    return Sorting() if column is None else Sorting(column, is_descending)


def _numbered(request: Request) -> Place:
    """The page among those of what was scanned."""
    number = request.query.get("page", "")
    is_number = number.isascii() and number.isdigit() and len(number) <= 6
    return Place(max(int(number), 1) if is_number else 1)
