"""The indices of a search cluster: one for each month, and what they index of a record."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from podium.records.columns import FEEDBACK_NAMES
from podium.records.record import Record
from podium.records.stores.documents import document_of
from podium.records.stores.search_address import SearchAddress
from podium.records.words import words_of

# Of the mapping. A server writes the template unless a later version has written one.
VERSION = 1
# A longer text is found by its digest: both servers index no value of more than 32,766 bytes.
TERM_LENGTH = 1_000
KEYWORDS = ("id", "model", "version", "actor", "owner", "outcome", "role", "business_key")
# Months of ids of which one can be a clock's: others share an index, so that there are never many.
_FIRST_YEAR, _LAST_YEAR = 2000, 2255
MONTHS = 12
_WORDS, _LONG = "words", "long_texts"


def index_of(address: SearchAddress, record_id: str) -> str:
    """The index in which a record is: the time in its id decides, so that each has one place."""
    seconds = int(record_id[:12], 16) // 1_000
    month = "other"
    if seconds < 2**34:  # year 2514: later ones are no dates to Python on every system
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
        if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            month = f"{moment:%Y.%m}"
    return f"{address.prefix}-records-{month}"


def end_us_of(index: str) -> int | None:
    """The time after the last id of a monthly index; None of any other index."""
    year, _, month = index.rpartition("-")[2].partition(".")
    if not (len(year) == 4 and len(month) == 2 and f"{year}{month}".isdigit()):
        return None
    if not 1 <= int(month) <= MONTHS:
        return None
    years, next_month = divmod(int(month), MONTHS)
    end = dt.datetime(int(year) + years, next_month + 1, 1, tzinfo=dt.UTC)
    return int(end.timestamp()) * 1_000_000


def pattern_of(address: SearchAddress) -> str:
    """All indices of records."""
    return f"{address.prefix}-records-*"


def template_of(address: SearchAddress) -> dict[str, Any]:
    """The template of new indices."""
    return {
        "index_patterns": [pattern_of(address)],
        "priority": 300,
        "version": VERSION,
        "template": index_body(address),
        "_meta": {"description": "records of Podium"},
    }


def index_body(address: SearchAddress) -> dict[str, Any]:
    """The settings and the mapping of an index."""
    wanted = {
        "number_of_shards": address.n_shards,
        "number_of_replicas": address.n_replicas,
    }
    settings = {name: number for name, number in wanted.items() if number is not None}
    return {"settings": settings, "mappings": MAPPING}


# Inputs and outputs are stored, and not indexed: their fields differ from model to model, and their
# types from version to version. Nothing but `properties` is looked at.
MAPPING: dict[str, Any] = {
    "dynamic": False,
    # Made from the rest: stored once, not twice.
    "_source": {"excludes": [_WORDS, _LONG]},
    "properties": {
        # Longer texts are in `long_texts`. An `ignore_above` counts UTF-16, where a character may be two.
        **{name: {"type": "keyword", "ignore_above": 2 * TERM_LENGTH} for name in KEYWORDS},
        "time_us": {"type": "long"},
        "feedback_time_us": {"type": "long"},
        "outcome_number": {"type": "double"},
        _LONG: {"type": "keyword"},
        # Words come in lower case and apart: an analyzer would make others of them.
        _WORDS: {
            "type": "text",
            "analyzer": "whitespace",
            "norms": False,
            "index_options": "docs",
        },
    },
}


def indexed_document(record: Record) -> dict[str, Any]:
    """A record as it is stored, with what is only indexed."""
    document = document_of(record)
    long = [long_term(name, document[name]) for name in KEYWORDS if is_long(document.get(name))]
    if long:
        document[_LONG] = long
    document[_WORDS] = " ".join(words_of(record))
    return document


def changed_document(stored: dict[str, Any], record: Record) -> dict[str, Any]:
    """The document of a record whose feedback changed; what a later version added to it stays."""
    others = {name: value for name, value in stored.items() if name not in FEEDBACK_NAMES}
    return others | indexed_document(record)


def is_long(text: str | None) -> bool:
    """Whether a text is found by its digest."""
    return text is not None and len(text) > TERM_LENGTH


def long_term(name: str, text: str) -> str:
    """What is indexed in place of a long text."""
    return f"{name}:{hashlib.sha256(text.encode()).hexdigest()}"


def text_clause(name: str, text: str) -> dict[str, Any]:
    """The condition that a column has exactly this text."""
    return {"term": {_LONG: long_term(name, text)} if is_long(text) else {name: text}}


def word_clause(word: str) -> dict[str, Any]:
    """The condition that a record has this word."""
    return {"term": {_WORDS: word}}
