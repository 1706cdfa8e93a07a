"""Stores by their address."""

from __future__ import annotations

import re
from pathlib import Path

from podium import plugins
from podium.errors import SetupError
from podium.plugins import needs
from podium.records.store import Store

_BUILT_IN = "built in: sqlite:///podium.db, memory:, postgresql://..., mysql://..., mariadb://..."
# What comes after a plus names SQLAlchemy's driver.
_SQL = ("postgresql", "postgres", "mysql", "mariadb")
_PASSWORD = re.compile(r"(?<=://)([^:/?#]*:).*@|(password=)[^&]*")


def open_store(address: str | Path) -> Store:
    """The store at an address.

    Args:
        address: a path or `sqlite:///path` for a SQLite file (three slashes and a relative path, or
            four and an absolute one), `memory:` for none, `postgresql://`, `mysql://`, `mariadb://` or
            `sqlite+pysqlite:///` for SQLAlchemy's, or any address whose scheme a package registers
            in the entry-point group `podium.stores`.

    Raises:
        SetupError: nobody knows the scheme, or there is no path.
        MissingExtra: what reaches this database isn't installed.
        StoreError: the database can't be opened.
    """
    from podium.records.stores.memory import MemoryStore

    if isinstance(address, Path):
        return _sqlite(address)
    scheme, colon, rest = address.partition(":")
    # Without a scheme it is a path, as is one that begins with the letter of a drive.
    if not colon or len(scheme) == 1:
        scheme, rest = "sqlite", f"///{address}"
    if scheme == "memory":
        return MemoryStore()
    if scheme == "sqlite":
        return _sqlite(_path(rest, address))
    if scheme.partition("+")[0] in (*_SQL, "sqlite"):
        return _sql(address)
    return _plugged_in(scheme, address)


def without_password(address: str) -> str:
    """An address as it may be shown."""
    return _PASSWORD.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", address)


def _sqlite(path: Path) -> Store:
    from podium.records.stores.sqlite import SqliteStore

    # What was shipped is deleted from the outbox: were it not on the disk by then, the loss of
    # power would take what the outbox had kept from it. It costs one wait for up to 2,000 records.
    return SqliteStore(path, synchronous="FULL")


def _sql(address: str) -> Store:
    with needs("sql"):
        from podium.records.stores.sql import SqlStore

    return SqlStore(address)


def _path(text: str, address: str) -> Path:
    path = text.removeprefix("///")
    if not path or path.startswith("//"):
        raise SetupError(
            f"{address!r} names no file",
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
