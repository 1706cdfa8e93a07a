"""Ground truth that callers give: on one record, or on many in one request."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from podium.access import Action, Actor, allowed
from podium.errors import BadCell, InputError, InvalidRows, NotFound, StoreError, TooLarge
from podium.flow import formats
from podium.flow.format import LISTED_MAX
from podium.flow.version import LoadedVersion
from podium.policy.authority import require
from podium.records.record import Feedback, Record
from podium.records.storable import feedback_problem
from podium.records.store import Store
from podium.signature import Field, Signature
from podium.signature.cells import ABSENT, Findings, check_columns, printable, refuse_unknown
from podium.signature.truth import ID, NOTE, NOTE_MAX, TRUTH, feedback_signature, feedback_truth
from podium.web.site import Site
from podium.web.visible_records import find_record, may_see, record_store

# It stays below the five seconds after which a request to the store is given up.
FEEDBACK_S = 2.0
# So many are written together.
CHUNK_ROWS = 1_000
_log = logging.getLogger("podium")
_ID = Field(name=ID, type="text", max_length=100)


class RowOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a row that wasn't added.

    Attributes:
        row: counted from 0.
        outcome: there is no such record of the model, or the row isn't valid.
    """

    row: int
    id: str
    outcome: Literal["unknown", "refused"]
    reason: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all rows: each is counted once.

    Attributes:
        remaining: how many rows at the end there was no time for.
        rows: those that were not added.
    """

    added: int
    unknown: int
    refused: int
    remaining: int
    rows: list[RowOutcome]


def give_feedback(site: Site, actor: Actor, record: Record, truth: Any, note: str) -> Feedback:
    """Record what really happened, and that somebody said so.

    Args:
        truth: as `truth_of` has it, checked against the outputs of the model.

    Raises:
        InputError: no database can hold it, or the note is too long.
        NotFound: the record was deleted meanwhile.
        PodiumError: the actor may not, or the store fails.
    """
    require(actor, Action.FEEDBACK, record.model)
    if len(note) > NOTE_MAX:
        raise InputError(f"the note has {len(note):,} characters", hint=f"{NOTE_MAX:,} fit")
    feedback = _feedback(truth, note, actor.name)
    if (problem := feedback_problem(feedback)) is not None:
        raise InputError(f"this feedback can't be stored: {problem}", hint="leave that out")
    if not record_store(site).set_feedback(record.id, feedback, time_us=record.time_us):
        raise NotFound("this record was deleted meanwhile", hint="look at the list again")
    site.authority.audit(actor, "feedback_given", model=record.model, record=record.id)
    return feedback


def record_for_feedback(site: Site, actor: Actor, record_id: str) -> tuple[Record, LoadedVersion]:
    """The record of this id, for whoever may give feedback on it, and the version that answers now.

    Raises:
        NotFound: there is no such record for the actor.
        NotAllowed: they may see it, but give no feedback.
        StoreError: the store fails.
    """
    record = find_record(record_store(site), record_id)
    version = None if record is None else site.find(record.model)
    is_there = record is not None and (
        allowed(actor, Action.FEEDBACK, record.model) or may_see(actor, record)
    )
    if record is None or version is None or not is_there:
        raise NotFound("there is no such record", hint="the response to a request holds its id")
    require(actor, Action.FEEDBACK, record.model)
    return record, version


def read_one(signature: Signature, body: bytes, media: str) -> tuple[Any, str]:
    """The truth and the note in the body of a request about one record.

    Raises:
        InvalidRows: the truth is none that the model could have predicted; the cells say what is.
        InputError: the body can't be read.
    """
    rows, findings = _read(signature, feedback_signature(signature), body, media, rows_max=1)
    # It is about one record: there are no rows to tell apart.
    findings.bad = [msgspec.structs.replace(cell, row=None) for cell in findings.bad]
    findings.raise_if_bad()
    (row,) = rows
    return feedback_truth(signature, row), row[NOTE] or ""


def give_many(site: Site, actor: Actor, version: LoadedVersion, body: bytes, media: str) -> Outcome:
    """Add the truths in a body to the records that they name, and write down how many there were.

    Raises:
        InputError: the body can't be read; nothing was added.
        PodiumError: the actor may not, or the store fails; nothing was added.
    """
    require(actor, Action.FEEDBACK, version.name)
    outcome = add_feedback(
        record_store(site),
        version.name,
        version.signature,
        (body, media),
        rows_max=site.rows_max(actor),
        actor=actor.name,
        seconds=FEEDBACK_S,
    )
    if outcome.added:
        how_many = str(outcome.added)
        site.authority.audit(actor, "feedback_given", model=version.name, records=how_many)
    return outcome


def add_feedback(
    store: Store,
    model: str,
    signature: Signature,
    body: tuple[bytes, str],
    *,
    rows_max: int,
    actor: str = "",
    seconds: float = float("inf"),
) -> Outcome:
    """Add the truths in a body to the records of a model, and say what became of each.

    Args:
        body: and its content type.
        seconds: after which the rows that remain are left.

    Raises:
        InputError: the body can't be read; nothing was added.
        StoreError: the store fails.
    """
    own = Signature(fields=(_ID, *feedback_signature(signature).fields))
    rows, findings = _read(signature, own, *body, rows_max=rows_max)
    general = [cell for cell in findings.bad if cell.row is None]
    if general:  # a column is missing, or one too many is there
        raise InvalidRows(general[:LISTED_MAX], n_cells=len(general))
    refused = _reasons(rows, findings)
    until_s, n_added, outcomes, done = time.monotonic() + seconds, 0, [], 0
    while done < len(rows) and (not done or time.monotonic() < until_s):
        some = range(done, min(done + CHUNK_ROWS, len(rows)))
        valid = [at for at in some if at not in refused]
        truths = {rows[at][ID]: _of_row(signature, rows[at], actor) for at in valid}
        try:
            found = store.set_feedback_many(truths, model=model)
        except StoreError as error:
            if not n_added:
                raise
            _log.warning("feedback_interrupted: after %d rows: %s", done, error)
            break
        n_added += len(found)
        for at in some:
            if at in refused:
                outcomes.append(_outcome(at, rows[at], "refused", refused[at]))
            elif rows[at][ID] not in found:
                outcomes.append(_outcome(at, rows[at], "unknown"))
        done = some.stop
    n_refused = sum(one.outcome == "refused" for one in outcomes)
    return Outcome(
        added=n_added,
        unknown=len(outcomes) - n_refused,
        refused=n_refused,
        remaining=len(rows) - done,
        rows=outcomes,
    )


def _of_row(signature: Signature, row: Mapping[str, Any], actor: str) -> Feedback:
    return _feedback(feedback_truth(signature, row), row[NOTE] or "", actor)


def _feedback(truth: Any, note: str, actor: str) -> Feedback:
    return Feedback(
        truth=msgspec.json.encode(truth),
        time_us=time.time_ns() // 1_000,
        actor=actor or None,
        note=note,
    )


def _read(
    signature: Signature, own: Signature, body: bytes, media: str, *, rows_max: int
) -> tuple[list[dict[str, Any]], Findings]:
    """The rows of a body, and what is wrong with them."""
    names = (*own.names, TRUTH)
    try:
        decoded = formats.decode(body, media, names, rows_max=rows_max)
    except TooLarge as error:
        hint = "send them in several requests, or use `podium feedback` for files"
        raise TooLarge(error.message, hint=hint) from error
    findings = Findings(recorded_max=decoded.n_rows * len(names))
    columns, others = dict(decoded.columns), list(decoded.others)
    if len(signature.outputs) > 1 and TRUTH in columns:
        columns |= _by_output(signature, columns.pop(TRUTH), findings)
    refuse_unknown(own, others, findings)
    odd = {cell.row for cell in findings.bad if cell.field == TRUTH}
    table = check_columns(own, columns, decoded.n_rows, decoded.written, findings)
    # What isn't an object has no values for the outputs; to say so is enough.
    bad = [one for one in findings.bad if not (one.row in odd and one.code == "missing")]
    findings.n_bad -= len(findings.bad) - len(bad)
    findings.bad = bad
    return list(table.rows()), findings


def _by_output(
    signature: Signature, cells: Iterable[object], findings: Findings
) -> dict[str, list[object]]:
    """The columns of truths that are written as one object a row."""
    names = [output.name for output in signature.outputs]
    columns: dict[str, list[object]] = {f"{TRUTH}.{name}": [] for name in names}
    accepted = f"an object of {', '.join(names)}"
    for row, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.keys() <= set(names):
            truth = cell
        else:
            truth = {}
            findings.n_bad += 1
            findings.bad_rows.add(row)
            problem = "isn't an object with a value for each output"
            findings.bad.append(BadCell(row=row, field=TRUTH, problem=problem, accepted=accepted))
        for name in names:
            columns[f"{TRUTH}.{name}"].append(truth.get(name, ABSENT))
    return columns


def _reasons(rows: Sequence[Mapping[str, Any]], findings: Findings) -> dict[int, str]:
    """Why rows are refused, by their numbers: for their cells, or since an id comes twice."""
    reasons: dict[int, list[str]] = {}
    for cell in findings.bad:
        assert cell.row is not None  # the others refuse all rows
        reasons.setdefault(cell.row, []).append(str(msgspec.structs.replace(cell, row=None)))
    first: dict[str, int] = {}
    for at, row in enumerate(rows):
        earlier = first.setdefault(row[ID], at)
        if earlier != at and at not in reasons:
            reasons[at] = [f"the record is in row {earlier} already"]
    return {at: "; ".join(some) for at, some in reasons.items()}


def _outcome(
    at: int, row: Mapping[str, Any], outcome: Literal["unknown", "refused"], reason: str = ""
) -> RowOutcome:
    return RowOutcome(row=at, id=printable(row[ID] or ""), outcome=outcome, reason=reason)
