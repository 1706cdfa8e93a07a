"""Counts of several servers in one store: exact, whatever fails on the way."""

from __future__ import annotations

import logging
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sqlalchemy import MetaData, text

import podium
from podium.errors import StoreError
from podium.monitoring import shared_counts as module
from podium.monitoring.counts_file import ENTRY_ROWS, CountsFile
from podium.monitoring.shared_counts import SharedCounts
from podium.records.counted import Entry, Key, Tally
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_counts import SqlCounts
from podium.records.stores.sql_tables import count_tables
from podium.testing import Client

KEY = Key("churn", "aa", "primary", 1_000)


def tally(*counts):
    return Tally('[[["field","age"],3]]', np.array([*counts, 0, 0][:3], np.int64), 1, 1)


def sums(counts):
    found = counts.read("churn", 0, 2_000)
    assert all(len(some) == 1 for some in found.values())
    return {key: int(one.counts[0]) for key, (one,) in found.items()}


class Failing(SqlCounts):
    """Counts whose connection breaks before or after a change."""

    fails = ""

    def add(self, entry, tallies):
        if self.fails == "before":
            raise StoreError("the database is gone")
        super().add(entry, tallies)
        if self.fails == "after":
            raise StoreError("the connection was lost")

    def last_hours(self):
        if self.fails == "before":
            raise StoreError("the database is gone")
        return super().last_hours()

    def read(self, *args):
        if self.fails == "before":
            raise StoreError("the database is gone")
        return super().read(*args)


@pytest.fixture
def store(tmp_path):
    made = SqlStore(f"sqlite+pysqlite:///{tmp_path}/records.db")
    made.counts = Failing(made.engine, MetaData(), creates=True)
    yield made
    made.close()


@pytest.fixture
def servers(store, tmp_path):
    """Counts of two servers, which ship when they are asked to."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shared = SharedCounts(CountsFile(tmp_path / name / "monitoring.db"), store.counts)
        shared._stop.set()  # no thread
        made.append(shared)
    yield made
    for one in made:
        one.close()


def test_servers_with_one_store_read_the_same(servers):
    a, b = servers
    a.add({KEY: tally(1)})
    b.add({KEY: tally(10), KEY._replace(hour=1_001): tally(5)})
    assert (sums(a)[KEY], sums(b)[KEY]) == (1, 10)

    assert a.ship()
    assert b.ship()

    assert sums(a) == sums(b) == {KEY: 11, KEY._replace(hour=1_001): 5}
    assert a._file.move() is None


def test_the_last_hours_are_those_of_all_servers_also_while_the_store_is_down(
    servers, store, monkeypatch
):
    monkeypatch.setattr(module, "LAST_S", -1.0)
    a, b = servers
    a.add({KEY: tally(1)})
    a.ship()
    a.add({KEY._replace(hour=1_002): tally(1)})
    assert (a.last_hours(), b.last_hours()) == ({"churn": 1_002}, {"churn": 1_000})
    a.ship()
    assert b.last_hours() == {"churn": 1_002}

    store.counts.fails = "before"

    assert b.last_hours() == {"churn": 1_002}


def test_what_waits_counts_where_it_waits(servers):
    a, _ = servers
    a.add({KEY: tally(1)})
    a.ship()
    a.add({KEY: tally(2)})
    a._file.move()
    a.add({KEY: tally(4)})

    assert sums(a) == {KEY: 7}


def test_an_answer_that_was_lost_counts_nothing_twice(servers, store):
    a, b = servers
    a.add({KEY: tally(1)})
    store.counts.fails = "after"
    with pytest.raises(StoreError):
        a.ship()
    a.add({KEY: tally(10)})
    between = sums(a), sums(b)
    with pytest.raises(StoreError):
        a.ship()
    store.counts.fails = ""
    a.ship()

    assert between == ({KEY: 11}, {KEY: 1})
    assert sums(a) == sums(b) == {KEY: 11}


def test_a_store_that_is_down_loses_nothing_even_if_the_process_ends(servers, store, tmp_path):
    a, b = servers
    store.counts.fails = "before"
    for n in (1, 2):
        a.add({KEY: tally(n)})
        with pytest.raises(StoreError, match="gone"):
            a.ship()
    with pytest.raises(StoreError, match="gone"):
        a.read("churn", 0, 2_000)
    a.close()

    store.counts.fails = ""
    again = SharedCounts(CountsFile(tmp_path / "a" / "monitoring.db"), store.counts)
    again.ship()

    assert sums(again) == sums(b) == {KEY: 3}
    again.close()


@pytest.mark.slow
def test_the_thread_ships_and_says_once_that_it_cannot(store, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "SHIP_S", 0.01)
    monkeypatch.setattr(module, "SHIP_MAX_S", 0.01)
    shared = SharedCounts(CountsFile(tmp_path / "monitoring.db"), store.counts)
    store.counts.fails = "before"
    with caplog.at_level(logging.ERROR, "podium"):
        shared.add({KEY: tally(1)})
        waited = threading.Event()
        for _ in range(1_200):
            if "counts_not_shipped" in caplog.text:
                break
            waited.wait(0.05)
        waited.wait(0.1)
    store.counts.fails = ""
    shared.close()  # ships what waits

    assert caplog.text.count("counts_not_shipped") == 1
    assert store.counts.read("churn", 0, 2_000)[0][KEY][0].counts[0] == 1


def test_without_tables_counts_stay_in_the_file_until_there_are_some(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.0)
    store = SqlStore(f"sqlite+pysqlite:///{tmp_path}/records.db", creates=False)
    shared = SharedCounts(CountsFile(tmp_path / "monitoring.db"), store.counts)
    shared._stop.set()
    shared.add({KEY: tally(1)})

    shared.ship()
    without = sums(shared)
    shared.make_days(0)
    metadata = MetaData()
    count_tables(metadata)
    metadata.create_all(store.engine)
    shared.ship()

    assert without == sums(shared) == {KEY: 1}
    assert store.counts.read("churn", 0, 2_000)[0][KEY][0].counts[0] == 1
    shared.close()
    store.close()


def test_a_copied_home_is_another_server(servers, store, tmp_path):
    a, _ = servers
    a.add({KEY: tally(1)})
    a.ship()
    a.close()
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    copy = SharedCounts(CountsFile(tmp_path / "copy" / "monitoring.db"), store.counts)
    copy._stop.set()
    for one in (a, copy):
        one.add({KEY: tally(10)})
    copy.ship()
    a.ship()

    assert sums(copy) == sums(a) == {KEY: 21}
    copy.close()


def test_many_rows_are_shipped_in_parts(servers):
    a, b = servers
    a.add({KEY._replace(hour=hour): tally(1) for hour in range(2 * ENTRY_ROWS + 1)})

    a.ship()

    assert sum(sums(b).values()) == 2 * ENTRY_ROWS + 1


def test_days_and_what_is_old_are_those_of_the_store(servers):
    a, b = servers
    for n, one in enumerate(servers):
        one.add({KEY._replace(hour=hour): tally(1) for hour in range(n, 48)})
        one.ship()

    a.make_days(24)
    b.forget(1)

    assert sums(b) == {KEY._replace(hour=hour): 2 for hour in range(24, 48)}


def test_reading_while_counts_move_is_exact(servers):
    a, b = servers
    a.add({KEY: tally(1)})
    a.ship()
    ended = threading.Event()

    def move():
        while not ended.is_set():
            a.ship()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for n in range(2, 40):
            a.add({KEY: tally(1)})
            assert sums(a) == {KEY: n}
    finally:
        ended.set()
        mover.join()
    a.ship()

    assert sums(b) == {KEY: 39}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_two_apps_on_one_database_agree(database, tmp_path, request):
    server = request.getfixturevalue(database)
    address = server.new_database()
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"x": random.normal(size=500)})
    target = np.where(rows.x > 0, "yes", "no")
    model = LogisticRegression().fit(rows, target)
    bundle = podium.pack(model, rows, target, path=tmp_path / "churn.podium", name="churn")
    apps = [podium.App(bundle, home=str(tmp_path / name), store=address) for name in ("a", "b")]
    for n, app in enumerate(apps, 1):
        app.start()
        for _ in range(n):
            body = [{"x": float(at)} for at in range(10)]
            assert Client(app).post("/api/models/churn/predict", body).status == 200
    for app in apps:
        app.monitoring.flush()
        app.monitoring._file.ship()

    reports = [app.monitoring.report("churn") for app in apps]
    for app in apps:
        app.close()

    assert [one.n_rows for one in reports] == [30, 30]
    store = SqlStore(address)
    with store.engine.begin() as connection:
        n_sources = connection.execute(text("SELECT count(*) FROM podium_count_source")).scalar()
    assert n_sources == 2
    store.close()


@pytest.mark.slow
def test_a_user_with_least_rights_adds_to_tables_that_are_there(postgresql):
    owner = SqlStore(postgresql.new_database())
    owner.insert([])
    assert owner.counts.is_there()
    others = SqlStore(postgresql.new_database())  # has no tables for counts yet
    for store in (owner, others):
        with store.engine.begin() as connection:
            connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
            if store is owner:
                connection.execute(text("CREATE ROLE least LOGIN PASSWORD 'x'"))
                rights = "SELECT, INSERT, UPDATE, DELETE ON podium_count, podium_count_source"
                connection.execute(text(f"GRANT {rights} TO least"))
    users = [
        SqlStore(one.engine.url.set(username="least", password="x").render_as_string(False))
        for one in (owner, others)
    ]

    assert [one.counts.is_there() for one in users] == [True, False]
    users[0].counts.add(Entry("a", 1), [(KEY, tally(1))])
    users[0].counts.make_days(2_000)
    users[0].counts.forget(500)
    assert len(owner.counts.read("churn", 0, 2_000)[0]) == 1
    with pytest.raises(StoreError):
        users[1].counts.add(Entry("a", 1), [(KEY, tally(1))])
    for store in (owner, others, *users):
        store.close()
