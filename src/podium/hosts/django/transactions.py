"""Views that are excluded from the project's transactions around requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

_View = TypeVar("_View", bound=Callable[..., Any])


def outside_transactions(view: _View) -> _View:
    """The view, without the ATOMIC_REQUESTS of any database.

    A transaction around it could roll back only what was sent already, and on SQLite the one
    connection that has begun to write blocks all others.
    """
    for using in connections:
        view = transaction.non_atomic_requests(using=using)(view)
    return view
