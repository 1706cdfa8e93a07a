"""Audit entries of what the server does by itself: promotions, rollbacks, retrainings."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import Error, connections

from podium.access import PODIUM
from podium.errors import AccountsError
from podium.hosts.django.audit import write


def audit_itself(event: str, details: Mapping[str, str]) -> None:
    """Write an entry whose actor is the server.

    Raises:
        AccountsError: the database failed.
    """
    try:
        write(event, actor=PODIUM, details=details)
    except Error as error:
        raise AccountsError(f"the audit log can't be written: {error}") from error
    finally:
        connections.close_all()  # the next one is hours away, and databases end idle connections
