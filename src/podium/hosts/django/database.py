"""Calls of the project's database, from any thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections, transaction

from podium.errors import StoreError
from podium.hosts.django import mongodb

_T = TypeVar("_T")


def done(work: Callable[[], _T], using: str) -> _T:
    """What `work` returns, which uses this database in the calling thread.

    Raises:
        StoreError: the database failed.
    """
    connection = connections[using]
    is_kept = connection.connection is not None
    try:
        return work()
    except mongodb.errors_of(using) as error:
        is_kept = False
        reason = mongodb.reason_of(error)
        raise StoreError(f"the project's database {using!r} failed: {reason}") from error
    finally:
        # Connections that are opened here are closed here: outside of requests nobody else does.
        # `CONN_MAX_AGE` counts as after a request.
        if not is_kept and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def is_inside_transaction(using: str) -> bool:
    """Whether writes now could be rolled back; tests' own transactions don't count."""
    if mongodb.is_mongodb(using):
        return mongodb.is_in_transaction(using)
    if not connections[using].in_atomic_block:
        return False
    try:
        with transaction.atomic(using, durable=True):
            return False
    except RuntimeError:
        return True
