"""Stores are found by their address."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from podium.distribution import install_command
from podium.errors import MissingExtra, SetupError, StoreError
from podium.records.open import open_store, without_password
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids, ids_of, sample

PLUG_IN = """
from podium.records.stores.memory import MemoryStore

class ShelfStore(MemoryStore):
    def __init__(self, address):
        super().__init__()
        self.address = address
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("address", ["memory:", "memory://"])
def test_memory_is_built_in(address: str) -> None:
    assert isinstance(open_store(address), MemoryStore)


@pytest.mark.parametrize("address", ["sqlite:///kept.db", "sqlite:kept.db", "kept.db"])
def test_an_address_may_name_a_file_beside_you(address: str, here: Path) -> None:
    store = open_store(address)
    store.insert([sample(1)])
    store.close()

    again = SqliteStore(here / "kept.db")
    assert ids(again) == ids_of(1)
    again.close()


@pytest.mark.parametrize("write", [lambda p: p, str, lambda p: f"sqlite:///{p}"])
def test_an_address_may_name_a_file_anywhere(write, tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "kept.db"

    open_store(write(path)).close()

    assert path.is_file()


@pytest.mark.parametrize("address", ["", "sqlite:", "sqlite:///", "sqlite://host/kept.db"])
def test_an_address_without_a_file_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(SetupError, match="has no file name") as raised:
        open_store(address)

    assert "sqlite:///podium.db" in raised.value.hint


def test_an_unknown_scheme_is_refused_and_the_known_are_listed() -> None:
    with pytest.raises(SetupError, match="'nodb'") as raised:
        open_store("nodb://user:secret@host/records")

    assert "sqlite:///" in raised.value.hint
    assert "memory:" in raised.value.hint
    assert "mongodb" in raised.value.hint
    assert "secret" not in str(raised.value)


def test_a_package_can_bring_a_store(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "shelf.py").write_text(PLUG_IN)
    about = here / "shelf-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[podium.stores]\nshelf = shelf:ShelfStore\n")
    monkeypatch.syspath_prepend(here)

    store = open_store("shelf://top/left")

    assert store.address == "shelf://top/left"
    store.insert([sample(1)])
    assert ids(store) == ids_of(1)
    del sys.modules["shelf"]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        open_store(tmp_path)

    assert raised.value.hint


@pytest.mark.parametrize(
    ("address", "backend", "driver"),
    [
        ("postgresql://ada@host/db", "postgresql", "psycopg"),
        ("postgres://ada@host/db", "postgresql", "psycopg"),
        ("postgresql+psycopg://ada@host/db", "postgresql", "psycopg"),
        ("mysql://ada@host/db", "mysql", "pymysql"),
        ("mariadb://ada@host/db", "mariadb", "pymysql"),
        ("mssql://ada@host/db", "mssql", "mssqlpython"),
        ("sqlite+pysqlite:///kept.db", "sqlite", "pysqlite"),
    ],
)
def test_an_address_may_name_a_relational_database(
    address: str, backend: str, driver: str, here: Path
) -> None:
    store = open_store(address)

    assert isinstance(store, SqlStore)
    assert (store.engine.dialect.name, store.engine.dialect.driver) == (backend, driver)
    store.close()


@pytest.mark.parametrize("address", ["postgresql:ada", "postgresql://ada:secret@host:port/db"])
def test_an_invalid_address_is_not_shown(address: str, here: Path) -> None:
    with pytest.raises(SetupError) as raised:
        open_store(address)

    assert "secret" not in str(raised.value)
    assert "postgresql://user:password@host" in raised.value.hint


@pytest.mark.parametrize(
    ("address", "module", "extra"),
    [
        ("postgresql://host/db", "psycopg", "postgresql"),
        ("postgres://host/db", "podium.records.stores.sql", "postgresql"),
        ("sqlite+pysqlite:///kept.db", "podium.records.stores.sql", "sql"),
        ("mariadb://host/db", "pymysql", "mysql"),
        ("mysql://host/db", "pymysql", "mysql"),
        ("mongodb+srv://host/db", "podium.records.stores.mongodb", "mongodb"),
    ],
)
def test_a_driver_that_is_missing_is_named(
    address: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra) as raised:
        open_store(address)

    assert raised.value.hint == install_command(extra)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ada:s@cr/et@host:1/db", "postgresql://ada:***@host:1/db"),
        ("postgresql://ada@host/db", "postgresql://ada@host/db"),
        ("mysql://host/db?password=secret&ssl=1", "mysql://host/db?password=***&ssl=1"),
        (
            "mssql://host/db?UID=ada&PWD=secret&Encrypt=yes",
            "mssql://host/db?UID=ada&PWD=***&Encrypt=yes",
        ),
        ("mongodb+srv://ada:s@c,/ret@host/db?w=1", "mongodb+srv://ada:***@host/db?w=1"),
        (
            "mongodb://host/?tlsCertificateKeyFilePassword=secret&ssl=true",
            "mongodb://host/?tlsCertificateKeyFilePassword=***&ssl=true",
        ),
        (
            "mongodb://k@host/?authMechanismProperties=AWS_SESSION_TOKEN:secret&tls=true",
            "mongodb://k@host/?authMechanismProperties=AWS_SESSION_TOKEN:***&tls=true",
        ),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
        ("memory:", "memory:"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
