"""Permanent deletion of records: in the store, and everywhere else that has their values."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from podium.errors import InputError, PodiumError, StoreError
from podium.outbox.deletion_epoch import DeletionEpoch
from podium.outbox.keys import Keys
from podium.outbox.outboxes import moving, outboxes, segments
from podium.outbox.recorder import Recorder
from podium.outbox.refused import delete_refused
from podium.outbox.segment import failures
from podium.outbox.segment_files import delete_segment, retire
from podium.outbox.shipper import DAMAGED_NAME
from podium.records.export import time_text
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.records.stores.sqlite import SqliteStore

# Writes an event and its details to the audit log.
Audit: TypeAlias = Callable[[str, Mapping[str, str]], object]


def no_audit(_event: str, _details: Mapping[str, str]) -> None:
    """Where there are no accounts, there is no audit log."""


_log = logging.getLogger("podium")
# Copies of the store's file that `podium records restore` and `repair` have set aside.
_COPY = re.compile(r"(replaced|damaged)-\d{8}-\d{6}")
# An id in a file that may be damaged: a page may end within it, but then one half of it is
# complete.
_DIGITS = re.compile(rb"[0-9a-f]{16,}")
_HALF = 16
# Filters whose values may come from a record's inputs or outputs.
_HIDDEN = ("outcome", "business", "text")
ID_LENGTH = 32
# More times on a page are looked up as one span, which reads no more than the page's own search.
SINGLE_TIMES_MAX = 50


class CountDiffers(InputError):
    """The number of selected records differs from the expected one: none was deleted."""

    code = "count_differs"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Selects the records to delete: those that match the query, and have an input with this value.

    Attributes:
        field: the name of an input, such as a customer's number; "" selects any record.
        value: its value, as a text.
    """

    query: RecordQuery
    field: str = ""
    value: str = ""

    def chosen(self, records: Sequence[Record]) -> list[Record]:
        """The selected records in a page of the query's records."""
        return [one for one in records if self._has_value(one)] if self.field else list(records)

    def fits(self, record: Record) -> bool:
        """Whether a record is selected."""
        return self.query.fits(record) and (not self.field or self._has_value(record))

    @property
    def described(self) -> dict[str, str]:
        """The selection for the audit log, without values from a record's inputs or outputs."""
        chosen = {
            name: time_text(value) if name.endswith("_us") else _text(value)
            for name, value in msgspec.structs.asdict(self.query).items()
            if value is not None
        }
        hidden = {name: "some value" for name in chosen if name.startswith(_HIDDEN)}
        return chosen | hidden | ({"field": self.field} if self.field else {})

    def _has_value(self, record: Record) -> bool:
        inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
        if self.field not in inputs:
            return False
        value = inputs[self.field]
        with suppress(ValueError, ArithmeticError):
            if isinstance(value, float):
                return float(self.value) == value
            if isinstance(value, int) and not isinstance(value, bool):
                return Decimal(self.value) == value  # exact beyond 2^53, too
        return self.value == (
            value if isinstance(value, str) else msgspec.json.encode(value).decode()
        )


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


class Count(NamedTuple):
    """The number of selected records.

    Attributes:
        is_all: whether there are no more.
        newest_us: the time of the newest one; 0 if there is none.
    """

    n_records: int
    is_all: bool
    newest_us: int


class Deleted(NamedTuple):
    """The result of a deletion.

    Attributes:
        is_all: whether everything selected is gone; otherwise another call deletes the rest.
        unreached: files that may still contain some of it, and couldn't be searched.
    """

    n_records: int
    is_all: bool
    unreached: tuple[Path, ...] = ()


class Deletion:
    """Counts and deletes records, in pieces: after an interruption, the same call deletes the rest.

    The store comes last in each piece: records that aren't yet deleted elsewhere are still found
    there.

    Args:
        store: the store of the records, with its outbox.
        recorder: what writes records to the store; None if nothing does meanwhile.
        keys: the stored responses of requests with an idempotency key.
        file: of the store, if it is a SQLite file.
    """

    def __init__(
        self,
        store: Store,
        *,
        recorder: Recorder | None = None,
        keys: Keys | None = None,
        file: Path | None = None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._folder = None if recorder is None else recorder.folder
        self._keys = keys
        self._file = file
        self._epoch = DeletionEpoch(self._folder)

    @property
    def epoch(self) -> object:
        """Another value after each deletion; see `deletion_epoch`."""
        return self._epoch.value

    def take_back(self, records: Sequence[Record]) -> None:
        """Delete records that were stored a moment ago, and that nobody knows of.

        Raises:
            StoreError: the store fails.
        """
        self._store.delete(records)

    def count(self, selection: Selection, *, most: int | None = None) -> Count:
        """The number of selected records in the store; counting stops at a limit.

        Raises:
            InputError: the store doesn't support the filter.
            StoreError: the store fails.
        """
        n_records = newest_us = 0
        for records in iter_pages(self._store, selection.query):
            chosen = selection.chosen(records)
            newest_us = newest_us or (chosen[0].time_us if chosen else 0)
            n_records += len(chosen)
            if most is not None and n_records > most:
                return Count(most, False, newest_us)
        return Count(n_records, True, newest_us)

    def delete(
        self,
        selection: Selection,
        *,
        seconds: float = float("inf"),
        done: Callable[[int], object] = lambda _: None,
    ) -> Deleted:
        """Delete the selected records; returns the number deleted from the store.

        Args:
            seconds: after which no further piece begins.
            done: called after each piece with the number of records deleted so far.

        Raises:
            InputError: the store doesn't support the filter.
            StoreError: something fails; another call deletes the rest.
        """
        until_s = time.monotonic() + seconds
        self._epoch.advance()
        damaged = self._damaged()
        unreached = []
        for copy in self._copies():
            try:
                if not _delete_from(copy, selection, until_s):
                    return Deleted(0, False)
            except StoreError as error:
                _log.warning("records_not_searched: %s: %s", copy, error.message)
                unreached.append(copy)
        self._delete_refused(selection)
        n_deleted = 0
        for number, records in enumerate(iter_pages(self._store, selection.query)):
            if number and time.monotonic() > until_s:
                return Deleted(n_deleted, False, tuple(unreached))
            chosen = selection.chosen(records)
            if chosen:
                others = companions(self._store, chosen)
                self._forget([*chosen, *others], damaged)
                if others:
                    self._store.delete(others)
                n_deleted += self._store.delete(chosen)
                done(n_deleted)
        for record_id in selection.query.ids or (selection.query.id_prefix or "",):
            self._forget_id(record_id, damaged)
        self._retire_segments()
        return Deleted(n_deleted, True, tuple(unreached))

    def delete_audited(
        self, selection: Selection, audit: Audit, *, seconds: float = float("inf")
    ) -> Deleted:
        """The same, with audit events for its beginning and its result.

        If the first event can't be written, nothing is deleted. If the deletion fails, the log says
        so, and how many were deleted by then.

        Args:
            audit: writes an event with its details.

        Raises:
            PodiumError: as `delete`, or the audit log can't be written.
        """
        description = selection.described
        n_deleted = 0

        def done(n_records: int) -> None:
            nonlocal n_deleted
            n_deleted = n_records

        audit("records_deletion_begun", description)
        try:
            deleted = self.delete(selection, seconds=seconds, done=done)
        except PodiumError:
            with suppress(PodiumError):  # the deletion's error says more
                audit("records_deletion_failed", description | {"n_records": str(n_deleted)})
            raise
        left = {} if deleted.is_all else {"left": "some"}
        audit("records_deleted", description | {"n_records": str(deleted.n_records)} | left)
        return deleted

    def drain(self, seconds: float) -> bool:
        """Wait until no outbox contains deleted records; returns whether that is so.

        Raises:
            StoreError: the outboxes can't be read, or the store accepts none now.
        """
        return self._recorder is None or self._recorder.drain(seconds)

    def _forget(self, records: Sequence[Record], damaged: dict[Path, set[bytes]]) -> None:
        """Delete the copies of records outside the store."""
        if self._keys is not None:
            self._keys.forget(records)
        halves = {half for record in records for half in _halves(record.id)}
        for path in [
            path for path, stored_ids in damaged.items() if not stored_ids.isdisjoint(halves)
        ]:
            # Its readable records were shipped when it was set aside.
            _log.warning("damaged_deleted: %s held records that were deleted", path)
            with failures(path):
                delete_segment(path)
            del damaged[path]

    def _forget_id(self, record_id: str, damaged: dict[Path, set[bytes]]) -> None:
        """The same for a record that is no longer in the store."""
        if len(record_id) != ID_LENGTH:
            return
        if self._keys is not None:
            self._keys.forget_id(record_id)
        for path in [
            path for path, stored_ids in damaged.items() if stored_ids & set(_halves(record_id))
        ]:
            with failures(path):
                delete_segment(path)

    def _delete_refused(self, selection: Selection) -> None:
        if self._folder is not None:
            with moving(self._folder, is_shared=False):
                delete_refused(self._folder, selection.fits)

    def _retire_segments(self) -> None:
        """Remove everything shipped from the disk: a segment is deleted as a whole or not at all."""
        for path in self._segments():
            with failures(path):
                retire(path)

    def _segments(self) -> Iterator[Path]:
        if self._folder is not None:
            for outbox, _ in outboxes(self._folder):
                yield from segments(outbox)

    def _copies(self) -> list[Path]:
        if self._file is None:
            return []
        prefix = f"{self._file.name}."
        return [
            one
            for one in sorted(self._file.parent.glob(f"{prefix}*"))
            if _COPY.fullmatch(one.name.removeprefix(prefix))
        ]

    def _damaged(self) -> dict[Path, set[bytes]]:
        """Segments that were set aside, and the halves of ids in them."""
        if self._folder is None:
            return {}
        return {path: _halves_in(path) for path in (self._folder / DAMAGED_NAME).glob("*.db")}


def companions(store: Store, records: Sequence[Record]) -> list[Record]:
    """What was computed beside these records for the same rows, as shadows are: it goes with them.

    It has the model and the time of its primary, by which every store finds it.
    """
    primaries = [one for one in records if one.request_id and one.role == "primary"]
    rows, ids = {_row_of(one) for one in primaries}, {one.id for one in records}
    return [
        one
        for model, since_us, until_us in _spans(primaries)
        for some in iter_pages(
            store, RecordQuery(model=model, since_us=since_us, until_us=until_us, role="shadow")
        )
        for one in some
        if one.role != "primary" and one.id not in ids and _row_of(one) in rows
    ]


def _spans(records: Sequence[Record]) -> Iterator[tuple[str, int, int]]:
    """Models and spans of time that hold these records: many times are searched as one span."""
    for model in {one.model for one in records}:
        times = sorted({one.time_us for one in records if one.model == model})
        if len(times) > SINGLE_TIMES_MAX:
            yield model, times[0], times[-1] + 1
        else:
            yield from ((model, time_us, time_us + 1) for time_us in times)


def _row_of(record: Record) -> tuple[str | None, int]:
    return record.request_id, record.row_index


def _delete_from(path: Path, selection: Selection, until_s: float) -> bool:
    """Delete the selected records from a copy of the store's file; returns whether all are."""
    copy = SqliteStore(path)
    try:
        for number, records in enumerate(iter_pages(copy, selection.query)):
            if number and time.monotonic() > until_s:
                return False
            chosen = selection.chosen(records)
            copy.delete([*companions(copy, chosen), *chosen])
    finally:
        copy.close()
    return True


def _halves(record_id: str) -> tuple[bytes, bytes]:
    digits = record_id.encode()
    return digits[:_HALF], digits[-_HALF:]


def _halves_in(path: Path) -> set[bytes]:
    halves: set[bytes] = set()
    with failures(path):
        for one in (path, path.with_name(f"{path.name}-wal")):
            for digits in _DIGITS.findall(one.read_bytes()) if one.exists() else ():
                halves |= {digits[:_HALF], digits[-_HALF:]}
    return halves
