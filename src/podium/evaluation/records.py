"""The records of a server's home, which are read while the server runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.app import open_configured_store, outbox_folder, store_file
from podium.errors import SetupError
from podium.outbox.outboxed import OutboxedStore
from podium.records.period import moment_us
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.settings import Settings

# A page of a SqliteStore is read fastest at this size; a model takes as many rows in one call.
PAGE_ROWS = 1_000


@contextmanager
def open_records(settings: Settings) -> Iterator[OutboxedStore]:
    """The records of a server, which may run.

    Raises:
        SetupError: there is no server's home here.
    """
    home, file = Path(settings.home), store_file(settings)
    if not home.is_dir() or (file is not None and not file.is_file()):
        raise SetupError(
            f"there are no records in {home if file is None else file}",
            hint="give the server's home folder with --home",
        )
    store = OutboxedStore(open_configured_store(settings), outbox_folder(settings), ships=False)
    try:
        store.flush()
        yield store
    finally:
        store.close()


def period_query(
    model: str, since: str | None, until: str | None, *, has_feedback: bool | None = None
) -> RecordQuery:
    """The records of a model in a period, which ends now where nothing else is said.

    Args:
        since: such as `7d` or `2026-01-31`; None is the first record.

    Raises:
        SetupError: one of them is no moment, or the period ends before it begins.
    """
    now_us = time.time_ns() // 1_000
    since_us = None if since is None else moment_us(since, now_us)
    until_us = now_us + 1 if until is None else moment_us(until, now_us)
    if since_us is not None and since_us >= until_us:
        raise SetupError(f"the period since {since} until {until or 'now'} is empty")
    return RecordQuery(model=model, since_us=since_us, until_us=until_us, has_feedback=has_feedback)


def chunks_of(
    store: Store, query: RecordQuery, *, limit: int | None = None
) -> Iterator[list[Record]]:
    """The records of a query, oldest first, some at a time.

    Args:
        limit: how many at most.
    """
    n_left = limit
    rows = PAGE_ROWS if n_left is None else min(PAGE_ROWS, n_left)
    for records in iter_pages(store, query, rows=rows, order="oldest"):
        some = list(records if n_left is None else records[:n_left])
        if some:
            yield some
        if n_left is not None:
            n_left -= len(some)
            if n_left <= 0:
                return
