"""The contract for filters: they return exactly the records that match."""

# ruff: noqa: S311, D102 - tests: they assert, use random numbers, and their names are sentences

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from podium.errors import InputError
from podium.records.record import Record
from podium.records.store import ALL_FILTERS, Order, RecordQuery, Store
from podium.records.words import words_in, words_of
from podium.testing.stores.samples import (
    NOON_US,
    TEXTS,
    Settling,
    feedback,
    ids,
    ids_of,
    refuses,
    sample,
)

N_RECORDS = 80
N_QUERIES = 120
_ORDERS: tuple[Order, ...] = ("newest", "oldest")


class Filtering(Settling):
    """Pages of filtered records; filters that a store doesn't support are skipped."""

    def test_filters_leave_what_fits_and_in_order(self, store: Store) -> None:
        chance = random.Random(7)
        records = [_drawn(chance, number) for number in range(N_RECORDS)]
        self.fill(store, *records)

        for _ in range(N_QUERIES):
            query = _drawn_query(chance, records, store)
            wanted = [record for record in records if _fits(record, query)]
            wanted.sort(key=lambda record: (record.time_us, record.id), reverse=True)

            order = chance.choice(_ORDERS)
            matching = ids(store, query, limit=chance.choice((1, 7, 100)), order=order)

            expected = [record.id for record in wanted]
            assert matching == (expected if order == "newest" else expected[::-1]), query

    def test_a_filter_that_it_lacks_is_refused(self, store: Store) -> None:
        every: dict[str, Any] = {
            "has_feedback": False,
            "since_us": 0,
            "until_us": NOON_US,
            "outcome_min": 0.0,
            "outcome_max": 1.0,
            "ids": ("a",),
            "business_keys": ("a",),
            "role": "primary",
            "text": "Torgersen",
        }

        for name in ALL_FILTERS - store.features.filters:
            query = RecordQuery(**{name: every.get(name, "a")})
            assert refuses(InputError, partial(store.page, query, limit=1)), name

    def test_the_end_of_a_time_range_is_not_in_it(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(4)))

        query = RecordQuery(since_us=sample(1).time_us, until_us=sample(3).time_us)
        assert ids(store, query, limit=1) == ids_of(2, 1)
        assert ids(store, RecordQuery(since_us=-(2**63), until_us=2**63 - 1)) == ids(store)

    def test_a_cursor_of_other_filters_widens_none(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(6)))
        cursor = store.page(RecordQuery(), limit=1).cursor

        query = RecordQuery(until_us=sample(2).time_us)
        page = store.page(query, limit=5, cursor=cursor)
        assert [record.id for record in page.records] == ids_of(1, 0)

    def test_every_beginning_of_an_id_finds_it(self, store: Store) -> None:
        digits = "0123456789abcdef"
        last = [f"{'f' * 31}{digit}" for digit in digits]
        first = [f"{digit}{'0' * 31}" for digit in digits]
        self.fill(store, *(sample(n, id=one) for n, one in enumerate([*first, *last])))

        if "id_prefix" in store.features.filters:
            assert all(ids(store, RecordQuery(id_prefix=one)) == [one] for one in [*first, *last])
            assert ids(store, RecordQuery(id_prefix="f" * 31)) == last[::-1]
            assert ids(store, RecordQuery(id_prefix="f")) == [*last[::-1], first[-1]]

    def test_texts_fit_only_themselves(self, store: Store) -> None:
        self.fill(store, *(_written(number, text) for number, text in enumerate(TEXTS)))

        for name in store.features.filters & {"outcome", "actor", "owner", "business_keys"}:
            for number, text in enumerate(TEXTS):
                wanted: dict[str, Any] = {name: (text,) if name == "business_keys" else text}
                query = RecordQuery(**wanted)
                assert ids(store, query) == ids_of(number), (name, text)

    def test_what_no_record_has_fits_none(self, store: Store) -> None:
        self.fill(store, sample(1, outcome_number=1.5))
        odd: dict[str, Any] = {
            "outcome": "' OR 1=1 --",
            "model": "*",
            "outcome_min": float("nan"),
            "outcome_max": float("-inf"),
            "id_prefix": "019z",
            "ids": ("' OR 1=1 --", "\u20ac"),
            "business_keys": ("' OR 1=1 --", "%"),
        }

        for name in store.features.filters & odd.keys():
            assert ids(store, RecordQuery(**{name: odd[name]})) == [], name


def _written(number: int, text: str) -> Record:
    """A record with this text in every field that can be filtered by."""
    return sample(number, outcome=text, actor=text, owner=text, business_key=text)


def _drawn(chance: random.Random, number: int) -> Record:
    """A record that shares each of its values with some others."""
    return sample(
        number,
        time_us=NOON_US + chance.randrange(20),
        model=chance.choice(("penguins", "flights")),
        version=chance.choice(("1", "2", "10")),
        actor=chance.choice((None, "ada", "bob")),
        owner=chance.choice((None, "user:7", "user:70")),
        outcome=chance.choice(("Adelie", "Gentoo")),
        outcome_number=chance.choice((None, -1.5, 0.0, 2.0, 1e9)),
        feedback=chance.choice((None, None, feedback())),
        business_key=chance.choice((None, "4711", "4712", "47")),
        role=chance.choice(("primary", "primary", "shadow")),
    )


def _drawn_query(chance: random.Random, records: list[Record], store: Store) -> RecordQuery:
    """A query of up to four filters, whose values occur in records."""
    one = chance.choice(records)
    values: dict[str, Any] = {
        "model": one.model,
        "version": one.version,
        "actor": chance.choice(("ada", "bob", "nobody")),
        "owner": chance.choice(("user:7", "user:70", "ada")),
        "since_us": one.time_us,
        "until_us": one.time_us + chance.randrange(8),
        "outcome": one.outcome,
        "outcome_min": chance.choice((-1.5, 0.0, 1.0, float("-inf"))),
        "outcome_max": chance.choice((-1.5, 2.0, 1e12)),
        "has_feedback": chance.choice((True, False)),
        "id_prefix": one.id[: chance.choice((0, 1, 7, 8, 12, 31, 32))],
        "ids": tuple(chance.choice(records).id for _ in range(chance.randrange(9))),
        "role": chance.choice(("primary", "shadow", "replay")),
        "business_keys": chance.choice((("4711",), ("4711", "47"), ("4712", "no"), ())),
        "text": chance.choice(("ADA", "gentoo 4711", "torgersen")),
    }
    names = [name for name in values if name in store.features.filters]
    some = chance.sample(names, k=min(len(names), chance.randrange(5)))
    return RecordQuery(**{name: values[name] for name in some})


def _fits(record: Record, query: RecordQuery) -> bool:
    number = record.outcome_number
    criteria: dict[str, Callable[[Any], bool]] = {
        "model": lambda expected: record.model == expected,
        "version": lambda expected: record.version == expected,
        "actor": lambda expected: record.actor == expected,
        "owner": lambda expected: record.owner == expected,
        "since_us": lambda expected: record.time_us >= expected,
        "until_us": lambda expected: record.time_us < expected,
        "outcome": lambda expected: record.outcome == expected,
        "outcome_min": lambda expected: number is not None and number >= expected,
        "outcome_max": lambda expected: number is not None and number <= expected,
        "has_feedback": lambda expected: (record.feedback is not None) == expected,
        "id_prefix": lambda expected: record.id[: len(expected)] == expected,
        "ids": lambda expected: record.id in expected,
        "business_keys": lambda expected: record.business_key in expected,
        "role": lambda expected: record.role == expected,
        "text": lambda expected: words_in(expected) <= words_of(record),
    }
    filters = {name: getattr(query, name) for name in criteria}
    return all(criteria[name](value) for name, value in filters.items() if value is not None)
