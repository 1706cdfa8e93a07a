"""Queries of records in the language of Elasticsearch and OpenSearch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from podium.records.storable import is_hex
from podium.records.store import Order, RecordQuery
from podium.records.stores.search_index import text_clause, word_clause
from podium.records.words import words_in

# Both servers accept 65,536 values.
TERMS_MAX = 60_000
Clause = dict[str, Any]


def search_body(
    query: RecordQuery, *, n_records: int, after: tuple[int, str] | None, order: Order
) -> dict[str, Any] | None:
    """The search for a page; None if no record matches."""
    clauses = clauses_of(query)
    if clauses is None:
        return None
    way = "asc" if order == "oldest" else "desc"
    body: dict[str, Any] = {
        "size": n_records,
        "query": {"bool": {"filter": clauses}},
        "sort": [{"time_us": way}, {"id": way}],
        "track_total_hits": False,
    }
    return body if after is None else body | {"search_after": list(after)}


def clauses_of(query: RecordQuery) -> list[Clause] | None:
    """The conditions of a query; None if no record can match."""
    clauses = [
        text_clause(name, value)
        for name in ("model", "version", "actor", "owner", "outcome", "role")
        if (value := getattr(query, name)) is not None
    ]
    times = {"gte": query.since_us, "lt": query.until_us}
    if bounds := {name: value for name, value in times.items() if value is not None}:
        clauses.append({"range": {"time_us": bounds}})
    if query.has_feedback is not None:
        has = {"exists": {"field": "feedback_time_us"}}
        clauses.append(has if query.has_feedback else {"bool": {"must_not": [has]}})
    if query.id_prefix:
        if not is_hex(query.id_prefix):
            return None
        clauses.append({"prefix": {"id": query.id_prefix}})
    clauses += _among("id", query.ids) + _among("business_key", query.business_keys)
    if query.text is not None:
        words = sorted(words_in(query.text))
        if not words:
            return None
        clauses += map(word_clause, words)
    return _with_numbers(clauses, query)


def _among(name: str, values: Sequence[str] | None) -> list[Clause]:
    """That a column has one of these values; nothing where any will do."""
    if values is None:
        return []
    pieces = [values[at : at + TERMS_MAX] for at in range(0, len(values), TERMS_MAX)] or [()]
    terms = [{"terms": {name: list(piece)}} for piece in pieces]
    return terms if len(terms) == 1 else [{"bool": {"should": terms, "minimum_should_match": 1}}]


def _with_numbers(clauses: list[Clause], query: RecordQuery) -> list[Clause] | None:
    """The conditions, with those on the numeric outcome."""
    least, greatest = query.outcome_min, query.outcome_max
    field = "outcome_number"
    if least is None and greatest is None:
        return clauses
    if least == greatest == 0:
        return [*clauses, {"terms": {field: [-0.0, 0.0]}}]
    bounds: dict[str, float] = {}
    if least is not None and least != -math.inf:
        if not math.isfinite(least):
            return None
        bounds["gte"] = least or -0.0  # which Lucene sorts before 0.0
    if greatest is not None and greatest != math.inf:
        if not math.isfinite(greatest):
            return None
        bounds["lte"] = greatest or 0.0
    return [*clauses, {"range": {field: bounds}} if bounds else {"exists": {"field": field}}]
