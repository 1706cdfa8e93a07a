"""Many truths in one body: rows that name their records by id, or by the caller's own key."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from podium.bundle import Bundle
from podium.errors import BadCell, InvalidRows, StoreError
from podium.flow.format import LISTED_MAX
from podium.records.record import Feedback, Record
from podium.records.storable import is_id
from podium.records.store import RecordQuery, Store, iter_pages
from podium.signature import Field, Signature
from podium.signature.cells import printable
from podium.signature.truth import ID, KEY, NOTE, TRUTH, feedback_signature, feedback_truth
from podium.web.feedback_body import TruthBody, cells_by_row, read_body, truths_by
from podium.web.truth_rules import TruthRules

# So many rows are looked up and written together.
CHUNK_ROWS = 500
# Records that are read for a chunk; with more, it is made smaller. A key with more is none.
MATCHES_MAX = 10_000
_log = logging.getLogger("podium")
_NAMES = (
    Field(name=ID, type="text", max_length=100, missing="accept"),
    Field(name=KEY, type="text", missing="accept"),
)


class RowOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a row that wasn't added, or not to all of its records.

    Attributes:
        row: counted from 0.
        id: as the row has it; or `key`.
        outcome: `unknown`: the model has no such record; `refused`: the row isn't valid; `partial`:
            some of the records with this key come from a version that refuses this truth.
    """

    row: int
    id: str = ""
    key: str = ""
    outcome: Literal["unknown", "refused", "partial"]
    reason: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all rows: each is counted once.

    Attributes:
        added: how many rows were, `partial` ones among them.
        records: how many records they reached: several may have one key.
        remaining: how many rows at the end there was no time for.
        rows: those that were not added, or not to all of their records.
    """

    added: int
    records: int
    unknown: int
    refused: int
    remaining: int
    rows: list[RowOutcome]


class _Match(NamedTuple):
    """A record that a row names, and the signature of its version."""

    id: str
    signature: Signature


@dataclass(slots=True)
class _Progress:
    n_added: int = 0
    n_records: int = 0
    outcomes: list[RowOutcome] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.outcomes)


def add_feedback(
    store: Store,
    live: Bundle,
    rules: TruthRules,
    body: tuple[bytes, str],
    *,
    rows_max: int,
    actor: str = "",
    seconds: float = float("inf"),
    skip: int = 0,
) -> Outcome:
    """Add the truths in a body to the records of a model, and say what became of each.

    Args:
        live: the bundle of the version that is served now.
        body: and its content type.
        seconds: after which the rows that remain are left.
        skip: so many rows at the beginning were done before.

    Raises:
        InputError: the body can't be read; nothing was added.
        StoreError: the store fails.
    """
    own = Signature(fields=(*_NAMES, *feedback_signature(live.signature).fields))
    read = read_body(live.signature, own, *body, rows_max=rows_max)
    _check_columns(read)
    giver, progress = _Giver(store, live, rules, read, actor), _Progress()
    began = done = min(skip, len(read.rows))
    until_s, size = time.monotonic() + seconds, CHUNK_ROWS
    while done < len(read.rows) and (done == began or time.monotonic() < until_s):
        some = range(done, min(done + size, len(read.rows)))
        try:
            if not giver.give(some, progress):
                size = max(1, size // 8)
                continue
        except StoreError as error:
            if not progress.n_added:
                raise
            _log.warning("feedback_interrupted: after %d rows: %s", done, error)
            break
        done = some.stop
    return Outcome(
        added=progress.n_added,
        records=progress.n_records,
        unknown=progress.count("unknown"),
        refused=progress.count("refused"),
        remaining=len(read.rows) - done,
        rows=progress.outcomes,
    )


def feedback_of(truth: Any, note: str, actor: str) -> Feedback:
    """Feedback that is given now."""
    return Feedback(
        truth=msgspec.json.encode(truth),
        time_us=time.time_ns() // 1_000,
        actor=actor or None,
        note=note,
    )


class _Giver:
    """Gives the truths of a body to the records that its rows name, some rows at a time."""

    def __init__(
        self, store: Store, live: Bundle, rules: TruthRules, body: TruthBody, actor: str
    ) -> None:
        self._store, self._live, self._rules = store, live, rules
        self._body, self._rows, self._actor = body, body.rows, actor
        self._bad: dict[int, str] = {}
        # What the live version refuses, another one may accept.
        self._refused_by_live: dict[int, str] = {}
        for at, cells in cells_by_row(body.findings).items():
            is_about_truth = all(map(_is_about_truth, cells))
            reasons = self._refused_by_live if is_about_truth else self._bad
            reasons[at] = "; ".join(map(str, cells))
        self._bad |= {
            at: reason for at, reason in _misnamed(self._rows).items() if at not in self._bad
        }

    def give(self, some: range, progress: _Progress) -> bool:
        """Give the truths of these rows; False if several of them name too many records together.

        Raises:
            StoreError: the store fails.
        """
        matches = self._matches([at for at in some if at not in self._bad])
        if matches is None:
            if len(some) > 1:
                return False
            most = f"more than {MATCHES_MAX:,} records have this key"
            self._bad[some.start], matches = f"{most}: name them by their ids", {}
        verdicts = self._verdicts(matches)
        feedback = {
            match.id: verdict
            for at, matched in matches.items()
            for match in matched
            if isinstance(verdict := verdicts[at, id(match.signature)], Feedback)
        }
        written = self._store.set_feedback_many(feedback, model=self._live.name)
        for at in some:
            matched = matches.get(at, [])
            by_match = [(one.id, verdicts[at, id(one.signature)]) for one in matched]
            reached = [id_ for id_, one in by_match if id_ in written and not isinstance(one, str)]
            reasons = list(dict.fromkeys(one for _, one in by_match if isinstance(one, str)))
            self._account(at, len(reached), reasons, progress)
        return True

    def _account(self, at: int, n_reached: int, reasons: list[str], progress: _Progress) -> None:
        outcome: Literal["unknown", "refused", "partial"] = "refused"
        if at in self._bad:
            reasons = [self._bad[at]]
        elif n_reached:
            progress.n_added += 1
            progress.n_records += n_reached
            if not reasons:
                return
            outcome = "partial"
        elif not reasons and at in self._refused_by_live:
            reasons = [self._refused_by_live[at]]
        elif not reasons:
            outcome = "unknown"
        names = {name: printable(self._rows[at][name] or "") for name in (ID, KEY)}
        row = RowOutcome(row=at, **names, outcome=outcome, reason="; ".join(reasons))
        progress.outcomes.append(row)

    def _matches(self, places: Sequence[int]) -> dict[int, list[_Match]] | None:
        """The records that rows name; None if there are too many to read at once."""
        by_id = {self._rows[at][ID]: at for at in places if is_id(self._rows[at][ID] or "")}
        by_key = {self._rows[at][KEY]: at for at in places if self._rows[at][KEY]}
        found: dict[int, list[_Match]] = {at: [] for at in places}
        n_records = 0
        for records in self._records(tuple(by_id), tuple(by_key)):
            n_records += len(records)
            if n_records > MATCHES_MAX:
                return None
            for record in records:
                match = _Match(record.id, self._rules.of(record, self._live))
                named = (by_id.get(record.id), by_key.get(record.business_key))
                for at in named:
                    if at is not None and match not in found[at]:
                        found[at].append(match)
        return found

    def _records(self, ids: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[Sequence[Record]]:
        """The records of the model with these ids or keys."""
        model = self._live.name
        if ids:
            yield from iter_pages(self._store, RecordQuery(model=model, ids=ids))
        if keys:
            yield from iter_pages(self._store, RecordQuery(model=model, business_keys=keys))

    def _verdicts(
        self, matches: Mapping[int, Sequence[_Match]]
    ) -> dict[tuple[int, int], Feedback | str]:
        """The feedback that each version makes of a row, or why it refuses it."""
        places: dict[int, tuple[Signature, dict[int, None]]] = {}
        for at, matched in matches.items():
            for one in matched:
                places.setdefault(id(one.signature), (one.signature, {}))[1][at] = None
        verdicts: dict[tuple[int, int], Feedback | str] = {}
        for number, (signature, some) in places.items():
            truths, refused = self._truths(signature, list(some))
            verdicts |= {(at, number): reason for at, reason in refused.items()}
            verdicts |= {
                (at, number): feedback_of(truth, self._rows[at][NOTE] or "", self._actor)
                for at, truth in truths.items()
            }
        return verdicts

    def _truths(
        self, signature: Signature, some: Sequence[int]
    ) -> tuple[dict[int, Any], dict[int, str]]:
        """The truths in rows as a version takes them, and why it refuses those that it does."""
        if signature is not self._live.signature:
            return truths_by(signature, self._body, some)
        refused = {at: self._refused_by_live[at] for at in some if at in self._refused_by_live}
        truths = {at: feedback_truth(signature, self._rows[at]) for at in some if at not in refused}
        return truths, refused


def _is_about_truth(cell: BadCell) -> bool:
    return (cell.field or "").partition(".")[0] == TRUTH


def _check_columns(body: TruthBody) -> None:
    """Refuse a body that lacks a column or has an unknown one.

    Raises:
        InvalidRows: it does.
    """
    general = [cell for cell in body.findings.bad if cell.row is None]
    if not {ID, KEY} & body.columns.keys():
        general.append(BadCell(field=ID, problem="is missing", accepted=f"a column {ID} or {KEY}"))
    if general:
        raise InvalidRows(general[:LISTED_MAX], n_cells=len(general))


def _misnamed(rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Why rows don't name a record that no earlier row names, by their numbers."""
    bad: dict[int, str] = {}
    first: dict[tuple[str, str], int] = {}
    for at, row in enumerate(rows):
        names = [(name, row[name]) for name in (ID, KEY) if row[name]]
        if len(names) != 1:
            bad[at] = (
                f"has {'both' if names else 'neither'} an {ID} {'and' if names else 'nor'} a {KEY}"
            )
            continue
        earlier = first.setdefault(names[0], at)
        if earlier != at:
            what = "record" if names[0][0] == ID else "key"
            bad[at] = f"the {what} is in row {earlier} already"
    return bad
