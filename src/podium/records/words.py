"""The words by which a record is searched: the same for every store that can search."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from podium.signature.labels import plain_text

if TYPE_CHECKING:
    from podium.records.record import Record

# Longer ones are cut, in records as in searches: analyzers of search engines cut at 255.
WORD_LENGTH = 100
# Of a record. An image of numbers has as many values; nobody searches for one of them.
WORDS_MAX = 5_000
# Scripts without spaces between words: each character is a word, and a search needs all of them.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"\d+(?:[.,]\d+)+(?!\w)|[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def words_in(text: str) -> frozenset[str]:
    """The words of a text, without their case: letters, digits and `_`; `39.1` is one word."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return frozenset(one[:WORD_LENGTH] for one in _WORD.findall(plain))


def words_of(record: Record) -> frozenset[str]:
    """The words of a record: of the values of its inputs, the prediction, the actor, the business
    key and the feedback; not those of names of fields.

    Of a record with more than WORDS_MAX, it is unspecified which ones are left out.
    """
    found: set[str] = set()
    for text in _texts(record):
        found |= words_in(text)
        if len(found) > WORDS_MAX:
            return frozenset(sorted(found)[:WORDS_MAX])
    return frozenset(found)


def _texts(record: Record) -> Iterator[str]:
    yield from (record.outcome, record.actor or "", record.business_key or "")
    if record.feedback is not None:
        yield record.feedback.note
        yield from _values(msgspec.json.decode(record.feedback.truth))
    yield from _values(msgspec.json.decode(record.inputs))


def _values(value: Any) -> Iterator[str]:
    """The texts of the values in a decoded JSON value, however deep they are."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif one is not None:
            yield plain_text(one)
