"""Opens stores by their address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from podium import plugins
from podium.errors import SetupError
from podium.plugins import needs
from podium.records.store import Store

# The extra that installs what a store needs, and its class, which takes the address. The part after
# a plus names SQLAlchemy's driver; `sqlite:` without one is a file.
STORES: Mapping[str, tuple[str, str]] = {
    "memory": ("", "podium.records.stores.memory:MemoryStore"),
    "postgresql": ("postgresql", "podium.records.stores.sql:SqlStore"),
    "postgres": ("postgresql", "podium.records.stores.sql:SqlStore"),
    "mysql": ("mysql", "podium.records.stores.sql:SqlStore"),
    "mariadb": ("mysql", "podium.records.stores.sql:SqlStore"),
    "elasticsearch": (
        "elasticsearch",
        "podium.records.stores.elasticsearch:ElasticsearchStore",
    ),
    "opensearch": ("opensearch", "podium.records.stores.opensearch:OpensearchStore"),
    "couchbase": ("couchbase", "podium.records.stores.couchbase:CouchbaseStore"),
    "couchbases": ("couchbase", "podium.records.stores.couchbase:CouchbaseStore"),
    "mssql": ("sqlserver", "podium.records.stores.sql:SqlStore"),
    "cassandra": ("cassandra", "podium.records.stores.cassandra:CassandraStore"),
    "dynamodb": ("dynamodb", "podium.records.stores.dynamodb:DynamoStore"),
    "sqlite": ("sql", "podium.records.stores.sql:SqlStore"),
    "mongodb": ("mongodb", "podium.records.stores.mongodb:MongoStore"),
    "redis": ("redis", "podium.records.stores.redis:RedisStore"),
    "rediss": ("redis", "podium.records.stores.redis:RedisStore"),
    "valkey": ("redis", "podium.records.stores.redis:RedisStore"),
    "valkeys": ("redis", "podium.records.stores.redis:RedisStore"),
}
_SCHEMES = sorted(set(STORES) - {"memory", "sqlite"})
_BUILT_IN = f"built in: sqlite:///podium.db, memory:, {', '.join(_SCHEMES)}"
_PASSWORD = re.compile(
    r"(?<=://)([^:/?#]*:).*@|(password=|pwd=|AWS_SESSION_TOKEN:)[^&]*", re.IGNORECASE
)


def open_store(address: str | Path, *, is_late: bool = False) -> Store:
    """The store at an address.

    Args:
        address: a path or `sqlite:///path` for a SQLite file (three slashes and a relative path, or
            four and an absolute one), `memory:` for a store in memory, `postgresql://`, `mysql://`,
            `mariadb://`, `mssql://` or `sqlite+pysqlite:///` for SQLAlchemy, `redis://`, or any address whose
            scheme is in STORES, or a package registers in the entry-point group `podium.stores`.
        is_late: whether a SQLite file is opened only when it is first needed, and never created.

    Raises:
        SetupError: the scheme is unknown, or there is no path.
        MissingExtra: the driver of this database isn't installed.
        StoreError: the database can't be opened.
    """
    file = file_of(address)
    if file is not None:
        return _sqlite(file, is_late=is_late)
    address = str(address)
    scheme = address.partition(":")[0]
    if scheme.partition("+")[0] not in STORES:
        return _plugged_in(scheme, address)
    extra, place = STORES[scheme.partition("+")[0]]
    module, _, name = place.partition(":")
    with needs(extra):
        store: Store = getattr(import_module(module), name)(address)
    return store


def file_of(address: str | Path) -> Path | None:
    """The SQLite file at an address; None if it isn't the address of a file.

    Raises:
        SetupError: it contains no path.
    """
    if isinstance(address, Path):
        return address
    scheme, colon, rest = address.partition(":")
    # Without a scheme it is a path, and so is one that begins with a drive letter.
    if not colon or len(scheme) == 1:
        scheme, rest = "sqlite", f"///{address}"
    return _path(rest, address) if scheme == "sqlite" else None


def without_password(address: str) -> str:
    """An address without its password, for display."""
    return _PASSWORD.sub(lambda match: f"{match[1]}***@" if match[1] else f"{match[2]}***", address)


def _sqlite(path: Path, *, is_late: bool) -> Store:
    from podium.records.stores.sqlite import SqliteStore

    # Shipped records are deleted from the outbox: if they weren't on the disk by then, a power
    # failure could lose records that the outbox had protected from it. It costs one wait for up to
    # 2,000 records.
    return SqliteStore(path, synchronous="FULL", is_late=is_late)


def _path(text: str, address: str) -> Path:
    path = text.removeprefix("///")
    if not path or path.startswith("//"):
        raise SetupError(
            f"{address!r} has no file name",
            hint="write sqlite:///podium.db or sqlite:////srv/podium.db",
        )
    return Path(path)


def _plugged_in(scheme: str, address: str) -> Store:
    try:
        factory = plugins.load("stores", scheme)
    except SetupError as error:
        raise SetupError(error.message, hint=f"{error.hint}; {_BUILT_IN}") from error
    store: Store = factory(address)
    return store
