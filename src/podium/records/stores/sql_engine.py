"""The database under a SqlStore: how it is reached, in which transactions, and how it fails."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.schema import Table

from podium.errors import SetupError, StoreError
from podium.plugins import needs

T = TypeVar("T")

CONNECT_S = 5
# Databases and what stands in front of them drop connections that were idle for long.
RECYCLE_S = 1_800
TRIES = 8
TRY_AGAIN_S = 0.02
# Deadlock, and serialization failure; the same, and a lock waited for too long, in MySQL's numbers.
_TRY_AGAIN_STATES = ("40P01", "40001")
_TRY_AGAIN_NUMBERS = (1213, 1205, 1020)
_LOST_S = 30

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# What a driver that isn't installed is called among the extras.
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def engine_of(address: str) -> Engine:
    """An engine for the database at an address such as `postgresql://user:password@host/name`.

    Nothing is connected yet. Without a named driver it is psycopg or PyMySQL.

    Raises:
        SetupError: the address can't be read, or SQLAlchemy knows no such database.
        MissingExtra: the driver isn't installed.
    """
    try:
        url = make_url(address)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        name = url.get_backend_name()
        with needs(_EXTRAS.get(name, "sql")):
            engine = create_engine(
                url,
                connect_args=_arguments(url),
                hide_parameters=True,
                pool_pre_ping=True,
                pool_recycle=RECYCLE_S,
            )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # Without the address: it may hold a password.
        raise SetupError(
            "the address of the store can't be read",
            hint="write it as postgresql://user:password@host:5432/name or mysql://...",
        ) from error
    if name == "sqlite":
        event.listen(engine, "connect", _use_log)
    return engine


class Database:
    """Connections of an engine, for reading and for writing; what goes wrong is a StoreError.

    A process that was forked leaves its parent's connections alone and makes its own.
    """

    def __init__(self, engine: Engine, table: Table, *, creates: bool) -> None:
        self.engine = engine
        self.where = engine.url.render_as_string(hide_password=True)
        self._table = table
        self._creates = creates
        self._lock = threading.Lock()
        self._is_made = False
        self._is_closed = False
        self._pid = os.getpid()
        is_sqlite = engine.dialect.name == "sqlite"
        # Reading needs no transaction: one statement sees one state, and two round trips are saved.
        self._reader = engine if is_sqlite else _isolated(engine, "AUTOCOMMIT")
        # Under MySQL's usual isolation inserts lock the gaps between records, and each other out.
        self._writer = engine if is_sqlite else _isolated(engine, "READ COMMITTED")

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            self._prepare()
            return _again(lambda: self._read(work))

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, in a transaction that is committed whole or not at all.

        It is run again where others locked it out, and where the connection was lost, maybe only
        after it was committed: what it does must bear that.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            self._prepare()
            return _again(lambda: self._written(work))

    def close(self) -> None:
        """Let go of every connection that is idle."""
        self._is_closed = True
        self._leave_parent()
        self.engine.dispose()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what SQLAlchemy and the driver raise into a StoreError."""
        try:
            yield
        except SQLAlchemyError as error:
            # The first line: those after it quote statements and values.
            cause = error.orig if isinstance(error, DBAPIError) else error
            said = str(cause).strip().partition("\n")[0] or type(cause).__name__
            raise StoreError(f"{self.where}: {said}", hint=_hint_of(error)) from error
        except UnicodeEncodeError as error:
            raise StoreError(
                f"{self.where} can't hold this text: its encoding is {error.encoding}",
                hint="make the database anew, with UTF-8 as its encoding",
            ) from error

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    def _written(self, work: Callable[[Connection], T]) -> T:
        with self._writer.begin() as connection:
            return work(connection)

    def _prepare(self) -> None:
        """Make the table where it is missing, once in each process."""
        if self._is_closed:
            raise StoreError("the store is closed")
        self._leave_parent()
        if self._is_made:
            return
        with self._lock:
            if not self._is_made:
                self._make() if self._creates else self._find()
                self._is_made = True

    def _make(self) -> None:
        try:
            self._table.create(self.engine, checkfirst=True)
        except DBAPIError as error:
            # Another process may have made it at the same moment.
            if error.connection_invalidated or not inspect(self.engine).has_table(self._table.name):
                raise

    def _find(self) -> None:
        if not inspect(self.engine).has_table(self._table.name):
            raise StoreError(
                f"{self.where} has no table {self._table.name}",
                hint="make it with your migrations (flask db migrate, flask db upgrade)",
            )

    def _leave_parent(self) -> None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            # Its threads, one of which may hold it, are the parent's.
            self._lock = threading.Lock()
            self.engine.dispose(close=False)


def _isolated(engine: Engine, level: Any) -> Engine:
    return engine.execution_options(isolation_level=level)


def _again(work: Callable[[], T]) -> T:
    """What `work` returns, tried again where that may help."""
    for tried in range(1, TRIES + 1):
        try:
            return work()
        except DBAPIError as error:
            # A lost connection is tried once more: the database may be away, too.
            is_worth_it = (error.connection_invalidated and tried == 1) or _is_in_the_way(error)
            if tried == TRIES or not is_worth_it:
                raise
        time.sleep(TRY_AGAIN_S * tried * random.uniform(0.5, 1))  # noqa: S311 - no secret
    raise AssertionError("the last try returned or raised")


def _is_in_the_way(error: DBAPIError) -> bool:
    """Whether others were in the way, which passes."""
    cause = error.orig
    return (
        getattr(cause, "sqlstate", None) in _TRY_AGAIN_STATES
        or (cause is not None and cause.args[:1] != () and cause.args[0] in _TRY_AGAIN_NUMBERS)
        or "database is locked" in str(cause)
    )


def _hint_of(error: SQLAlchemyError) -> str:
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_lost or isinstance(error, OperationalError):
        return "see that the database runs, can be reached, and lets this user in"
    return ""


def _arguments(url: URL) -> dict[str, Any]:
    """What drivers are told besides the address: how long to wait for a database that's away."""
    usual: dict[str, dict[str, Any]] = {
        # A peer that answers nothing at all is given up, rather than after a quarter of an hour.
        "postgresql+psycopg": {
            "connect_timeout": CONNECT_S,
            "tcp_user_timeout": _LOST_S * 1_000,
            "application_name": "podium",
            "client_encoding": "utf8",  # whatever the database's own is
        },
        "mysql+pymysql": {"connect_timeout": CONNECT_S, "read_timeout": _LOST_S},
    }
    usual["mariadb+pymysql"] = usual["mysql+pymysql"]
    chosen = usual.get(url.drivername, {})
    return {name: value for name, value in chosen.items() if name not in url.query}


def _use_log(connection: Any, _: object) -> None:
    """Readers and the writer of a SQLite file don't wait for each other in a WAL."""
    connection.execute("PRAGMA journal_mode=WAL").close()
