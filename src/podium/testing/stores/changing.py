"""The contract for feedback and deletion."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from typing import Any

import msgspec

from podium.records.history import HISTORY_MAX, earlier_statements, succeeding
from podium.records.store import RecordQuery, Store
from podium.testing.stores.samples import (
    NOON_US,
    UNKNOWN_ID,
    Settling,
    decoded,
    feedback,
    ids,
    ids_of,
    sample,
)


class Changing(Settling):
    """Feedback and deletion."""

    def test_feedback_is_added_and_returned(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2))
        first, second = feedback("Gentoo", actor="ada"), feedback(4.5, note="measured again")

        assert store.set_feedback(sample(1).id, first) is True
        assert store.set_feedback(sample(1).id, second, time_us=sample(1).time_us) is True

        assert decoded(store.get(sample(1).id)) == decoded(
            sample(1, feedback=succeeding(first, second))
        )
        assert decoded(store.get(sample(2).id)) == decoded(sample(2))

    def test_corrected_feedback_keeps_earlier_truths(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2, feedback=feedback("Adelie", actor="ada")))
        one, two = sample(1).id, sample(2).id

        for number in range(3):
            said = feedback(float(number), actor="bob", note="é", time_us=NOON_US + number)
            store.set_feedback(one, said)
            store.set_feedback_many({two: said}, model=sample(2).model)

        numbers = [(0.0, NOON_US, "bob", "é"), (1.0, NOON_US + 1, "bob", "é")]
        assert _earlier(store, one) == numbers
        assert _earlier(store, two) == [("Adelie", NOON_US, "ada", ""), *numbers]

    def test_the_same_feedback_again_changes_nothing(self, store: Store) -> None:
        self.fill(store, sample(1))
        first = feedback({"a": 1.5, "b": None}, actor="ada")
        store.set_feedback(sample(1).id, first)

        later = feedback({"b": None, "a": 1.5}, actor="ada", time_us=NOON_US + 1)
        assert store.set_feedback(sample(1).id, later) is True
        assert store.set_feedback_many({sample(1).id: later}, model=sample(1).model)

        assert decoded(store.get(sample(1).id)) == decoded(sample(1, feedback=first))

    def test_the_history_of_feedback_is_bounded(self, store: Store) -> None:
        self.fill(store, sample(1))

        for number in range(HISTORY_MAX + 5):
            store.set_feedback(sample(1).id, feedback(float(number)))

        kept = [0.0, *(float(n) for n in range(5, HISTORY_MAX + 4))]
        assert [truth for truth, *_ in _earlier(store, sample(1).id)] == kept

    def test_feedback_for_an_unknown_record_creates_none(self, store: Store) -> None:
        self.fill(store, sample(1))

        assert store.set_feedback(UNKNOWN_ID, feedback()) is False
        assert store.set_feedback(UNKNOWN_ID, feedback(), time_us=NOON_US) is False
        assert store.set_feedback("\ud800", feedback()) is False
        assert store.set_feedback(sample(1).id, feedback(), time_us=NOON_US - 1) is False

        self.settle(store)
        assert store.get(UNKNOWN_ID) is None
        assert decoded(store.get(sample(1).id)) == decoded(sample(1))
        assert ids(store) == ids_of(1)

    def test_feedback_for_many_reaches_the_records_of_the_model_only(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(1_200)), sample(2_000, model="another"))
        truths = {sample(n).id: feedback(float(n)) for n in (*range(1_100), 2_000, 3_000)}

        found = store.set_feedback_many({**truths, "\ud800": feedback()}, model=sample(0).model)
        corrected = feedback("x")
        again = store.set_feedback_many({sample(7).id: corrected}, model=sample(0).model)

        assert store.set_feedback_many({}, model="another") == frozenset()
        assert found == {sample(n).id for n in range(1_100)}
        assert again == {sample(7).id}
        for n in (0, 1_099):
            assert decoded(store.get(sample(n).id)) == decoded(
                sample(n, feedback=feedback(float(n)))
            )
        corrected = succeeding(feedback(7.0), corrected)
        assert decoded(store.get(sample(7).id)) == decoded(sample(7, feedback=corrected))
        assert decoded(store.get(sample(1_100).id)) == decoded(sample(1_100))
        assert decoded(store.get(sample(2_000).id)) == decoded(sample(2_000, model="another"))
        assert store.get(sample(3_000).id) is None

    def test_deleting_leaves_every_other_record(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(1_250)))
        store.set_feedback(sample(0).id, feedback(), time_us=sample(0).time_us)
        self.settle(store)
        some = [sample(n) for n in range(1_250) if n % 25]

        deleted = store.delete(some)
        self.settle(store)

        assert deleted == 1_200
        assert ids(store) == ids_of(*range(1_225, -1, -25))
        assert store.get(sample(1).id) is None
        assert decoded(store.get(sample(0).id)) == decoded(sample(0, feedback=feedback()))

    def test_what_is_not_there_is_not_counted_as_deleted(self, store: Store) -> None:
        self.fill(store, sample(1), sample(2))

        assert store.delete([]) == 0
        assert store.delete([sample(3)]) == 0
        assert store.delete([sample(1), sample(3), sample(1)]) == 1
        assert store.delete([sample(1)]) == 0
        self.settle(store)

        assert ids(store) == ids_of(2)
        assert store.page(RecordQuery(), limit=1).cursor is None

    def test_a_deleted_record_leaves_no_feedback_behind(self, store: Store) -> None:
        self.fill(store, sample(1))
        store.set_feedback(sample(1).id, feedback(), time_us=sample(1).time_us)
        store.delete([sample(1)])

        self.fill(store, sample(1))

        assert decoded(store.get(sample(1).id)) == decoded(sample(1))


def _earlier(store: Store, record_id: str) -> list[tuple[Any, ...]]:
    record = store.get(record_id)
    return (
        []
        if record is None
        else list(map(msgspec.structs.astuple, earlier_statements(record.feedback)))
    )
