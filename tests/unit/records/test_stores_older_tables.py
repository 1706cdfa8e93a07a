"""Tables that an older version made: they get what they lack, and nothing in them is lost."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from sqlalchemy import text

from podium.errors import StoreError
from podium.records.stores.sql import SqlStore
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import APPLICATION_ID, MIGRATIONS
from podium.testing.stores.samples import sample

COLUMNS = "id, time_us, model, version, inputs, outputs, outcome, latency_us, source, actor"


def values(**more: object) -> dict[str, object]:
    one = sample(1)
    said = {name: getattr(one, name) for name in COLUMNS.split(", ")}
    return said | {"inputs": one.inputs.decode(), "outputs": one.outputs.decode(), **more}


def test_a_file_from_before_there_were_owners_keeps_its_records(tmp_path: Path):
    path = tmp_path / "podium.db"
    file = apsw.Connection(str(path))
    file.execute(MIGRATIONS[0])
    file.pragma("application_id", APPLICATION_ID)
    file.pragma("user_version", 1)
    marks = ", ".join(f":{name}" for name in COLUMNS.split(", "))
    file.execute(f"INSERT INTO record ({COLUMNS}) VALUES ({marks})", values(actor="ada"))
    file.close()

    store = SqliteStore(path)
    store.insert([sample(2, owner="user:7")])

    old, new = store.get(sample(1).id), store.get(sample(2).id)
    assert old is not None
    assert new is not None
    assert (old.actor, old.owner, new.owner) == ("ada", None, "user:7")
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
def test_a_table_of_a_database_gets_the_column_that_it_lacks(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
):
    address = f"sqlite+pysqlite:///{tmp_path}/records.db"
    if database != "sqlite":
        address = request.getfixturevalue(database).new_database()
    before = SqlStore(address)
    before.insert([sample(1, actor="ada")])
    with before.engine.begin() as connection:
        connection.execute(text("ALTER TABLE podium_record DROP COLUMN owner"))
    before.close()

    by_migrations = SqlStore(address, creates=False)
    with pytest.raises(StoreError, match="no column owner"):
        by_migrations.get(sample(1).id)
    by_migrations.close()
    store = SqlStore(address)
    store.insert([sample(2, owner="user:7")])

    old, new = store.get(sample(1).id), store.get(sample(2).id)
    assert old is not None
    assert new is not None
    assert (old.actor, old.owner, new.owner) == ("ada", None, "user:7")
    store.close()
