"""The tables of records and of counts in a relational database, for SQLAlchemy."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from podium.records.columns import COLUMNS, RecordColumn
from podium.records.storable import KEY_LENGTH
from podium.records.stores import sql_mssql

TABLE = "podium_record"
COUNT_TABLE = "podium_count"
MODEL_LENGTH = 255
_DIGEST_LENGTH = 80
# No database can index texts of unlimited length. This long a prefix tells most outcomes apart;
# queries compare the outcome itself as well.
START_LENGTH = 64
BY_MODEL, BY_OUTCOME = "podium_record_by_model", "podium_record_by_outcome"
# Of the outcomes whose beginning is in the index.
HAS_START = literal_column("outcome_start") != literal_column("''")
# MariaDB and MySQL can't index a text without a length, nor give it a default.
_LENGTHS = {"model": MODEL_LENGTH, "role": 16, "business_key": KEY_LENGTH}

_MYSQL = ("mysql", "mariadb")
_UTF8: dict[str, Any] = {
    f"{name}_{key}": value
    for name in _MYSQL
    for key, value in {"charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}


def record_table(metadata: MetaData) -> Table:
    """The table `podium_record` in this metadata; repeated calls return the same one.

    Alembic's autogenerate, and so Flask-Migrate, sees everything in the metadata of an application.
    """
    if TABLE in metadata.tables:
        return metadata.tables[TABLE]
    table = Table(
        TABLE,
        metadata,
        *map(_column, COLUMNS),
        Column("outcome_start", _short(START_LENGTH), nullable=False),
        **_UTF8,
    )
    # Pages are found by an index that ends in (time_us, id), as in a SqliteStore.
    Index("podium_record_by_time", table.c.time_us, table.c.id)
    Index(BY_MODEL, table.c.model, table.c.time_us, table.c.id)
    Index(
        BY_OUTCOME,
        table.c.model,
        table.c.outcome_start,
        table.c.time_us,
        table.c.id,
        postgresql_where=HAS_START,
        sqlite_where=HAS_START,
    )
    has_key = table.c.business_key.is_not(None)
    Index(
        "podium_record_by_key",
        table.c.business_key,
        table.c.time_us,
        table.c.id,
        mssql_where=has_key,
        postgresql_where=has_key,
        sqlite_where=has_key,
    )
    has_feedback = table.c.feedback_time_us.is_not(None)
    # Without partial indexes it would be the same as the index on the model.
    Index(
        "podium_record_by_feedback",
        table.c.model,
        table.c.time_us,
        table.c.id,
        mssql_where=has_feedback,
        postgresql_where=has_feedback,
        sqlite_where=has_feedback,
    ).ddl_if(callable_=_has_partial_indexes)
    return table


def count_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables `podium_count` and `podium_count_source` in this metadata."""
    if COUNT_TABLE in metadata.tables:
        return metadata.tables[COUNT_TABLE], metadata.tables[f"{COUNT_TABLE}_source"]
    numbers = ("hour", "n_hours", "n_rows", "n_counted", "n_refused")
    counts = Table(
        COUNT_TABLE,
        metadata,
        Column("id", _id(), primary_key=True),
        Column("model", _short(MODEL_LENGTH), nullable=False),
        Column("digest", _short(_DIGEST_LENGTH), nullable=False),
        Column("role", _short(_LENGTHS["role"]), nullable=False),
        *(Column(name, BigInteger(), nullable=False) for name in numbers),
        Column("layout", _bytes(), nullable=False),
        Column("counts", _bytes(), nullable=False),
        **_UTF8,
    )
    Index("podium_count_by_model", counts.c.model, counts.c.hour)
    Index("podium_count_by_hour", counts.c.n_hours, counts.c.hour)
    sources = Table(
        f"{COUNT_TABLE}_source",
        metadata,
        Column("source", _id(), primary_key=True),
        Column("number", BigInteger(), nullable=False),
        **_UTF8,
    )
    return counts, sources


def _column(one: RecordColumn) -> Column[Any]:
    """A column in SQLAlchemy's terms.

    The database fills in values that a record may lack: an older version that shares the table can
    still insert.
    """
    kind, default = _type(one), None
    # MySQL has no defaults for texts without a length.
    if not one.is_nullable and one.default is not msgspec.NODEFAULT and not isinstance(kind, Text):
        default = text(repr(one.default))
    return Column(
        one.name,
        kind,
        primary_key=one.name == "id",
        autoincrement=False,
        nullable=one.is_nullable,
        server_default=default,
    )


def _type(one: RecordColumn) -> TypeEngine[Any]:
    if one.name == "id":
        return _id()
    if one.name in _LENGTHS:
        return _short(_LENGTHS[one.name])
    return BigInteger() if one.type is int else Double() if one.type is float else _text()


def _has_partial_indexes(*_: object, dialect: Dialect, **__: object) -> bool:
    return dialect.name not in _MYSQL


def _id() -> TypeEngine[str]:
    """32 hex digits, compared byte by byte: their order doesn't depend on any language."""
    return (
        String(32)
        .with_variant(postgresql.VARCHAR(32, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), *_MYSQL)
        .with_variant(sql_mssql.text_of(32), sql_mssql.NAME)
    )


def _short(length: int) -> TypeEngine[str]:
    """A text of up to so many characters."""
    return String(length).with_variant(sql_mssql.text_of(2 * length), sql_mssql.NAME)


def _bytes() -> TypeEngine[bytes]:
    """Bytes of any length."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)


def _text() -> TypeEngine[str]:
    """A text of any length: MySQL's own TEXT ends at 64 KiB."""
    longest = Text().with_variant(mysql.LONGTEXT(), *_MYSQL)
    return longest.with_variant(sql_mssql.text_of(), sql_mssql.NAME)
