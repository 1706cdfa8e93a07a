"""Many rows at once: what was inserted is read back unchanged, whatever is in it."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import create_engine, event, text

from podium.records.store import InsertResult, RecordQuery
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_bulk import STATEMENT_BYTES
from podium.testing.stores.samples import decoded, feedback, ids, ids_of, sample

pytestmark = pytest.mark.slow

# What COPY, an INSERT, a driver or SQLAlchemy gives a meaning.
ODD = ("\t", "\n", "\r", "\\", r"\N", r"\.", r"\t", "'", "''", '"', "%s", "%(id)s", ":id", "\x1a")
SEPARATORS = ("a\x1fb", "\x1e", "\x1f\x1e", "\x7f", "é\x1f", "NULL", "", " ")


@pytest.fixture(params=["postgresql", "mariadb"])
def store(request):
    store = SqlStore(request.getfixturevalue(request.param).new_database())
    yield store
    store.close()


def ordinary_inserts(store: SqlStore) -> list[str]:
    """Gets each INSERT that isn't done in bulk."""
    calls: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *call: calls.append(call[2]))
    return calls


def run(store: SqlStore, *statements: str) -> None:
    with store.engine.begin() as connection:
        for one in statements:
            connection.execute(text(one))


def test_texts_come_back_whatever_they_mean_elsewhere(store: SqlStore):
    some = [*ODD, *SEPARATORS, "".join(ODD), "".join(SEPARATORS)]
    records = [
        sample(
            n,
            outcome=one,
            version=one,
            actor=one or None,
            outcome_number=None if n % 2 else n / 3,
            feedback=feedback(one, note=one) if n % 3 else None,
        )
        for n, one in enumerate(some)
    ]
    store.insert([sample(99)])
    calls = ordinary_inserts(store)

    result = store.insert(records)

    assert result == InsertResult(inserted=len(some))
    assert not any("INSERT" in one for one in calls)
    assert [decoded(store.get(one.id)) for one in records] == [decoded(one) for one in records]
    for n, one in enumerate(some):
        assert ids(store, RecordQuery(outcome=one)) == ids_of(n)


def test_numbers_come_back_exactly(store: SqlStore):
    numbers = [0.0, -0.0, 0.1 + 0.2, 1e300, 5e-324, -1.5e-7, 2.0**53 + 2, 123456789012345.67, 3.0]

    store.insert([sample(n, outcome_number=one) for n, one in enumerate(numbers)])
    store.insert([sample(100, outcome_number=-0.0), sample(101, outcome_number=-0.0)])

    found = [store.get(one).outcome_number for one in ids_of(*range(len(numbers)), 100, 101)]
    assert found == [*numbers, 0.0, 0.0]
    if store.engine.dialect.name == "postgresql":  # MariaDB reads -0.0 as 0.0
        assert [math.copysign(1, one) for one in found if one == 0] == [1, -1, -1, -1]


def test_a_batch_with_a_record_that_is_there_is_counted_exactly(store: SqlStore):
    store.insert([sample(n) for n in range(5)])
    store.set_feedback(sample(1).id, feedback("Gentoo"))

    result = store.insert([sample(n, outcome="other") for n in range(3, 9)])
    again = store.insert([sample(n, outcome="other") for n in range(9)])

    assert result == InsertResult(inserted=4, duplicates=2)
    assert again == InsertResult(inserted=0, duplicates=9)
    assert ids(store, RecordQuery(outcome="other")) == ids_of(8, 7, 6, 5)
    assert ids(store, RecordQuery(has_feedback=True)) == ids_of(1)


def test_a_batch_longer_than_a_statement_is_inserted_whole(store: SqlStore):
    wide = b'{"essay":"%b"}'
    long = [sample(n, inputs=wide % (b"x" * 60_000)) for n in range(40)]
    longer = [sample(n, inputs=wide % (b"y" * (STATEMENT_BYTES + n))) for n in (50, 51)]

    result = store.insert([*long, *longer, sample(60)])

    assert result == InsertResult(inserted=43)
    assert store.get(longer[1].id) == longer[1]
    assert ids(store) == ids_of(60, 51, 50, *range(39, -1, -1))


def test_a_mode_in_which_a_backslash_is_a_letter_changes_nothing(mariadb):
    engine = create_engine(
        SqlStore(mariadb.new_database()).engine.url,
        connect_args={"init_command": "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"},
    )
    store = SqlStore(engine)
    records = [sample(n, outcome=one, actor=one) for n, one in enumerate(ODD)]

    result = store.insert(records)

    assert result == InsertResult(inserted=len(ODD))
    assert [store.get(one.id) for one in records] == records
    engine.dispose()


def test_where_copy_is_not_allowed_records_are_inserted(postgresql):
    owner = SqlStore(postgresql.new_database())
    owner.insert([sample(1)])
    run(
        owner,
        "DROP ROLE IF EXISTS writer",
        "CREATE ROLE writer LOGIN",
        "GRANT SELECT, INSERT ON podium_record TO writer",
        "ALTER TABLE podium_record ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_rows ON podium_record USING (true) WITH CHECK (true)",
    )
    store = SqlStore(create_engine(owner.engine.url.set(username="writer")))

    result = store.insert([sample(1), sample(2)])

    assert result == InsertResult(inserted=1, duplicates=1)
    assert ids(store) == ids_of(2, 1)
    run(owner, "DROP OWNED BY writer", "DROP ROLE writer")
    store.engine.dispose()
    owner.close()
