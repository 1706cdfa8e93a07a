"""The promise that pages hold every record once, in the order that was asked for."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from functools import partial

from podium.records.cursor import BadCursor
from podium.records.store import RecordQuery, Store
from podium.testing.stores.samples import NOON_US, Settling, ids, ids_of, pages, refuses, sample


class Paging(Settling):
    """Reading a store page by page."""

    def test_pages_are_newest_first_by_time_then_id(self, store: Store) -> None:
        same_time = [sample(n, time_us=NOON_US) for n in (3, 1, 2)]
        older_with_a_greater_id = sample(9, time_us=NOON_US - 1)
        newer_with_a_smaller_id = sample(0, time_us=NOON_US + 1)

        self.fill(store, *same_time, older_with_a_greater_id, newer_with_a_smaller_id)

        assert ids(store) == ids_of(0, 3, 2, 1, 9)

    def test_pages_of_every_size_hold_every_record_once(self, store: Store) -> None:
        # Groups at one time, so that some cursors stand inside a group.
        self.fill(store, *(sample(n, time_us=NOON_US + n // 4) for n in range(13)))

        for limit in (1, 2, 3, 4, 12, 13, 14, 500):
            listed = list(pages(store, RecordQuery(), limit=limit))

            assert all(len(page) <= limit for page in listed)
            assert [record.id for page in listed for record in page] == ids_of(*range(12, -1, -1))

    def test_oldest_first_pages_of_every_size_hold_every_record_once(self, store: Store) -> None:
        self.fill(store, *(sample(n, time_us=NOON_US + n // 4) for n in range(13)))

        for limit in (1, 2, 3, 4, 12, 13, 14, 500):
            assert ids(store, limit=limit, order="oldest") == ids_of(*range(13)), limit

    def test_oldest_first_both_ends_of_a_time_range_hold_on_every_page(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(12)))

        query = RecordQuery(since_us=sample(3).time_us, until_us=sample(9).time_us)
        for limit in (1, 4, 500):
            assert ids(store, query, limit=limit, order="oldest") == ids_of(*range(3, 9))

    def test_oldest_first_a_cursor_resumes_with_what_came_later(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(6)))
        cursor = store.page(RecordQuery(), limit=4, order="oldest").cursor

        store.delete([sample(n) for n in range(4)])
        self.fill(store, sample(1), sample(9))

        page = store.page(RecordQuery(), limit=5, cursor=cursor, order="oldest")
        assert [record.id for record in page.records] == ids_of(4, 5, 9)
        assert page.cursor is None

    def test_the_cursor_at_the_end_is_none(self, store: Store) -> None:
        assert store.page(RecordQuery(), limit=5).cursor is None

        self.fill(store, sample(1))

        assert store.page(RecordQuery(), limit=5).cursor is None

    def test_records_inserted_meanwhile_move_no_page(self, store: Store) -> None:
        before = range(0, 40, 2)
        self.fill(store, *(sample(n) for n in before))
        listed: list[str] = []

        for n, page in enumerate(pages(store, RecordQuery(), limit=3)):
            listed += [record.id for record in page]
            self.fill(store, sample(100 + n), sample(2 * n + 1))

        old = set(ids_of(*before))
        assert len(listed) == len(set(listed))
        assert [record_id for record_id in listed if record_id in old] == ids_of(*reversed(before))

    def test_a_cursor_outlives_its_record(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(6)))
        cursor = store.page(RecordQuery(), limit=2).cursor

        store.delete([sample(n) for n in range(5)])
        self.fill(store, sample(3), sample(1))

        page = store.page(RecordQuery(), limit=5, cursor=cursor)
        assert [record.id for record in page.records] == ids_of(3, 1)

    def test_a_cursor_that_no_page_gave_is_refused(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2))
        good = store.page(RecordQuery(), limit=1).cursor or ""

        for bad in ("", "0", "x" * 10_000, good + "A", good[:-4], "é", "\x00", "'; --", "=" * 8):
            call = partial(store.page, RecordQuery(), limit=1, cursor=bad)
            assert refuses(BadCursor, call), bad
            assert refuses(BadCursor, partial(call, order="oldest")), bad
