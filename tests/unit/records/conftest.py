"""A store in a file, and what other programs see of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.records.stores.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "podium.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


@pytest.fixture
def sql(path: Path) -> Callable[[str], list[Any]]:
    """What somebody else's program reads from, or does to, the file."""

    def run(statement: str) -> list[Any]:
        connection = apsw.Connection(str(path))
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    return run
