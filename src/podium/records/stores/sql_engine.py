"""The database under a SqlStore: its connections, transactions and errors."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    Insert,
    Select,
    create_engine,
    insert,
    inspect,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateColumn, Table

from podium.errors import SetupError, StoreError
from podium.records import forks
from podium.records.open import without_password
from podium.records.stores import sql_mssql, sql_psycopg, sql_sqlite
from podium.records.stores.sql_errors import failure_of

T = TypeVar("T")

CONNECT_S = 5
# Databases and the proxies before them drop connections that have been idle for long.
RECYCLE_S = 1_800
TRIES = 8
TRY_AGAIN_S = 0.02
# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret
# Deadlock and serialization failure; in MySQL's numbers deadlock and lock wait timeout.
_TRY_AGAIN_STATES = ("40P01", "40001")
_TRY_AGAIN_NUMBERS = (1213, 1205, 1020)
_NO_RIGHT = 1142  # of MariaDB and MySQL: a right on a table that the user lacks
_LOST_S = 30

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+mssqlpython",
}


def engine_of(address: str) -> Engine:
    """An engine for the database at an address such as `postgresql://user:password@host/name`.

    It isn't connected yet. The default drivers are psycopg, PyMySQL and mssql-python.

    Raises:
        SetupError: the address is invalid, or SQLAlchemy doesn't know the database.
        ModuleNotFoundError: the driver isn't installed.
    """
    try:
        url = make_url(address)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        name = url.get_backend_name()
        engine = create_engine(
            url,
            connect_args=_arguments(url),
            **(sql_mssql.OPTIONS if url.drivername == _DRIVERS["mssql"] else {}),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_S,
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # Without the address, which may contain a password.
        raise SetupError(
            "the URL of the store is invalid",
            hint="write it as postgresql://user:password@host:5432/name or mysql://...",
        ) from error
    if name == "sqlite":
        sql_sqlite.prepare(engine)
    if url.drivername == _DRIVERS["mssql"]:
        sql_mssql.prepare(engine, statement_s=_LOST_S)
    if url.drivername == _DRIVERS["postgresql"]:
        sql_psycopg.prepare(engine, response_s=_LOST_S)
    return engine


class Database(forks.ForkAware):
    """Connections for reading and writing; failures are raised as StoreError.

    A forked process leaves its parent's connections alone and opens its own. Those to a SQLite file
    are closed before a fork, because a child must not inherit them at all.
    """

    def __init__(self, engine: Engine, *tables: Table, creates: bool) -> None:
        self.engine = engine
        # Twice: there may also be one in the options.
        self.where = without_password(engine.url.render_as_string(hide_password=True))
        self._tables = tables
        self._creates = creates
        self._lock = threading.Lock()
        self._is_prepared = False
        self._is_closed = False
        self._pid = os.getpid()
        is_sqlite = engine.dialect.name == "sqlite"
        self._is_file = is_sqlite and isinstance(engine.pool, QueuePool)
        self._gate = forks.gate if self._is_file else nullcontext()
        forks.watch(self)
        # Reading needs no transaction: one statement sees one state, and that saves two round
        # trips.
        self._reader = engine if is_sqlite else _isolated(engine, "AUTOCOMMIT")
        # Under MySQL's default isolation inserts lock the gaps between records, and each other out.
        self._writer = engine if is_sqlite else _isolated(engine, "READ COMMITTED")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection for reading, and return its result.

        Raises:
            StoreError: the database failed.
        """
        with self.failures(), self._gate:
            self._prepare()
            return _again(lambda: self._read(work))

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, which is committed as a whole or not at all.

        It is repeated after a conflict with other transactions, and after the connection was lost,
        possibly after the commit: repeating it must be harmless.

        Raises:
            StoreError: the database failed.
        """
        with self.failures(), self._gate:
            self._prepare()
            return _again(lambda: self._written(work))

    def before_fork(self) -> None:
        """Close the connections to a SQLite file."""
        if self._is_file:
            with suppress(SQLAlchemyError):
                self.engine.dispose()

    def close(self) -> None:
        """Close all idle connections."""
        self._is_closed = True
        self._reset_after_fork()
        self.engine.dispose()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn exceptions of SQLAlchemy and the driver into a StoreError."""
        try:
            yield
        except SQLAlchemyError as error:
            raise failure_of(self.where, error) from error
        except UnicodeEncodeError as error:
            raise StoreError(
                f"{self.where} can't store this text: its encoding is {error.encoding}",
                hint="create the database again, with UTF-8 as its encoding",
            ) from error

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    def _written(self, work: Callable[[Connection], T]) -> T:
        with self._writer.begin() as connection:
            return work(connection)

    def _prepare(self) -> None:
        """Create tables that are missing, once in each process."""
        if self._is_closed:
            raise StoreError("the store is closed")
        self._reset_after_fork()
        if self._is_prepared:
            return
        with self._lock:
            if not self._is_prepared:
                for table in self._tables:
                    self._create(table) if self._creates else self._require_columns(table)
                self._is_prepared = True

    def lacks_tables(self) -> bool:
        """Whether a table is missing, and can't or mustn't be created.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            if self._is_prepared or not self._missing():
                return False
        with suppress(StoreError):
            self.read(lambda _: None)
            return False
        with self.failures():
            return self._missing()

    def _missing(self) -> bool:
        inspector = inspect(self.engine)
        try:
            return not all(inspector.has_table(one.name) for one in self._tables)
        except DBAPIError as error:
            # MariaDB says so, too, of a table that isn't there.
            if error.orig is None or error.orig.args[:1] != (_NO_RIGHT,):
                raise
            return True

    def _create(self, table: Table) -> None:
        with self._ignoring_existing(table, table.columns):
            table.create(self.engine, checkfirst=True)
        for column in self._lacking(table):
            with self._ignoring_existing(table, [column]):
                self._add(table, column)
        for index in self._lacking_indexes(table):
            try:
                index.create(self.engine, checkfirst=True)
            except DBAPIError:
                if index in self._lacking_indexes(table):  # else another process was faster
                    raise

    def _lacking_indexes(self, table: Table) -> list[Index]:
        """The indexes that the table of an older version doesn't have."""
        found = inspect(self.engine).get_indexes(table.name)
        names = {one["name"] for one in found}
        return sorted(
            (one for one in table.indexes if one.name not in names),
            key=lambda one: str(one.name),
        )

    @contextmanager
    def _ignoring_existing(self, table: Table, columns: Iterable[Column[Any]]) -> Iterator[None]:
        """Ignore the failure if another process created these columns at the same moment."""
        try:
            yield
        except DBAPIError as error:
            names = {column.name for column in self._lacking(table)}
            if error.connection_invalidated or any(column.name in names for column in columns):
                raise

    def _add(self, table: Table, column: Column[Any]) -> None:
        """Add a column that is missing in a table of an older version."""
        dialect = self.engine.dialect
        name = dialect.identifier_preparer.format_table(table)
        definition = CreateColumn(column).compile(dialect=dialect)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD {definition}")

    def _require_columns(self, table: Table) -> None:
        lacking = [column.name for column in self._lacking(table)]
        if lacking:
            has_table = len(lacking) < len(table.columns)
            raise StoreError(
                f"{self.where}: table {table.name} has no column {', '.join(lacking)}"
                if has_table
                else f"{self.where} has no table {table.name}",
                hint="create it with your migrations (flask db migrate, flask db upgrade)",
            )

    def _lacking(self, table: Table) -> list[Column[Any]]:
        """The columns that the table lacks; all of them if there is no table."""
        inspector = inspect(self.engine)
        names: set[str] = set()
        if inspector.has_table(table.name):
            names = {one["name"] for one in inspector.get_columns(table.name)}
        return [column for column in table.columns if column.name not in names]

    def _reset_after_fork(self) -> None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            # The parent's threads, one of which may hold it, don't exist here.
            self._lock = threading.Lock()
            if self.engine.dialect.name == sql_mssql.NAME:
                forks.abandon(self.engine.pool)  # its driver would log the parent out
            self.engine.dispose(close=False)


def insert_rows(
    connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert rows with the statement of `insert_of`; returns how many weren't there before."""
    if connection.dialect.name == sql_mssql.NAME:
        return sql_mssql.insert_absent(connection, cast("Table", statement.table), rows)
    return connection.execute(statement, rows).rowcount


def insert_of(table: Table, dialect: str) -> Insert:
    """An insert that leaves existing rows unchanged; see `insert_rows`."""
    if dialect == "postgresql":
        statement: Insert = postgresql.insert(table).on_conflict_do_nothing()
    elif dialect == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    elif dialect == sql_mssql.NAME:
        statement = insert(table)
    else:
        # Under the driver's flags, ON DUPLICATE KEY UPDATE also counts rows that already exist.
        statement = insert(table).prefix_with("IGNORE")
    return statement.execution_options(preserve_rowcount=True)


def locking(statement: Select[Any], table: Table) -> Select[Any]:
    """A select that locks the rows that it reads until the transaction ends."""
    hinted = statement.with_hint(table, sql_mssql.FOR_UPDATE, sql_mssql.NAME)
    return hinted.with_for_update()


def _isolated(engine: Engine, level: Any) -> Engine:
    return engine.execution_options(isolation_level=level)


def _again(work: Callable[[], T]) -> T:
    """Run `work` again after failures that a retry may cure."""
    for tried in range(1, TRIES + 1):
        try:
            return work()
        except DBAPIError as error:
            # A lost connection is retried once: the database may be down, too.
            is_worth_it = (error.connection_invalidated and tried == 1) or _is_conflict(error)
            if tried == TRIES or not is_worth_it:
                raise
        time.sleep(TRY_AGAIN_S * tried * _random.uniform(0.5, 1))
    raise AssertionError("the last try returned or raised")


def _is_conflict(error: DBAPIError) -> bool:
    """Whether it failed because of a conflict with other transactions, so that a retry helps."""
    cause = error.orig
    return (
        getattr(cause, "sqlstate", None) in _TRY_AGAIN_STATES
        or (cause is not None and cause.args[:1] != () and cause.args[0] in _TRY_AGAIN_NUMBERS)
        or "database is locked" in str(cause)
        or sql_mssql.is_conflict(error)
    )


def _arguments(url: URL) -> dict[str, Any]:
    """Driver arguments besides the address: the timeouts for an unreachable database."""
    usual: dict[str, dict[str, Any]] = {
        # A peer that doesn't respond at all is given up, rather than after a quarter of an hour.
        "postgresql+psycopg": {
            "connect_timeout": CONNECT_S,
            "tcp_user_timeout": _LOST_S * 1_000,
            "application_name": "podium",
            "client_encoding": "utf8",  # whatever the database's default is
        },
        "mysql+pymysql": {"connect_timeout": CONNECT_S, "read_timeout": _LOST_S},
        "mssql+mssqlpython": {
            "timeout": CONNECT_S,
            "attrs_before": {sql_mssql.CONNECTION_TIMEOUT: _LOST_S},
        },
    }
    usual["mariadb+pymysql"] = usual["mysql+pymysql"]
    chosen = usual.get(url.drivername, {})
    return {name: value for name, value in chosen.items() if name not in url.query}
