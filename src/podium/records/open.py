"""Stores by their address."""

from __future__ import annotations

from pathlib import Path

from podium import plugins
from podium.records.store import Store


def open_store(address: str | Path) -> Store:
    """The store at an address.

    Args:
        address: a path or `sqlite:///path` for a SQLite file, `memory:` for none, or any address
            whose scheme a package registers in the entry-point group `podium.stores`.

    Raises:
        SetupError: nobody knows the scheme.
        StoreError: the database can't be opened.
    """
    from podium.records.stores.memory import MemoryStore
    from podium.records.stores.sqlite import SqliteStore

    if isinstance(address, Path):
        return SqliteStore(address)
    scheme, colon, rest = address.partition(":")
    if address == "memory:":
        return MemoryStore()
    if scheme == "sqlite" or not colon:
        # As elsewhere: three slashes and a relative path, four and an absolute one.
        return SqliteStore(Path(rest.removeprefix("///") if colon else address))
    store: Store = plugins.load("stores", scheme)(address)
    return store
