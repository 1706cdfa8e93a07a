"""Ground truth that callers give: on one record, or on many in one request."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action, Actor, allowed
from podium.errors import InputError, NotFound
from podium.flow.version import LoadedVersion
from podium.policy.authority import require
from podium.records.record import Feedback, Record
from podium.records.storable import feedback_problem
from podium.signature import Signature
from podium.signature.truth import NOTE, NOTE_MAX, feedback_signature, feedback_truth
from podium.web.feedback_body import read_body
from podium.web.feedback_rows import Outcome, add_feedback, feedback_of
from podium.web.site import Site
from podium.web.visible_records import find_record, may_see, record_store

# It stays below the five seconds after which a request to the store is given up.
FEEDBACK_S = 2.0


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
    feedback = feedback_of(truth, note, actor.name)
    if (problem := feedback_problem(feedback)) is not None:
        raise InputError(f"this feedback can't be stored: {problem}", hint="leave that out")
    if not record_store(site).set_feedback(record.id, feedback, time_us=record.time_us):
        raise NotFound("this record was deleted meanwhile", hint="look at the list again")
    site.authority.audit(actor, "feedback_given", model=record.model, record=record.id)
    return feedback


def record_for_feedback(site: Site, actor: Actor, record_id: str) -> tuple[Record, Signature]:
    """The record of this id, for whoever may give feedback on it, and what checks the truth.

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
    return record, site.truth_rules.of(record, version.bundle)


def read_one(signature: Signature, body: bytes, media: str) -> tuple[Any, str]:
    """The truth and the note in the body of a request about one record.

    Raises:
        InvalidRows: the truth is none that the model could have predicted; the cells say what is.
        InputError: the body can't be read.
    """
    read = read_body(signature, feedback_signature(signature), body, media, rows_max=1)
    findings = read.findings
    # It is about one record: there are no rows to tell apart.
    findings.bad = [msgspec.structs.replace(cell, row=None) for cell in findings.bad]
    findings.raise_if_bad()
    (row,) = read.rows
    return feedback_truth(signature, row), row[NOTE] or ""


def give_feedback_many(
    site: Site, actor: Actor, version: LoadedVersion, body: bytes, media: str, *, skip: int = 0
) -> Outcome:
    """Add the truths in a body to the records that they name, and write down how many there were.

    Args:
        skip: so many rows at the beginning were done before.

    Raises:
        InputError: the body can't be read; nothing was added.
        PodiumError: the actor may not, or the store fails; nothing was added.
    """
    require(actor, Action.FEEDBACK, version.name)
    outcome = add_feedback(
        record_store(site),
        version.bundle,
        site.truth_rules,
        (body, media),
        rows_max=site.rows_max(actor),
        actor=actor.name,
        seconds=FEEDBACK_S,
        skip=skip,
    )
    if outcome.added:
        how_many = str(outcome.records)
        site.authority.audit(actor, "feedback_given", model=version.name, records=how_many)
    return outcome
