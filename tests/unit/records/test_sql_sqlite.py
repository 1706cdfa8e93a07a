"""A SQLite file through SQLAlchemy that is removed or replaced while it is in use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.records.stores.sql import SqlStore
from podium.testing.stores.samples import ids, ids_of, sample


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def store(path: Path):
    store = SqlStore(f"sqlite+pysqlite:///{path}")
    yield store
    store.close()


def removed(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def test_a_removed_file_is_an_error_and_isnt_created_again(path, store):
    store.insert([sample(1)])
    removed(path)

    for call in (lambda: store.insert([sample(2)]), lambda: ids(store)):
        with pytest.raises(StoreError, match=r"records\.db was removed") as raised:
            call()

    assert raised.value.reason == "records.db was removed"
    assert not path.exists()


def test_a_file_that_was_there_at_the_start_isnt_created_by_a_later_first_use(path):
    SqlStore(f"sqlite+pysqlite:///{path}").insert([sample(1)])
    late = SqlStore(f"sqlite+pysqlite:///{path}")
    removed(path)

    with pytest.raises(StoreError, match=r"records\.db was removed"):
        late.insert([sample(2)])

    assert not path.exists()
    late.close()


def test_a_copy_that_is_put_in_its_place_is_used(path, store, caplog):
    store.insert([sample(1)])
    store.engine.dispose()  # its log is in the file now
    shutil.copy(path, path.with_name("copy"))
    store.insert([sample(2)])
    removed(path)
    shutil.move(path.with_name("copy"), path)

    store.insert([sample(3)])

    assert ids(store) == ids_of(3, 1)
    assert "store_replaced" in caplog.text
