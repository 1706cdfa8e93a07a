"""Stores by their address."""

from __future__ import annotations

from pathlib import Path

from podium import plugins
from podium.errors import SetupError
from podium.records.store import Store

_BUILT_IN = "built in: sqlite:///podium.db, memory:"


def open_store(address: str | Path) -> Store:
    """The store at an address.

    Args:
        address: a path or `sqlite:///path` for a SQLite file (three slashes and a relative path, or
            four and an absolute one), `memory:` for none, or any address whose scheme a package
            registers in the entry-point group `podium.stores`.

    Raises:
        SetupError: nobody knows the scheme, or there is no path.
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
    return _plugged_in(scheme, address)


def _sqlite(path: Path) -> Store:
    from podium.records.stores.sqlite import SqliteStore

    # What was shipped is deleted from the outbox: were it not on the disk by then, the loss of
    # power would take what the outbox had kept from it. It costs one wait for up to 2,000 records.
    return SqliteStore(path, synchronous="FULL")


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
