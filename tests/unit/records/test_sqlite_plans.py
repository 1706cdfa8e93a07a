"""No page of a SqliteStore reads more than its own records, or sorts."""

from __future__ import annotations

import pytest

from podium.records.store import Order, RecordQuery
from podium.records.stores.sqlite import SqliteStore, page_statement
from podium.testing.stores.samples import NOON_US, pages, sample

BY_MODEL = "record_by_model"
PLANS = [
    (RecordQuery(), "record_by_time", "SCAN"),
    (RecordQuery(since_us=1, until_us=2), "record_by_time (time_us>? AND time_us<?)", "SEARCH"),
    (RecordQuery(model="a"), f"{BY_MODEL} (model=?)", "SEARCH"),
    (RecordQuery(model="a", since_us=1), f"{BY_MODEL} (model=? AND time_us>?)", "SEARCH"),
    (
        RecordQuery(model="a", since_us=1, until_us=2),
        f"{BY_MODEL} (model=? AND time_us>? AND time_us<?)",
        "SEARCH",
    ),
    (RecordQuery(model="a", outcome_min=1, outcome_max=2), f"{BY_MODEL} (model=?)", "SEARCH"),
    (RecordQuery(model="a", version="1", actor="b"), f"{BY_MODEL} (model=?)", "SEARCH"),
    (RecordQuery(model="a", has_feedback=False), f"{BY_MODEL} (model=?)", "SEARCH"),
    (RecordQuery(model="a", has_feedback=True), "record_by_feedback (model=?)", "SEARCH"),
    (RecordQuery(model="a", outcome="b"), "record_by_outcome (model=? AND outcome=?)", "SEARCH"),
    (
        RecordQuery(model="a", outcome="b", since_us=1),
        "record_by_outcome (model=? AND outcome=? AND time_us>?)",
        "SEARCH",
    ),
    (RecordQuery(model="a", outcome="3"), "record_by_outcome (model=? AND outcome=?)", "SEARCH"),
    (RecordQuery(model="a", outcome="v1.5"), "record_by_outcome (model=? AND outcome=?)", "SEARCH"),
    (RecordQuery(model="a", outcome="-0.5e-7"), f"{BY_MODEL} (model=?)", "SEARCH"),
    (RecordQuery(model="a", business_keys=("b",)), "record_by_key (business_key=?)", "SEARCH"),
    (RecordQuery(business_keys=("b",)), "record_by_key (business_key=?)", "SEARCH"),
    (RecordQuery(model="a", id_prefix="019"), f"{BY_MODEL} (model=?)", "SEARCH"),
]


def plan(
    store: SqliteStore,
    query: RecordQuery,
    after: tuple[int, str] | None,
    order: Order = "newest",
) -> list[str]:
    statement, values = page_statement(query, after, order)
    with store._connections.reading() as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", (*values, 51)).fetchall()
    return [step[3] for step in steps]


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize(("query", "index", "verb"), PLANS)
def test_a_page_goes_through_one_index_and_sorts_nothing(
    store: SqliteStore, query: RecordQuery, index: str, verb: str, order: Order
) -> None:
    assert plan(store, query, None, order) == [f"{verb} record USING INDEX {index}"]


@pytest.mark.parametrize("query", [query for query, _, _ in PLANS])
def test_a_later_page_begins_where_the_one_before_ended(
    store: SqliteStore, query: RecordQuery
) -> None:
    (down,) = plan(store, query, (NOON_US, sample(1).id))
    (up,) = plan(store, query, (NOON_US, sample(1).id), "oldest")

    assert down.startswith("SEARCH record USING INDEX")
    assert up.startswith("SEARCH record USING INDEX")
    assert "time_us<?" in down
    assert "time_us>?" in up


ODD = "0.5 -0.5 3.0 3 -3 1e-05 1.5e-05 .5 -.5 5. v1.5 é1.5 1é.5 . - -. [1.5] * 1*.5"


@pytest.mark.parametrize("outcome", [*ODD.split(), "", "1.5\nx", "1\n.5", "\u0661.5", "1.\u0665"])
def test_whatever_an_outcome_looks_like_it_is_found(store: SqliteStore, outcome: str) -> None:
    store.insert([sample(1, outcome=outcome), sample(2, outcome="other")])

    page = store.page(RecordQuery(model=sample(1).model, outcome=outcome), limit=9)

    assert [one.id for one in page.records] == [sample(1).id]


def test_an_id_that_is_nearly_whole_is_looked_up_among_the_ids(store: SqliteStore) -> None:
    step, *_ = plan(store, RecordQuery(model="a", id_prefix=sample(1).id[:12]), None)

    assert step == "SEARCH record USING INDEX record_by_id (id>? AND id<?)"


def test_a_page_far_down_costs_no_more_than_the_first(store: SqliteStore) -> None:
    store.insert([sample(n) for n in range(5_000)])
    query = RecordQuery(model="penguins", until_us=sample(10_000).time_us)
    n_steps, n_before = 0, 0
    costs: list[int] = []

    def count() -> bool:
        nonlocal n_steps
        n_steps += 1
        return False

    with store._connections.reading() as connection:
        connection.set_progress_handler(count, 10)
    for _ in pages(store, query, limit=50):
        costs.append(n_steps - n_before)
        n_before = n_steps

    assert len(costs) == 100
    assert costs[1] > 0
    assert max(costs[1:]) <= 1.2 * costs[1]
