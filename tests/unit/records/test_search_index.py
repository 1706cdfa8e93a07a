"""Which index a record is in, and what is indexed of it."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from podium.records.record import Ids
from podium.records.store import RecordQuery
from podium.records.stores.search_address import address_of
from podium.records.stores.search_index import (
    TERM_LENGTH,
    changed_document,
    end_us_of,
    index_of,
    indexed_document,
)
from podium.records.stores.search_query import TERMS_MAX, clauses_of
from podium.testing.stores.samples import feedback, sample

ADDRESS = address_of("elasticsearch://es")


def id_at(moment: str) -> str:
    return Ids().new(int(dt.datetime.fromisoformat(moment).timestamp() * 1e6))


@pytest.mark.parametrize(
    ("record_id", "month"),
    [
        (id_at("2026-03-01T00:00:00+00:00"), "2026.03"),
        (id_at("2026-02-28T23:59:59.999+00:00"), "2026.02"),
        (id_at("2000-01-01T00:00:00+00:00"), "2000.01"),
        (id_at("1999-12-31T23:59:59+00:00"), "other"),
        (id_at("2255-12-31T23:59:59+00:00"), "2255.12"),
        ("0" * 32, "other"),
        ("f" * 32, "other"),
    ],
    ids=["first", "last", "2000", "1999", "2255", "zeros", "ones"],  # others would be random
)
def test_the_time_in_an_id_decides_the_index(record_id: str, month: str) -> None:
    assert index_of(ADDRESS, record_id) == f"podium-records-{month}"


def test_the_end_of_an_index_is_the_beginning_of_the_next_month() -> None:
    def us(moment: str) -> int:
        return int(dt.datetime.fromisoformat(moment).timestamp() * 1e6)

    assert end_us_of("podium-records-2026.03") == us("2026-04-01T00:00:00+00:00")
    assert end_us_of("podium-records-2026.12") == us("2027-01-01T00:00:00+00:00")
    for name in ("podium-records-other", "podium-records-2026.13", "x", "podium-records-2026.3"):
        assert end_us_of(name) is None, name


def test_a_long_text_is_found_by_its_digest_and_stored_whole() -> None:
    long, short = "x" * (TERM_LENGTH + 1), "x" * TERM_LENGTH
    document = indexed_document(sample(outcome=long, actor=short, model="m"))

    assert (document["outcome"], document["actor"]) == (long, short)
    (digest,) = document["long_texts"]
    assert clauses_of(RecordQuery(outcome=long)) == [{"term": {"long_texts": digest}}]
    assert clauses_of(RecordQuery(actor=short)) == [{"term": {"actor": short}}]
    assert clauses_of(RecordQuery(actor=long)) != clauses_of(RecordQuery(outcome=long))


def test_a_changed_document_keeps_what_a_later_version_added() -> None:
    before = indexed_document(sample(feedback=feedback(actor="ada", note="by phone")))
    after = changed_document({**before, "later": [1]}, sample(feedback=feedback("new")))

    assert after["later"] == [1]
    assert "feedback_actor" not in after
    assert msgspec.json.decode(after["feedback_truth"]) == "new"
    assert "phone" in before["words"]
    assert "phone" not in after["words"]


def test_more_values_than_a_query_may_have_are_several_conditions() -> None:
    ids = tuple(f"{n:032x}" for n in range(TERMS_MAX + 1))

    (clause,) = clauses_of(RecordQuery(ids=ids)) or []

    pieces = [one["terms"]["id"] for one in clause["bool"]["should"]]
    assert [len(one) for one in pieces] == [TERMS_MAX, 1]
    assert tuple(id_ for piece in pieces for id_ in piece) == ids
