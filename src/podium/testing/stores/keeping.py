"""The contract for insertion: records are stored once and unchanged."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

import msgspec

from podium.records.store import (
    ALL_FILTERS,
    NEEDED_FILTERS,
    InsertResult,
    Store,
    StoreFeatures,
)
from podium.testing.stores.samples import (
    TEXTS,
    UNKNOWN_ID,
    Settling,
    decoded,
    feedback,
    ids,
    ids_of,
    is_counted,
    sample,
)

LARGE_BYTES = 2**20


class Keeping(Settling):
    """Inserting records, and reading one."""

    def test_it_declares_its_features(self, store: Store) -> None:
        assert isinstance(store.features, StoreFeatures)
        assert NEEDED_FILTERS <= store.features.filters <= ALL_FILTERS

    def test_a_record_comes_back_as_it_was_given(self, store: Store) -> None:
        plain = sample(1)
        earlier = msgspec.json.encode([{"truth": None, "time_us": 1, "actor": None, "note": "é"}])
        expected_feedback = feedback({"delay": None}, actor="bob", note="by phone", earlier=earlier)
        full = sample(
            2,
            outcome_number=0.1 + 0.2,
            source="form",
            actor="ada",
            owner="user:7",
            feedback=expected_feedback,
            request_id=plain.id,
            row_index=1,
            role="shadow",
            bundle_digest="ab" * 32,
            attributes=b'{"note":["a",null]}',
            business_key="order 4711",
        )

        result = self.fill(store, plain, full)

        assert result == InsertResult(inserted=2)
        assert decoded(store.get(plain.id)) == decoded(plain)
        assert decoded(store.get(full.id)) == decoded(full)

    def test_an_empty_batch_changes_nothing(self, store: Store) -> None:
        assert store.insert([]) == InsertResult(inserted=0)
        assert ids(store) == []

    def test_a_record_inserted_again_is_a_duplicate_and_changes_nothing(self, store: Store) -> None:
        self.fill(store, sample(1))

        result = self.fill(store, sample(1, outcome="Gentoo"), sample(2))

        assert is_counted(store, result, inserted=1, duplicates=1)
        assert decoded(store.get(sample(1).id)) == decoded(sample(1))
        assert ids(store) == ids_of(2, 1)

    def test_a_record_twice_in_a_batch_is_stored_once(self, store: Store) -> None:
        result = self.fill(store, sample(1), sample(1))

        assert is_counted(store, result, inserted=1, duplicates=1)
        assert ids(store) == ids_of(1)

    def test_a_duplicate_never_erases_feedback(self, store: Store) -> None:
        self.fill(store, sample(1))
        store.set_feedback(sample(1).id, feedback("Gentoo"), time_us=sample(1).time_us)

        self.fill(store, sample(1))
        self.fill(store, sample(1, feedback=feedback("Chinstrap")))

        assert decoded(store.get(sample(1).id)) == decoded(sample(1, feedback=feedback("Gentoo")))

    def test_what_no_database_can_hold_fails_alone(self, store: Store) -> None:
        bad = [
            sample(10, actor="a\x00b"),
            sample(10, owner="a\x00b"),
            sample(11, outcome="half \ud83d"),
            sample(12, inputs=b'{"name":"\\u0000"}'),
            sample(13, inputs=b'{"name":"\\ud800"}'),
            sample(14, outputs=b'{"prediction":NaN}'),
            sample(15, outcome_number=float("inf")),
            sample(16, time_us=2**53),
            sample(17, feedback=feedback(note="\udc00")),
            sample(18, id="0" * 31 + "G"),
            sample(19, business_key="a\x00b"),
            sample(20, business_key="k" * 201),
        ]

        result = self.fill(store, sample(1), *bad, sample(2))

        assert result.failed.keys() == {record.id for record in bad}
        assert all(result.failed.values()), "each has a reason"
        assert (result.inserted, result.duplicates) == (2, 0)
        assert ids(store) == ids_of(2, 1)

    def test_texts_of_every_script_come_back(self, store: Store) -> None:
        records = [
            sample(
                number,
                actor=text,
                outcome=text,
                version=text,
                inputs=msgspec.json.encode({text: text, "\\u0000": "\\"}),
                feedback=feedback(text, note=text),
            )
            for number, text in enumerate(TEXTS)
        ]

        result = self.fill(store, *records)

        assert result == InsertResult(inserted=len(TEXTS))
        assert [decoded(store.get(record.id)) for record in records] == [
            decoded(r) for r in records
        ]

    def test_a_large_record_comes_back(self, store: Store) -> None:
        large = sample(1, inputs=msgspec.json.encode({"essay": "é😀" * (LARGE_BYTES // 6)}))

        self.fill(store, large)

        assert decoded(store.get(large.id)) == decoded(large)

    def test_numbers_come_back_exactly(self, store: Store) -> None:
        numbers = (0.1, -1.5e300, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, 0.0)
        records = [
            sample(n, outcome_number=number, time_us=2**53 - 1 - n, latency_us=2**40 + n)
            for n, number in enumerate(numbers)
        ]

        self.fill(store, *records)

        assert [decoded(store.get(record.id)) for record in records] == [
            decoded(r) for r in records
        ]

    def test_an_unknown_id_is_none(self, store: Store) -> None:
        stored_id = sample(1).id
        self.fill(store, sample(1))

        for record_id in (
            UNKNOWN_ID,
            stored_id[:-1],
            stored_id.upper(),
            "",
            "\x00",
            "\ud800",
            "é'\"",
        ):
            assert store.get(record_id) is None, record_id

    def test_a_record_is_found_with_its_time_and_at_no_other(self, store: Store) -> None:
        record = sample(1)
        self.fill(store, record)

        assert decoded(store.get(record.id, time_us=record.time_us)) == decoded(record)
        assert store.get(record.id, time_us=record.time_us + 1) is None
