"""Why a relational database failed: the drivers' codes and words as causes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from podium.errors import StoreError
from podium.records.stores.causes import BUSY, FULL, READ_ONLY, REFUSED, UNREACHABLE, Cause


class _Signs(NamedTuple):
    """How databases tell a cause.

    Attributes:
        states: how PostgreSQL's SQLSTATE begins.
        numbers: of MySQL and MariaDB.
        words: in the first line: of SQL Server, whose driver passes no numbers, and of SQLite.
    """

    states: tuple[str, ...]
    numbers: tuple[int, ...]
    words: str


# PostgreSQL: Appendix A, "PostgreSQL Error Codes". MySQL: "Server Error Message Reference"; 1969 and
# 3024 say that a statement took too long. SQL Server: "Database engine events and errors", and of
# Azure's limits, 10928 and 40544.
_SIGNS: tuple[tuple[Cause, _Signs], ...] = (
    (
        FULL,
        _Signs(
            ("53100",),
            (1021, 1114),
            "filegroup is full|transaction log for database .* is full|reached its size quota|"
            "database or disk is full|Got error (28|122) ",
        ),
    ),
    (
        READ_ONLY,
        _Signs(
            ("25006",),
            (1290, 1792, 1836),
            "database is read-only|readonly database|application intent is set to read only",
        ),
    ),
    (
        BUSY,
        _Signs(
            ("53", "57014"),
            (1040, 1203, 1226, 1969, 3024),
            "(request|session) limit for the database|Query timeout expired|"
            "Not enough resources to process request|insufficient system memory|"
            "waiting for memory resources|cannot obtain a LOCK resource",
        ),
    ),
    (
        REFUSED,
        _Signs(
            ("28", "42501"),
            (1044, 1045, 1142, 1143, 1227, 1698),
            "Login failed for user|requested by the login|permission (was )?denied|"
            "not able to access the database|authentication failed",
        ),
    ),
    (
        UNREACHABLE,
        _Signs((), (), "is not currently available|currently not accessible for queries"),
    ),
)


def failure_of(where: str, error: SQLAlchemyError) -> StoreError:
    """The StoreError of an exception; it contains neither statements nor values."""
    # The first line: those after it contain statements and values.
    raised = error.orig if isinstance(error, DBAPIError) else error
    text = str(getattr(raised, "ddbc_error", None) or raised)  # mssql-python's own words
    message = text.strip().partition("\n")[0] or type(raised).__name__
    cause = _cause_of(raised, message)
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if cause is None and (is_lost or isinstance(error, OperationalError)):
        cause = UNREACHABLE
    text = f"{where}: {message}"
    return StoreError(text) if cause is None else cause.error(text)


def _cause_of(raised: Any, message: str) -> Cause | None:
    state = getattr(raised, "sqlstate", None) or ""
    arguments = getattr(raised, "args", None) or ("",)
    # PostgreSQL says so also where the system lets it extend no file, for another reason.
    advice = getattr(getattr(raised, "diag", None), "message_hint", None) or ""
    if advice == "Check free disk space.":
        return FULL
    for cause, signs in _SIGNS:
        if (
            (state and state.startswith(signs.states))
            or arguments[0] in signs.numbers
            or re.search(signs.words, message)
        ):
            return cause
    return None
