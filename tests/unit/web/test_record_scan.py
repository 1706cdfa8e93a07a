"""Records that are read to find some: how many at most, in which order, and their totals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podium.records.record import Feedback, Record
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.signature import Field, Output, Signature
from podium.web import record_scan
from podium.web.record_columns import columns_of
from podium.web.record_conditions import conditions_of
from podium.web.record_scan import Sorting, scan
from podium.web.record_totals import BARS_MAX, Totals, chart_of

COLUMNS = columns_of(Signature(fields=(Field(name="x"),), outputs=(Output(),)))
HOUR_US = 3_600_000_000


def record(n: int, x: Any = None, **changes: Any) -> Record:
    usual: dict[str, Any] = {
        "id": f"{n:032x}",
        "time_us": n * HOUR_US,
        "model": "m",
        "version": "1",
        "inputs": msgspec.json.encode({"x": n if x is None else x}),
        "outputs": b"{}",
        "outcome": str(float(n)),
        "outcome_number": float(n),
    }
    return Record(**(usual | changes))


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.insert([record(n) for n in range(1_200)])
    return made


def numbers(records: tuple[Record, ...]) -> list[int]:
    return [int(one.id, 16) for one in records]


def test_a_scan_ends_where_it_may_read_no_more_and_goes_on_from_there(store: MemoryStore):
    conditions, _ = conditions_of({"f1": "in.x", "o1": "le", "v1": "690"}, COLUMNS, [])

    first = scan(store, RecordQuery(), conditions, sorting=Sorting(), most=600)
    second = scan(
        store, RecordQuery(), conditions, sorting=Sorting(), most=600, cursor=first.cursor
    )

    assert (first.n_read, numbers(first.records)[:1], len(first.records)) == (600, [690], 91)
    assert first.last is not None
    assert first.last.id == f"{600:032x}"
    assert (second.n_read, second.cursor, len(second.records)) == (600, None, 600)
    assert first.totals.n_records + second.totals.n_records == 691


def test_long_records_end_a_scan_earlier(store: MemoryStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record_scan, "SCAN_BYTES", 100)

    found = scan(store, RecordQuery(), (), sorting=Sorting())

    assert found.n_read == 500
    assert found.cursor is not None


def test_records_are_sorted_by_values_of_any_type():
    store = MemoryStore()
    values = [3, "b", None, 2.5, True, "A", 10**400, [1]]
    store.insert(
        [
            record(n, inputs=msgspec.json.encode({"x": x}) if x != 10**400 else b'{"x": 1e308}')
            for n, x in enumerate(values)
        ]
    )

    up = scan(store, RecordQuery(), (), sorting=Sorting(COLUMNS["in.x"], is_descending=False))
    down = scan(store, RecordQuery(), (), sorting=Sorting(COLUMNS["in.x"]))

    assert numbers(up.records) == [4, 3, 0, 6, 7, 5, 1, 2]
    assert numbers(down.records) == [1, 5, 7, 6, 0, 3, 4, 2]


def test_the_oldest_come_first_where_they_are_asked_for(store: MemoryStore):
    found = scan(store, RecordQuery(), (), sorting=Sorting(None, is_descending=False), most=3)

    assert numbers(found.records) == [0, 1, 2]
    assert Sorting(None, is_descending=False).parameters == {"sort": "time"}
    assert Sorting(COLUMNS["in.x"]).parameters == {"sort": "-in.x"}
    assert Sorting().parameters == {}


def test_totals_are_those_of_the_numbers():
    totals = Totals()
    for n in (1, 2, 6):
        totals.add(record(n, feedback=Feedback(truth=b"1", time_us=1) if n == 6 else None))

    assert totals.facts("mm") == [
        ("Records", "3"),
        ("Mean", "3\u00a0mm"),
        ("Least", "1\u00a0mm"),
        ("Greatest", "6\u00a0mm"),
        ("Standard deviation", "2.646\u00a0mm"),
        ("With feedback", "1 (33.3\u00a0%)"),
    ]
    assert totals.shares == []
    assert Totals().facts() == [("Records", "0")]


def test_labels_are_counted_and_the_rare_ones_together():
    totals = Totals()
    for n in range(40):
        label = "often" if n < 20 else f"label {n}"
        totals.add(record(n, outcome=label, outcome_number=None))

    assert totals.shares[0] == ("often", 20, "50.0\u00a0%", "50.00")
    assert len(totals.shares) == 9
    assert totals.shares[-1][:2] == ("13 others", 13)


@pytest.mark.parametrize(
    ("times_s", "step"),
    [
        ([0, 5], "1 second"),
        ([0, 3_000], "1 minute"),
        ([0, 86_400 * 30], "1 day"),
        ([0, 86_400 * 365 * 40], "1 year"),
        ([0, 250_000_000_000], "one part of the time"),
    ],
)
def test_a_bar_covers_a_usual_length_of_time(times_s: list[int], step: str):
    chart = chart_of([n * 1_000_000 for n in times_s])

    assert chart is not None
    assert chart.step == step
    assert 2 <= chart.path.count("M") <= BARS_MAX + 1
    assert chart.most == 1


def test_the_highest_bar_is_named():
    chart = chart_of([0, *(HOUR_US * 5 + n for n in range(9)), HOUR_US * 30])

    assert chart is not None
    assert chart.caption == (
        "Each bar covers 1 hour; the highest has 9 records, from 1970-01-01 05:00 UTC."
    )
    assert (chart.start, chart.end) == ("1970-01-01 00:00", "1970-01-02 06:00")


@pytest.mark.parametrize("times_us", [[], [5], [5, 5, 5], [5, 6]])
def test_one_moment_has_no_chart(times_us: list[int]):
    assert chart_of(times_us) is None
