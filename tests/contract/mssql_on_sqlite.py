"""SQL Server's statements, executed by SQLite: what they say, not how a server executes them.

The statements are those that SQLAlchemy writes for SQL Server. Here a few words are replaced, and the
system views, by which it finds tables, are answered from SQLite's own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mssql_python
from sqlalchemy import Engine

from podium.records.stores.sql_engine import engine_of
from podium.records.stores.sql_mssql import COLLATION

_WORDS = (
    (r"\bSELECT TOP (\d+) (.*)", r"SELECT \2 LIMIT \1"),
    (r" WITH \(UPDLOCK, ROWLOCK\)", ""),
    (r"\(max\)", ""),
    (r"^SAVE TRANSACTION", "SAVEPOINT"),
    (r"^ROLLBACK TRANSACTION (\S+)", r"ROLLBACK TO \1"),
)
_TABLES = "FROM sqlite_master AS m WHERE m.type = 'table'"
_COLUMNS = "FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
_INDEXES = "FROM sqlite_master AS m WHERE m.type = 'index' AND m.sql IS NOT NULL"
_NULLS = (
    "max_length precision scale default_value collation_name computed_definition is_persisted"
    " is_identity seed_value increment_value comment base_type"
)
# By the label or view that tells which question it is.
_VIEWS = {
    "filter_definition": "SELECT m.tbl_name AS table_name, m.rowid AS index_id, 0 AS is_unique,"
    f" m.name AS name, 2 AS type, NULL AS filter_definition {_INDEXES}",
    "is_included_column": "SELECT m.tbl_name AS table_name, m.rowid AS index_id, c.name AS name,"
    " 0 AS is_included_column FROM sqlite_master AS m, pragma_index_info(m.name) AS c"
    " WHERE m.type = 'index' AND m.sql IS NOT NULL",
    "max_length": "SELECT m.name AS table_name, c.name AS column_name, 'bigint' AS type_name,"
    ' c."notnull" = 0 AS is_nullable, '
    f"{', '.join(f'NULL AS {name}' for name in _NULLS.split())} {_COLUMNS}",
    "sys.objects": f"SELECT m.name {_TABLES}",
}


def engine_on(path: Path, executed: Executed | None = None) -> Engine:
    """An engine for SQL Server whose connections are those to a SQLite file."""
    engine = engine_of("mssql://ada:secret@127.0.0.1/records")
    log = Executed() if executed is None else executed
    engine.dialect.connect = lambda *_, **__: _Connection(path, log)  # type: ignore[method-assign]
    return engine


@dataclass
class Executed:
    """What was executed, and what is going to fail.

    Attributes:
        failing: errors of the next statements that begin with these words.
    """

    statements: list[str] = field(default_factory=list)
    n_values: int = 0
    failing: dict[str, list[mssql_python.Error]] = field(default_factory=dict)

    def add(self, statement: str, values: Any) -> None:
        self.statements.append(statement)
        self.n_values = max(self.n_values, len(values))
        for words, errors in self.failing.items():
            if statement.startswith(words) and errors:
                raise errors.pop()


class _Connection(sqlite3.Connection):
    """With the properties of mssql-python's."""

    def __init__(self, path: Path, executed: Executed) -> None:
        super().__init__(path, timeout=60, check_same_thread=False, isolation_level=None)
        self.executed = executed
        self._is_automatic = False
        self.timeout = 0
        super().execute("PRAGMA journal_mode=WAL")
        super().execute("PRAGMA synchronous=OFF")
        self.create_collation(COLLATION, _compared)
        self.create_function("datalength", 1, _length, deterministic=True)
        self.create_function("schema_name", 0, lambda: "dbo")

    @property
    def autocommit(self) -> bool:
        return self._is_automatic

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._is_automatic = value

    def cursor(self, *_: object) -> _Cursor:
        return super().cursor(_Cursor)

    def begin(self) -> None:
        if not self._is_automatic and not self.in_transaction:
            super().execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self.in_transaction:
            super().execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            super().execute("ROLLBACK")


class _Cursor(sqlite3.Cursor):
    """With the errors of mssql-python's."""

    def setinputsizes(self, sizes: Sequence[tuple[int, int]]) -> None:
        """The values have their types already."""

    def execute(self, statement: str, values: Any = ()) -> _Cursor:
        return self._run(super().execute, statement, values)

    def executemany(self, statement: str, rows: Iterable[Any]) -> _Cursor:
        return self._run(super().executemany, statement, rows)

    def _run(self, execute: Any, statement: str, values: Any) -> _Cursor:
        translated, takes_values = _translated(statement)
        if translated is None:
            return self
        assert isinstance(self.connection, _Connection)
        self.connection.begin()
        self.connection.executed.add(statement, values)
        try:
            execute(translated, values if takes_values else ())
        except sqlite3.IntegrityError as error:
            raise mssql_python.IntegrityError(
                "Integrity constraint violation", str(error)
            ) from error
        except sqlite3.Error as error:
            raise mssql_python.ProgrammingError("Syntax error", str(error)) from error
        return self


def _translated(statement: str) -> tuple[str | None, bool]:
    """The statement in SQLite's words, and whether it takes values."""
    if statement.startswith("SET TRANSACTION ISOLATION LEVEL"):
        return None, False
    if "@@version" in statement:
        return "SELECT 'Microsoft SQL Server 2022 - 16.0.1000.6 (X64)'", False
    if statement.startswith("IF @@TRANCOUNT"):  # there is a transaction, then
        return "SELECT 1", False
    if "fn_listextendedproperty" in statement or "test max support" in statement:
        return "SELECT 1", False
    for mark, query in _VIEWS.items():
        if "sys." in statement and mark in statement:
            return query, False
    for pattern, words in _WORDS:
        statement = re.sub(pattern, words, statement, flags=re.DOTALL)
    return statement, True


def _compared(one: str, other: str) -> int:
    """Character by character, as in a binary collation; trailing blanks make no difference."""
    one, other = one.rstrip(" "), other.rstrip(" ")
    return (one > other) - (one < other)


def _length(value: object) -> int | None:
    return None if value is None else len(str(value).encode("utf-16-le"))
