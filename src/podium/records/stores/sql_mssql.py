"""What SQL Server does differently from the other relational databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, event, insert, select
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from podium.errors import StoreError

NAME = "mssql"
# Compares code units, in every language alike. Values are sent as Unicode: a column of another type
# would be converted before each comparison, and its index not used.
COLLATION = "Latin1_General_100_BIN2"
# A select that locks what it reads, as FOR UPDATE does elsewhere. SQLAlchemy leaves that out here.
FOR_UPDATE = "WITH (UPDLOCK, ROWLOCK)"
# For an engine. Without an isolation to return to, SQLAlchemy asks a view for it that not every user
# may read.
OPTIONS: Mapping[str, Any] = {"paramstyle": "qmark", "isolation_level": "AUTOCOMMIT"}
# ODBC's SQL_ATTR_CONNECTION_TIMEOUT, in seconds: without it, a statement whose time is up waits minutes
# for a server that doesn't respond to say so.
CONNECTION_TIMEOUT = 113
# A statement has up to 2,100 parameters.
_IDS_AT_ONCE = 1_000
# In the words of mssql-python, which has no codes: SQLSTATE 40001 (a deadlock) and 23000. What is
# inserted isn't in the table when it is looked for; somebody else was faster if it is there later.
_TRY_AGAIN = ("Serialization failure", "Integrity constraint violation")

# Texts are bound with a power of two, in code units. NVARCHAR has no more than the second, and 0 is
# NVARCHAR(MAX).
_SMALLEST, _LONGEST = 32, 4_000


def text_of(length: int | None = None) -> TypeEngine[str]:
    """A text of up to so many code units, of which some characters need two, or of any length."""
    return mssql.NVARCHAR(length, collation=COLLATION)


def insert_absent(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose primary key isn't there; returns how many.

    An insert that ignores duplicates needs an index of a kind that the migrations of applications
    don't make, and one that looks for them has its own conflicts with what others insert.

    Raises:
        IntegrityError: somebody else inserted one of them meanwhile: begin again.
    """
    (key,) = table.primary_key.columns
    new = {row[key.name]: row for row in reversed(rows)}
    ids = sorted(new)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = select(key).where(key.in_(ids[start : start + _IDS_AT_ONCE]))
        for (id_,) in connection.execute(some).fetchall():
            del new[id_]
    if new:
        connection.execute(insert(table), [dict(new[id_]) for id_ in sorted(new)])
    return len(new)


def is_conflict(error: DBAPIError) -> bool:
    """Whether a transaction failed because of another one, so that a retry helps."""
    return getattr(error.orig, "driver_error", None) in _TRY_AGAIN


def prepare(engine: Engine, *, statement_s: int) -> None:
    """Make connections of mssql-python limit their statements, and bind values by our types.

    By itself it binds a text of ASCII characters as VARCHAR, and several executions by the longest
    text of a column: if that is ASCII, the others lose their letters. Equal sizes also let the server
    use a plan again. SQLAlchemy executes each statement once, with the values of several rows.
    """

    size_of = _sizes()

    def limit(connection: Any, _: object) -> None:
        connection.timeout = statement_s

    def bind(_: object, cursor: Any, __: str, parameters: Any, *___: object) -> None:
        cursor.setinputsizes(list(map(size_of, parameters)))

    event.listen(engine, "do_connect", _connected)
    event.listen(engine, "connect", limit)
    event.listen(engine, "before_cursor_execute", bind)


def _connected(dialect: Any, _: object, arguments: Any, options: Any) -> Any:
    """A connection; the driver reads its options now, and has an error of its own for them."""
    from mssql_python.exceptions import ConnectionStringParseError

    try:
        return dialect.connect(*arguments, **options)
    except ConnectionStringParseError as error:
        raise StoreError(
            f"the URL of the store is invalid: {'; '.join(error.errors)}",
            hint="docs/how-to/sql-server.md has the options",
        ) from error


def _sizes() -> Callable[[object], tuple[int, int]]:
    """The SQL type and size of a parameter with a value."""
    from mssql_python import SQL_BIGINT, SQL_DOUBLE, SQL_VARBINARY, SQL_WVARCHAR

    def size_of(value: object) -> tuple[int, int]:
        if isinstance(value, str):
            length = len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2
            if length > _LONGEST:
                return SQL_WVARCHAR, 0
            size = _SMALLEST if length <= _SMALLEST else 1 << (length - 1).bit_length()
            return SQL_WVARCHAR, min(size, _LONGEST)
        if isinstance(value, int):
            return SQL_BIGINT, 0
        if isinstance(value, float):
            return SQL_DOUBLE, 0
        if isinstance(value, bytes):
            return SQL_VARBINARY, len(value) if len(value) <= 2 * _LONGEST else 0
        return SQL_WVARCHAR, _SMALLEST  # nothing, which is converted to every type but bytes

    return size_of
