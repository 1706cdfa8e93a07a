"""Deletion of records on request: permissions, the number of records, and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from podium.access import ANYONE, Action, Actor, allowed
from podium.errors import InputError, NotAllowed, NotFound
from podium.http import Request
from podium.outbox.deletion import Count, CountDiffers, Deleted, Deletion, Selection
from podium.policy.authority import require
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.web.numbers import moment_text
from podium.web.record_columns import short_outcome
from podium.web.record_filters import LABELS, NAMES, filters_of
from podium.web.site import Site
from podium.web.visible_records import visible_record

# More aren't counted for a request, nor deleted by one; together with DELETE_S it stays below the
# five seconds after which readers of the store give up.
COUNT_MAX = 100_000
DELETE_S = 2.0
# Filters that only a deletion has, and the parameter with the expected number.
_MORE, _EXPECT, _NEWEST = ("version", "owner"), "expect", "newest_us"

_LABELS = LABELS | {"version": "Version", "owner": "Owner"}


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """Records that somebody is about to delete.

    Attributes:
        parameters: select them in a URL.
        count: how many there are now.
    """

    model: str
    selection: Selection
    parameters: dict[str, str]
    count: Count

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The filters that select them, for people."""
        return [(_LABELS[name], value) for name, value in self.parameters.items()]

    @property
    def confirmed(self) -> dict[str, str]:
        """The parameters that delete these records, and none that were added since."""
        sure = {_EXPECT: str(self.count.n_records), _NEWEST: str(self.count.newest_us)}
        return self.parameters | sure


@dataclass(frozen=True, slots=True)
class Step:
    """What a deletion page shows: its question, or the result.

    Attributes:
        deleted: the result, once it was confirmed.
        record: the only one to delete; None if filters select them.
    """

    wanted: DeletionRequest
    deleted: Deleted | None = None
    record: Record | None = None

    @property
    def is_pending(self) -> bool:
        """Whether there is still something to confirm."""
        return self.deleted is None or not self.deleted.is_all

    @property
    def can_confirm(self) -> bool:
        """Whether it can be confirmed: there are some records, and not too many."""
        return self.is_pending and self.wanted.count.is_all and self.wanted.count.n_records > 0

    @property
    def title(self) -> str:
        """The page's heading."""
        if not self.is_pending:
            return "Records deleted"
        return "Delete records" if self.record is None else "Delete this record"

    @property
    def done(self) -> str:
        """What was deleted; "" before the confirmation."""
        if self.deleted is None:
            return ""
        n = self.deleted.n_records
        rest = "; more are left" if self.is_pending else ""
        return f"{_of_records(n)} {'was' if n == 1 else 'were'} deleted{rest}."

    @property
    def question(self) -> str:
        """What would be deleted, or why nothing can be; "" if there is no question."""
        n, model = self.wanted.count.n_records, self.wanted.model
        if not self.is_pending:
            return ""
        if not self.wanted.count.is_all:
            how = "Narrow them down, by time for instance, or use podium records delete"
            return f"More than {_of_records(n)} match. {how} on the server."
        if not n:
            return "No records match."
        what = f"{_of_records(n)} of {model}, and {'its' if n == 1 else 'their'} feedback"
        return f"{what}, will be deleted permanently. This can't be undone."

    @property
    def button(self) -> str:
        """The label of the button that confirms."""
        return f"Delete {_of_records(self.wanted.count.n_records)}"

    @property
    def back(self) -> str:
        """The label of the link that leads back."""
        return "Cancel" if self.can_confirm and not self.deleted else "Back to the records"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What will be deleted: the record, or the filters."""
        record = self.record
        if record is None:
            return self.wanted.filters
        time = f"{moment_text(record.time_us)} UTC"
        return [("Id", record.id), ("Time", time), ("Prediction", short_outcome(record))]


def step_of_several(
    site: Site, actor: Actor, model: str, query: Mapping[str, str], *, is_sure: bool
) -> Step:
    """The question about the records that a URL's parameters select, or the result of the deletion.

    Args:
        is_sure: whether it was confirmed.

    Raises:
        PodiumError: as `wanted_of` and `delete_expected`.
    """
    wanted = deletion_of(site, actor, model, query)
    if not is_sure:
        return Step(wanted)
    deleted = delete_expected(site, actor, wanted, query)
    if not deleted.is_all:  # the rest, with the same question again
        wanted = deletion_of(site, actor, model, wanted.confirmed)
    return Step(wanted, deleted)


def step_of_one(site: Site, request: Request, record_id: str, *, is_sure: bool) -> Step:
    """The question about one record, or the result of its deletion.

    Raises:
        PodiumError: as `record_wanted`, or something fails.
    """
    record, wanted = record_to_delete(site, request, record_id)
    deleted = delete_records(site, request.actor, wanted.selection) if is_sure else None
    return Step(wanted, deleted, record)


def may_delete(site: Site, actor: Actor, model: str) -> bool:
    """Whether an actor may delete records of a model, among those that they may see."""
    is_for_all = actor is ANYONE and site.settings.open
    may = allowed(actor, Action.DELETE, model) and allowed(actor, Action.SEE_OWN, model)
    return may and not is_for_all and site.deletion is not None


def require_deletion(site: Site, actor: Actor, model: str) -> None:
    """Check that an actor may delete records of a model.

    Raises:
        PodiumError: they may not, or they may see none.
    """
    require(actor, Action.DELETE, model)
    require(actor, Action.SEE_OWN, model)
    _deletion_of(site)
    if not may_delete(site, actor, model):
        raise NotAllowed(
            "without accounts records can't be deleted from another machine, since anybody could do so",
            hint="use podium records delete, or serve with --accounts",
        )


def deletion_of(site: Site, actor: Actor, model: str, query: Mapping[str, str]) -> DeletionRequest:
    """The records that a URL's parameters select, among those that the actor may see.

    Raises:
        InputError: a parameter is invalid or unknown: ignoring it would delete more than was meant.
        PodiumError: they may not delete, or the store fails.
    """
    require_deletion(site, actor, model)
    said = {name: value.strip() for name, value in query.items() if value.strip()}
    if unknown := sorted(said.keys() - {*NAMES, *_MORE, _EXPECT, _NEWEST}):
        raise InputError(
            f"records can't be filtered by {unknown[0][:40]!r}",
            hint=f"known: {', '.join((*NAMES, *_MORE))}",
        )
    filters = filters_of(model, said, actor)
    if filters.problems:
        raise InputError(filters.problems[0].rstrip("."), hint="correct the filter")
    chosen = replace(filters.query, version=said.get("version"))
    if "owner" in said:
        if chosen.owner not in (None, said["owner"]):
            raise NotAllowed("you may delete only your own records", hint="leave out the owner")
        chosen = replace(chosen, owner=said["owner"])
    newest_us = _whole(said, _NEWEST)
    if newest_us is not None:
        until_us = newest_us + 1 if chosen.until_us is None else min(chosen.until_us, newest_us + 1)
        chosen = replace(chosen, until_us=until_us)
    selection = Selection(query=chosen)
    parameters = {name: said[name] for name in (*NAMES, *_MORE) if name in said}
    count = _deletion_of(site).count(selection, most=COUNT_MAX)
    return DeletionRequest(model, selection, parameters, count)


def selected_by(options: Mapping[str, str], *, is_everything: bool = False) -> Selection:
    """The records that the options of a command select; empty options select nothing.

    Args:
        options: the filters of a page, `model`, `version`, `owner`, and `key`, which is
            FIELD=VALUE.
        is_everything: whether every record is meant.

    Raises:
        InputError: an option is invalid, or there is none.
    """
    said = {name: text for name, text in options.items() if text}
    filters = filters_of(said.get("model"), said)
    if filters.problems:
        raise InputError(filters.problems[0].rstrip("."), hint="correct the option")
    query = replace(filters.query, version=said.get("version"), owner=said.get("owner"))
    key = said.get("key", "")
    field, equals, value = key.partition("=")
    if key and not (field and equals):
        raise InputError(f"--key {key!r} has no value", hint="write --key customer=4711")
    if said.get("business_key") and query.business_keys is None:
        raise InputError("--business-key is blank", hint="write the key, or leave the option out")
    if query == RecordQuery(role="primary") and not key and not is_everything:
        raise InputError(
            "no records are selected", hint="select them by options, or all of them with --all"
        )
    return Selection(query=query, field=field, value=value)


def record_to_delete(
    site: Site, request: Request, record_id: str
) -> tuple[Record, DeletionRequest]:
    """The record with this id, which is about to be deleted.

    Raises:
        NotFound: there is none that the actor may see.
        PodiumError: they may not delete it.
    """
    record, _ = visible_record(site, request.actor, record_id)
    require_deletion(site, request.actor, record.model)
    query = RecordQuery(model=record.model, ids=(record.id,))
    count = Count(1, True, record.time_us)
    return record, DeletionRequest(record.model, Selection(query=query), {"id": record.id}, count)


def delete_expected(
    site: Site, actor: Actor, wanted: DeletionRequest, query: Mapping[str, str]
) -> Deleted:
    """Delete records, if their number is the expected one.

    Raises:
        CountDiffers: it isn't, or no number was given.
        PodiumError: something fails; another call deletes the rest.
    """
    count, expected = wanted.count, _whole(query, _EXPECT)
    if not count.is_all:
        raise CountDiffers(
            f"more than {COUNT_MAX:,} records match",
            hint="select fewer, by time for instance, or use podium records delete",
        )
    if expected != count.n_records:
        raise CountDiffers(
            f"{_of_records(count.n_records)} {'matches' if count.n_records == 1 else 'match'}"
            + ("" if expected is None else f", and not {expected}"),
            hint=f"to delete these, send {_EXPECT}={count.n_records}",
        )
    return delete_records(site, actor, wanted.selection)


def delete_records(site: Site, actor: Actor, selection: Selection) -> Deleted:
    """Delete the selected records, or as many as a request has time for, and audit it.

    Raises:
        NotFound: no records are stored.
        PodiumError: something fails; another call deletes the rest.
    """

    def audit(event: str, details: Mapping[str, str]) -> None:
        site.authority.audit(actor, event, **details)

    return _deletion_of(site).delete_audited(selection, audit, seconds=DELETE_S)


def _of_records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


def _deletion_of(site: Site) -> Deletion:
    if site.deletion is None:
        raise NotFound(
            "records aren't stored here", hint="the server was started with --no-records"
        )
    return site.deletion


def _whole(query: Mapping[str, str], name: str) -> int | None:
    """An integer parameter; None if it isn't sent.

    Raises:
        InputError: it isn't an integer.
    """
    text = query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InputError(f"{name}={text[:40]!r} isn't a whole number", hint=f"send {name}=12")
    return int(text)
