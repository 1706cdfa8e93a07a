"""Records in the app's own database: Flask-SQLAlchemy's engine, and tables by Flask-Migrate."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData

from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_tables import count_tables, record_table

if TYPE_CHECKING:
    from podium.records.store import Store


def opener_of(db: SQLAlchemy, *, bind_key: str | None = None) -> Callable[[Flask], Store]:
    """A function that opens the store of an app in each of its processes.

    From now on the tables of records and of counts belong to the metadata of `db`: Flask-Migrate
    sees them, and so does `db.create_all()`. They aren't created here.

    Args:
        bind_key: the database among SQLALCHEMY_BINDS; the default one if omitted.
    """
    metadata = _metadata_of(db, bind_key)
    record_table(metadata)
    count_tables(metadata)
    pid = os.getpid()

    def opened(app: Flask) -> Store:
        nonlocal pid
        with app.app_context():
            engine = db.engines[bind_key]
        if pid != os.getpid():
            # Connections that were opened before this process was forked belong to its parent.
            pid = os.getpid()
            engine.dispose(close=False)
        return SqlStore(engine, metadata=metadata, creates=False)

    return opened


def _metadata_of(db: SQLAlchemy, bind_key: str | None) -> MetaData:
    if bind_key not in db.metadatas:
        db.metadatas[bind_key] = MetaData(info={"bind_key": bind_key})
    return db.metadatas[bind_key]
