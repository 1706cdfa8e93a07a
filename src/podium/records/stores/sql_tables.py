"""The table of records in a relational database, as SQLAlchemy describes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Double, Index, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

TABLE = "podium_record"
MODEL_LENGTH = 255
# No database has an index of whole texts of any length. So much of an outcome tells most of them
# apart; the outcome itself is compared then.
START_LENGTH = 64

_MYSQL = ("mysql", "mariadb")
_UTF8: dict[str, Any] = {
    f"{name}_{key}": value
    for name in _MYSQL
    for key, value in {"charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}


def record_table(metadata: MetaData) -> Table:
    """The table `podium_record` in this metadata; the same one however often it is asked for.

    Alembic's autogenerate, and so Flask-Migrate, sees what is in the metadata of an application.
    """
    if TABLE in metadata.tables:
        return metadata.tables[TABLE]
    table = Table(
        TABLE,
        metadata,
        Column("id", _id(), primary_key=True),
        Column("time_us", BigInteger, nullable=False, autoincrement=False),
        Column("model", String(MODEL_LENGTH), nullable=False),
        Column("version", _text(), nullable=False),
        Column("inputs", _text(), nullable=False),
        Column("outputs", _text(), nullable=False),
        Column("outcome", _text(), nullable=False),
        Column("outcome_start", String(START_LENGTH), nullable=False),
        Column("outcome_number", Double),
        Column("latency_us", BigInteger, nullable=False),
        Column("source", _text(), nullable=False),
        Column("actor", _text()),
        Column("feedback_truth", _text()),
        Column("feedback_time_us", BigInteger),
        Column("feedback_actor", _text()),
        Column("feedback_note", _text()),
        **_UTF8,
    )
    # Pages are found in an index that ends in (time_us, id), as in a SqliteStore.
    Index("podium_record_by_time", table.c.time_us, table.c.id)
    Index("podium_record_by_model", table.c.model, table.c.time_us, table.c.id)
    Index(
        "podium_record_by_outcome",
        table.c.model,
        table.c.outcome_start,
        table.c.time_us,
        table.c.id,
    )
    is_told = table.c.feedback_time_us.is_not(None)
    # Where there are no partial indexes it would be that of the model once more.
    Index(
        "podium_record_by_feedback",
        table.c.model,
        table.c.time_us,
        table.c.id,
        postgresql_where=is_told,
        sqlite_where=is_told,
    ).ddl_if(callable_=_has_partial_indexes)
    return table


def _has_partial_indexes(*_: object, dialect: Dialect, **__: object) -> bool:
    return dialect.name not in _MYSQL


def _id() -> TypeEngine[str]:
    """32 hex digits, compared byte by byte: an order that no language has a say in."""
    return (
        String(32)
        .with_variant(postgresql.VARCHAR(32, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), *_MYSQL)
    )


def _text() -> TypeEngine[str]:
    """A text of any length: MySQL's own TEXT ends at 64 KiB."""
    return Text().with_variant(mysql.LONGTEXT(), *_MYSQL)
