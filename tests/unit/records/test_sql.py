"""Records in relational databases: what goes wrong with them, and what they do about it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from podium.errors import StoreError
from podium.records.store import InsertResult, RecordQuery
from podium.records.stores.sql import SqlStore
from podium.testing.databases import PostgresServer
from podium.testing.stores.samples import NOON_US, feedback, ids, ids_of, pages, sample

pytestmark = pytest.mark.slow


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    return request.getfixturevalue(request.param)


def executed(store: SqlStore, statement: str) -> list[tuple[object, ...]]:
    engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def test_a_database_that_is_away_is_a_store_error_without_the_password(free_port):
    store = SqlStore(f"postgresql://ada:secret@127.0.0.1:{free_port}/records")

    with pytest.raises(StoreError, match=r"ada:\*\*\*@127\.0\.0\.1") as raised:
        store.insert([sample(1)])

    assert "secret" not in str(raised.value)
    assert "check that the database runs" in raised.value.hint
    store.close()


def test_a_database_that_comes_back_is_used_again():
    with PostgresServer() as server:
        store = SqlStore(server.new_database())
        store.insert([sample(1)])
        server.stop()

        with pytest.raises(StoreError):
            store.insert([sample(2)])
        server.start()

        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
        assert ids(store) == ids_of(2, 1)
        store.close()


def test_connections_that_the_server_dropped_fail_nobody(server):
    store = SqlStore(server.new_database())
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: store.insert([sample(n)]), range(8)))
    end = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mariadb": "KILL USER podium",
    }[store.engine.dialect.name]
    other = create_engine(store.engine.url)

    # MariaDB ends the one that says so, too.
    with suppress(DBAPIError), other.connect() as connection:
        connection.execute(text(end))
    is_told = store.set_feedback(sample(1).id, feedback())

    other.dispose()
    assert is_told is True
    assert len(ids(store)) == 8
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_makes_connections_of_its_own(server):
    store = SqlStore(server.new_database())
    store.insert([sample(1)])

    pid = os.fork()
    if not pid:  # the child: whatever happens, it must end here
        status = 1
        try:
            store.insert([sample(2)])
            status = 0 if set(ids(store)) >= set(ids_of(2, 1)) else 2
            store.close()
        finally:
            os._exit(status)
    for n in range(10, 20):
        store.insert([sample(n)])
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert ids(store) == ids_of(*range(19, 9, -1), 2, 1)
    store.close()


def test_processes_that_make_the_table_at_once_all_find_it(server):
    address = server.new_database()
    stores = [SqlStore(address) for _ in range(6)]

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda n: stores[n].insert([sample(n)]), range(6)))

    assert results == [InsertResult(inserted=1)] * 6
    for store in stores:
        store.close()


def test_an_address_of_mysql_reaches_mariadb_too(mariadb):
    store = SqlStore(mariadb.new_database().replace("mariadb://", "mysql://"))

    result = store.insert([sample(1, outcome="yes"), sample(2, outcome="Yes "), sample(1)])

    assert (result.inserted, result.duplicates) == (2, 1)
    assert ids(store, RecordQuery(outcome="Yes")) == []
    assert ids(store, RecordQuery(outcome="Yes ")) == ids_of(2)
    store.close()


def test_a_table_that_migrations_make_is_not_made_here(postgresql):
    address = postgresql.new_database()
    metadata = MetaData()
    store = SqlStore(address, metadata=metadata, creates=False)

    with pytest.raises(StoreError, match="has no table podium_record") as raised:
        store.insert([sample(1)])
    metadata.create_all(store.engine)

    assert "flask db upgrade" in raised.value.hint
    assert store.insert([sample(1)]) == InsertResult(inserted=1)
    store.close()


def test_an_engine_of_somebody_else_is_left_open(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    store = SqlStore(engine)
    store.insert([sample(1)])

    store.close()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM podium_record")).scalar() == 1
    engine.dispose()


def test_errors_contain_no_values(server):
    store = SqlStore(server.new_database())
    store.insert([sample(1)])
    executed(store, "DROP TABLE podium_record")

    with pytest.raises(StoreError) as raised:
        store.insert([sample(2, outcome="row value")])

    assert "podium_record" in str(raised.value)
    assert "row value" not in str(raised.value)
    store.close()


def test_what_the_encoding_of_a_database_lacks_fails_alone(postgresql):
    store = SqlStore(postgresql.new_database())
    executed(store, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    latin = SqlStore(store.engine.url.set(database="latin").render_as_string(hide_password=False))

    others = SqlStore(create_engine(latin.engine.url))

    result = latin.insert([sample(1, outcome="já"), sample(2, outcome="👩🏽"), sample(3)])
    again = others.insert([sample(1), sample(2, outcome="👩🏽"), sample(4)])

    problem = "the database can't store it: "
    assert result.failed == {sample(2).id: f"{problem}UntranslatableCharacter"}
    assert again.failed == {sample(2).id: f"{problem}UnicodeEncodeError"}
    assert (result.inserted, result.duplicates) == (2, 0)
    assert (again.inserted, again.duplicates) == (1, 1)
    assert ids(latin) == ids_of(4, 3, 1)
    for one in (latin, others):
        with pytest.raises(StoreError):
            one.set_feedback(sample(1).id, feedback(note="👩🏽"))
        one.engine.dispose()
    store.close()


def test_texts_may_be_long_but_the_name_of_a_model(server):
    store = SqlStore(server.new_database())
    beginning = "very" * 30_000
    records = [sample(n, outcome=f"{beginning}{n}", version="1" * 70_000) for n in range(3)]

    result = store.insert([*records, sample(9, model="m" * 256)])

    assert (result.inserted, list(result.failed)) == (3, ids_of(9))
    assert ids(store, RecordQuery(outcome=f"{beginning}2")) == ids_of(2)
    assert store.get(records[1].id) == records[1]
    store.close()


def test_a_full_batch_is_inserted_in_bulk(server):
    store = SqlStore(server.new_database())
    store.insert([sample(0)])
    calls: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *call: calls.append(call[2]))

    result = store.insert([sample(n) for n in range(1, 2_001)])

    assert result.inserted == 2_000
    assert not any("INSERT" in one for one in calls)
    store.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (RecordQuery(), "podium_record_by_time"),
        (RecordQuery(since_us=NOON_US), "podium_record_by_time"),
        (RecordQuery(model="penguins"), "podium_record_by_model"),
        (RecordQuery(model="penguins", outcome="Gentoo"), "podium_record_by_outcome"),
        (RecordQuery(model="ages", outcome="0.5"), "podium_record_by_model"),
    ],
)
def test_a_page_goes_through_one_index_and_sorts_nothing(large, query, index):
    first = next(pages(large, query, limit=50))

    plan = str(executed(large, f"EXPLAIN {large.statement(query, (first[-1].time_us, 'f'))}"))

    assert index in plan
    assert "sort" not in plan.lower()


@pytest.mark.parametrize("outcome", [None, "Adelie"])
def test_a_page_far_down_reads_no_more_rows_than_the_first(mariadb, outcome):
    store = StoreWithPlans(mariadb.new_database())
    for start in range(0, 3_000, 1_000):
        store.insert([sample(n) for n in range(start, start + 1_000)])
    query = RecordQuery(model="penguins", outcome=outcome)

    for place in (sample(2_900), sample(1_500), sample(100)):
        with store.engine.connect() as connection:
            page = store.statement(query, (place.time_us, place.id))
            connection.execute(text("FLUSH STATUS"))
            assert len(connection.execute(text(page)).fetchall()) == 51
            status = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read_%'"))
            assert sum(int(count) for _, count in status) < 60

    store.close()


ODD = "0.5 -0.5 3.0 3 -3 1e-05 1.5e-05 .5 5. v1.5 é1.5 - -. [1.5] 1*.5"


def test_whatever_an_outcome_looks_like_it_is_found(server):
    store = SqlStore(server.new_database())
    outcomes = [*ODD.split(), "", " ", "1.5\nx", "1\n.5", "\u0661.5", "1.\u0665"]

    store.insert([sample(n, outcome=one) for n, one in enumerate(outcomes)])

    for n, one in enumerate(outcomes):
        assert ids(store, RecordQuery(model=sample().model, outcome=one)) == ids_of(n)
        assert ids(store, RecordQuery(outcome=one, until_us=2**52)) == ids_of(n)
    store.close()


def test_numbers_with_a_fraction_are_found_that_an_earlier_version_inserted(server):
    store = SqlStore(server.new_database())
    store.insert([sample(1, outcome="0.5"), sample(2, outcome="0.5"), sample(3, outcome="3")])
    executed(store, f"UPDATE podium_record SET outcome_start = '0.5' WHERE id = '{sample(1).id}'")

    assert ids(store, RecordQuery(model=sample().model, outcome="0.5")) == ids_of(2, 1)
    assert ids(store, RecordQuery(outcome="3")) == ids_of(3)
    store.close()


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def large(request):
    """A store of some thousand records, of which each planner knows how many there are."""
    store = StoreWithPlans(request.getfixturevalue(request.param).new_database())
    records = [
        sample(
            n,
            model="flights" if n % 30 else "penguins" if n % 60 else "ages",
            outcome="0.5" if not n % 60 else "Adelie" if n % 90 else "Gentoo",
            inputs=b'{"a":"%b"}' % (b"x" * 300),
        )
        for n in range(12_000)
    ]
    for start in range(0, len(records), 2_000):
        store.insert(records[start : start + 2_000])
    is_postgresql = store.engine.dialect.name == "postgresql"
    executed(store, "ANALYZE podium_record" if is_postgresql else "ANALYZE TABLE podium_record")
    yield store
    store.close()


class StoreWithPlans(SqlStore):
    def statement(self, query: RecordQuery, after: tuple[int, str]) -> str:
        """The SELECT of a later page, its values written in."""
        statement = self._page(query, limit=50, after=after)
        return str(statement.compile(self.engine, compile_kwargs={"literal_binds": True}))
