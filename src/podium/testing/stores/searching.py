"""The contract for a search by words, of stores whose filters include `text`."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import msgspec

from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.testing.stores.samples import Settling, feedback, ids, ids_of, sample

# Texts, and searches that find them.
SEARCHES = (
    ("Dr. Ada Lovelace, 12 St. James's Square", "lovelace ADA"),
    ("caf\u00e9", "CAFE\u0301"),
    ("STRASSE", "stra\u00dfe"),
    ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
    ("\u6a5f\u68b0\u5b66\u7fd2", "\u5b66\u7fd2"),
    ("snake_case", "snake_case"),
    ("ada@example.com", "ada@example.com"),
    ("path/to\\\\file", "file path"),
    ("long" * 100, "LONG" * 100),
)

_Self = TypeVar("_Self")


def _of_stores_that_search(test: Callable[[_Self, Store], None]) -> Callable[[_Self, Store], None]:
    @wraps(test)
    def run(self: _Self, store: Store) -> None:
        if "text" in store.features.filters:
            test(self, store)

    return run


class Searching(Settling):
    """Finding records by their words; a store that can't search refuses `text` as any filter."""

    @_of_stores_that_search
    def test_a_search_finds_the_records_that_have_all_its_words(self, store: Store) -> None:
        some = ["red fox", "Red", "fox, and more red", "redder foxes", "fox"]
        self.fill(store, *(_with(n, text) for n, text in enumerate(some)))

        assert _found(store, "fox red") == ids_of(2, 0)
        assert _found(store, "RED") == ids_of(2, 1, 0)
        assert _found(store, "fox fox") == ids_of(4, 2, 0)
        assert _found(store, "fo") == _found(store, "blue") == _found(store, "fox blue") == []

    @_of_stores_that_search
    def test_a_search_knows_words_of_every_script(self, store: Store) -> None:
        self.fill(store, *(_with(n, text) for n, (text, _) in enumerate(SEARCHES)))

        for n, (text, wanted) in enumerate(SEARCHES):
            assert _found(store, wanted) == ids_of(n), text

    @_of_stores_that_search
    def test_a_search_looks_at_values_and_not_at_names(self, store: Store) -> None:
        inputs = {"alpha": [{"beta": 39.1}, True, None], "gamma": -7.0, "delta": 2**60}
        self.fill(store, sample(1, inputs=msgspec.json.encode(inputs)), sample(2))

        assert all(_found(store, one) == ids_of(1) for one in ("39.1 true", "7", str(2**60)))
        for name in ("alpha", "beta", "null", "39", "prediction", "inputs", "gentoo"):
            assert _found(store, name) == [], name

    @_of_stores_that_search
    def test_a_search_finds_actors_and_names(self, store: Store) -> None:
        self.fill(store, sample(1, actor="Grace Hopper", outcome="Mark I", business_key="A-7"))

        assert all(_found(store, one) == ids_of(1) for one in ("hopper", "mark", "a-7", "7 grace"))

    @_of_stores_that_search
    def test_a_search_finds_feedback_and_forgets_what_was_corrected(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2, feedback=feedback("Macaroni")), sample(3))
        store.set_feedback(sample(1).id, feedback({"kind": "Rockhopper"}, note="by phone"))
        store.set_feedback_many({sample(2).id: feedback("Royal")}, model="penguins")
        self.settle(store)

        assert _found(store, "rockhopper PHONE") == ids_of(1)
        assert _found(store, "royal") == ids_of(2)
        assert _found(store, "macaroni") == []
        assert _found(store, "torgersen") == ids_of(3, 2, 1)

    @_of_stores_that_search
    def test_a_search_narrows_with_other_filters_and_over_pages(self, store: Store) -> None:
        self.fill(store, *(_with(n, "even" if n % 2 == 0 else "odd") for n in range(20)))

        assert _found(store, "even", limit=3) == ids_of(*range(18, -1, -2))
        until_us = sample(9).time_us
        assert _found(store, "odd", until_us=until_us, limit=1) == ids_of(7, 5, 3, 1)

    @_of_stores_that_search
    def test_a_search_without_words_finds_nothing(self, store: Store) -> None:
        self.fill(store, sample(1))

        for text in ("", " ", "*", "!?", '"', "\\", "(", "-", "torgersen*tor"):
            assert _found(store, text) == [], text

    @_of_stores_that_search
    def test_what_looks_like_syntax_is_only_words(self, store: Store) -> None:
        self.fill(store, _with(1, "a AND b OR NOT c"), _with(2, "a"), sample(3))

        assert _found(store, "a OR b") == ids_of(1)
        assert _found(store, "+a -(not)") == ids_of(1)
        assert _found(store, "inputs:torgersen") == []
        assert _found(store, "tor*") == _found(store, "torgerson~1") == []


def _with(number: int, text: str) -> Record:
    """A record with this text among its inputs."""
    return sample(number, inputs=msgspec.json.encode({"text": text}))


def _found(store: Store, text: str, *, limit: int = 500, until_us: int | None = None) -> list[str]:
    """The ids that a search finds."""
    return ids(store, RecordQuery(text=text, until_us=until_us), limit=limit)
