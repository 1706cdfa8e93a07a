"""Records as documents, and back."""

from __future__ import annotations

from podium.records.stores.documents import document_of, record_of_document
from podium.testing.stores.samples import feedback, sample


def test_a_document_leaves_out_what_is_none_and_is_the_record_again():
    record = sample(feedback=feedback("yes"))

    document = document_of(record)

    assert None not in document.values()
    assert record_of_document(document | {"_id": "another"}) == record


def test_a_document_of_an_older_version_has_the_defaults():
    record = sample()
    document = document_of(record)

    for name in ("role", "row_index", "request_id", "business_key"):
        document.pop(name, None)

    read = record_of_document(document)
    assert (read.role, read.row_index, read.request_id) == ("primary", 0, None)
