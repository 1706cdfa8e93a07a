"""Many rows at once, in the form that a database reads fastest: COPY, or one long INSERT.

A driver converts a value at a time; here a column is escaped as one text, which takes a third of the
time. Whatever fails is inserted again in the ordinary way, which also says why it failed: a row that is
stored already, an encoding, a right that is missing, a deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Engine, Table

# Of a statement, in bytes: MySQL accepts up to 16 MB at once, and 1 MB where it was set up long ago.
STATEMENT_BYTES = 1_000_000
# Between texts that don't contain it. The last one, half a character, no record contains: see
# `storable.text_problem`. But a text with it takes five times as long.
_SEPARATORS = ("\x1f", "\x1e", "\ud800")

Rows: TypeAlias = Sequence[Mapping[str, Any]]
Bulk: TypeAlias = Callable[[Connection, Rows], int]


class BulkFailed(Exception):
    """Nothing was inserted, and the transaction must be rolled back."""


def bulk_of(table: Table, engine: Engine) -> Bulk | None:
    """A function that inserts rows and returns their number; None if the driver has no faster way.

    Like an ordinary INSERT it leaves existing rows unchanged; or it raises BulkFailed.
    """
    ways = {"psycopg": _copied, "pymysql": _inserted}
    way = ways.get(engine.dialect.driver)
    if way is None:
        return None
    insert, failures = way, engine.dialect.loaded_dbapi.Error

    def bulk(connection: Connection, rows: Rows) -> int:
        try:
            return insert(connection, table, rows)
        except (failures, UnicodeEncodeError):
            # Without its cause, whose text contains values.
            raise BulkFailed from None

    return bulk


def _copied(connection: Connection, table: Table, rows: Rows) -> int:
    """Through COPY, which fails if one of the rows exists."""
    name, names = _names(connection, table)
    cells = [_column(rows, column, _for_copy, null=r"\N") for column in table.columns]
    text = "\n".join(map("\t".join, zip(*cells, strict=True)))
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(f"COPY {name} ({names}) FROM STDIN") as copy:
            copy.write(f"{text}\n")
        return int(cursor.rowcount)


def _inserted(connection: Connection, table: Table, rows: Rows) -> int:
    """Through INSERT IGNORE, in statements of a limited length."""
    name, names = _names(connection, table)
    driver: Any = connection.connection.driver_connection

    def escaped(text: str) -> str:
        return driver.escape(text)[1:-1]  # type: ignore[no-any-return]

    cells = [
        _column(rows, column, escaped, null="NULL", quote="'", number_end="e0")
        for column in table.columns
    ]
    n_inserted = 0
    with driver.cursor() as cursor:
        for values in _pieces(map(",".join, zip(*cells, strict=True))):
            cursor.execute(f"INSERT IGNORE INTO {name} ({names}) VALUES {values}")  # noqa: S608
            n_inserted += cursor.rowcount
    return n_inserted


def _pieces(rows: Iterator[str]) -> Iterator[str]:
    """The rows in parentheses, some at a time; a long row is alone."""
    piece: list[str] = []
    n_bytes = 0
    for row in rows:
        size = len(row) if row.isascii() else len(row.encode())
        if piece and n_bytes + size > STATEMENT_BYTES:
            yield f"({'),('.join(piece)})"
            piece, n_bytes = [], 0
        piece.append(row)
        n_bytes += size + 3
    yield f"({'),('.join(piece)})"


def _column(
    rows: Rows,
    column: Column[Any],
    escape: Callable[[str], str],
    *,
    null: str,
    quote: str = "",
    number_end: str = "",
) -> list[str]:
    """The values of a column as texts.

    Args:
        number_end: after a float without an exponent, so that it isn't read as a decimal number.
    """
    values = [row[column.name] for row in rows]
    kind = column.type.python_type
    n_values = len(values)
    # Many columns have one value in all rows. As a number, -0.0 would be 0.0.
    if kind is not float and values.count(values[0]) == n_values:
        values = values[:1]
    if kind is str:
        texts = [f"{quote}{text}{quote}" for text in _escaped(values, escape)]
    elif kind is float:
        texts = [text if "e" in text else f"{text}{number_end}" for text in map(repr, values)]
    else:
        texts = list(map(str, values))
    if column.nullable:
        pairs = zip(values, texts, strict=True)
        texts = [null if value is None else text for value, text in pairs]
    return texts if len(texts) == n_values else texts * n_values


def _escaped(values: Sequence[str | None], escape: Callable[[str], str]) -> list[str]:
    """Texts that were escaped together; None as an empty one."""
    whole = "".join(filter(None, values))
    between = next(one for one in _SEPARATORS if one not in whole)
    return escape(between.join(value or "" for value in values)).split(between)


def _for_copy(text: str) -> str:
    """Escaped as PostgreSQL's documentation of COPY says, "Text Format"."""
    for plain, escaped in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(plain, escaped)
    return text


def _names(connection: Connection, table: Table) -> tuple[str, str]:
    """The name of a table and those of its columns, quoted where they must be."""
    prepare = connection.dialect.identifier_preparer
    return prepare.format_table(table), ", ".join(map(prepare.format_column, table.columns))
