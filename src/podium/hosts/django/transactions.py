"""Views that stay outside of the transactions which a project puts around its requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

_View = TypeVar("_View", bound=Callable[..., Any])


def outside_transactions(view: _View) -> _View:
    """The view, without the ATOMIC_REQUESTS of any database.

    A transaction around it would take back nothing but what was answered already, and on SQLite
    the one connection that has begun to write keeps all others from it.
    """
    for using in connections:
        view = transaction.non_atomic_requests(using=using)(view)
    return view
