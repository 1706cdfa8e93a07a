"""The promises about what comes after the prediction: feedback, and the end of a record."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from functools import partial

from podium.errors import InputError
from podium.records.record import Feedback
from podium.records.store import Store
from podium.testing.stores.samples import (
    NOON_US,
    UNKNOWN_ID,
    Settling,
    feedback,
    ids,
    ids_of,
    refuses,
    sample,
    told,
)


class Changing(Settling):
    """Feedback and deletion."""

    def test_feedback_is_added_and_told_again(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2))
        first, second = feedback("Gentoo", actor="ada"), feedback(4.5, note="measured again")

        assert store.set_feedback(sample(1).id, first) is True
        assert store.set_feedback(sample(1).id, second, time_us=sample(1).time_us) is True

        assert told(store.get(sample(1).id)) == told(sample(1, feedback=second))
        assert told(store.get(sample(2).id)) == told(sample(2))

    def test_feedback_for_no_record_makes_none(self, store: Store) -> None:
        self.fill(store, sample(1))

        assert store.set_feedback(UNKNOWN_ID, feedback()) is False
        assert store.set_feedback(UNKNOWN_ID, feedback(), time_us=NOON_US) is False
        assert store.set_feedback("\ud800", feedback()) is False
        assert store.set_feedback(sample(1).id, feedback(), time_us=NOON_US - 1) is False

        self.settle(store)
        assert store.get(UNKNOWN_ID) is None
        assert told(store.get(sample(1).id)) == told(sample(1))
        assert ids(store) == ids_of(1)

    def test_feedback_that_no_database_can_hold_is_refused(self, store: Store) -> None:
        self.fill(store, sample(1))

        for bad in (
            feedback(note="\x00"),
            feedback(actor="\ud800"),
            feedback(time_us=-1),
            Feedback(truth=b'"\\u0000"', time_us=NOON_US),
            Feedback(truth=b"NaN", time_us=NOON_US),
        ):
            assert refuses(InputError, partial(store.set_feedback, sample(1).id, bad)), bad
        assert told(store.get(sample(1).id)) == told(sample(1))

    def test_deleting_leaves_the_moment_itself_and_what_came_after(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(2_500)))
        store.set_feedback(sample(0).id, feedback(), time_us=sample(0).time_us)
        self.settle(store)

        deleted = store.delete(before_us=sample(2_400).time_us)
        self.settle(store)

        assert deleted == 2_400
        assert ids(store) == ids_of(*range(2_499, 2_399, -1))
        assert store.get(sample(0).id) is None
        assert store.delete(before_us=sample(2_400).time_us) == 0

    def test_a_deleted_record_leaves_no_feedback_behind(self, store: Store) -> None:
        self.fill(store, sample(1))
        store.set_feedback(sample(1).id, feedback(), time_us=sample(1).time_us)
        store.delete(before_us=sample(2).time_us)

        self.fill(store, sample(1))

        assert told(store.get(sample(1).id)) == told(sample(1))
