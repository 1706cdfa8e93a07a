"""What every store can hold, so that no database has to refuse or change it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter

import msgspec
from msgspec.structs import asdict, astuple

from podium.records.columns import names_of
from podium.records.record import Feedback, Record

ID_LENGTH = 32
# Of a business key, in characters: MariaDB and MySQL index no text of any length.
KEY_LENGTH = 200
HEX_DIGITS = b"0123456789abcdef"
# Microseconds below 2^53 are exact in stores whose scores are doubles (Redis), until 2255.
TIME_MAX_US = 2**53

_any_json = msgspec.json.Decoder(msgspec.Raw)
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_first, _last = itemgetter(slice(1)), itemgetter(slice(-1, None))
_INTEGERS, _OBJECTS = names_of(int), names_of(bytes)
_TEXTS = tuple(name for name in names_of(str) if name != "id")  # ids are validated by their digits


def reason_to_refuse(record: Record) -> str | None:
    """Why no store can hold this record, or None.

    Some databases refuse NUL and lone surrogates, others cut or change them.
    """
    if not is_id(record.id):
        return "the id isn't 32 lower-case hex digits"
    values = asdict(record)
    if not all(0 <= values[name] < TIME_MAX_US for name in _INTEGERS):
        return "a time is before 1970 or after 2255, or a row has no place"
    if record.outcome_number is not None and not math.isfinite(record.outcome_number):
        return "the outcome isn't a finite number"
    if len(record.business_key or "") > KEY_LENGTH:
        return f"the business key is longer than {KEY_LENGTH} characters"
    problems = [
        _object_problem(name, values[name]) for name in _OBJECTS if values[name] is not None
    ]
    return (
        # One text for the common case: many checks cost more than joining the texts.
        text_problem("".join(values[name] or "" for name in _TEXTS))
        or next(filter(None, problems), None)
        or (None if record.feedback is None else feedback_problem(record.feedback))
    )


def refused_of(records: Sequence[Record]) -> dict[str, str]:
    """Why each record that no store can contain is refused, by its id.

    One check of all of them together usually finds nothing: 1 us a record rather than 3.
    """
    if _are_all_storable(records):
        return {}
    problems = {record.id: reason_to_refuse(record) for record in records}
    return {id_: problem for id_, problem in problems.items() if problem is not None}


def _are_all_storable(records: Sequence[Record]) -> bool:
    """Whether every store accepts all of these. False says nothing about a single one."""
    if not records:
        return True
    # By field: most values of a field are the same in all records, and are checked once.
    by_field = dict(
        zip(Record.__struct_fields__, zip(*map(astuple, records), strict=True), strict=True)
    )
    ids = by_field["id"]
    texts = chain.from_iterable(set(by_field[name]) for name in _TEXTS)
    return (
        set(map(len, ids)) == {ID_LENGTH}
        and is_hex("".join(ids))
        and not any(by_field["feedback"])
        and all(min(by_field[name]) >= 0 for name in _INTEGERS)
        and all(max(by_field[name]) < TIME_MAX_US for name in _INTEGERS)
        and max(map(len, filter(None, by_field["business_key"])), default=0) <= KEY_LENGTH
        and math.isfinite(sum(filter(None, by_field["outcome_number"])))
        and text_problem("".join(filter(None, texts))) is None
        and all(
            _are_objects([raw for raw in by_field[name] if raw is not None]) for name in _OBJECTS
        )
    )


def _are_objects(raw: Sequence[bytes]) -> bool:
    """Whether all of these are JSON objects that every store can hold."""
    joined = b"[%b]" % b",".join(raw)
    # Two objects in one value would be counted as two.
    is_right = set(map(_first, raw)) <= {b"{"} and set(map(_last, raw)) <= {b"}"}
    if not is_right or b"\\u0000" in joined:
        return False
    try:
        if not joined.isascii():
            joined.decode()
        return len(_parts.decode(joined)) == len(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def feedback_problem(feedback: Feedback) -> str | None:
    """Why no store can hold this feedback, or None."""
    if not 0 <= feedback.time_us < TIME_MAX_US:
        return "a time is before 1970 or after 2255"
    return (
        text_problem(f"{feedback.actor}{feedback.note}")
        or _json_problem("the truth", feedback.truth)
        or _json_problem("earlier feedback", feedback.earlier or b"[]")
    )


def text_problem(text: str) -> str | None:
    """Why no store can hold this text, or None."""
    if "\x00" in text:
        return "a text contains a NUL character"
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return "a text contains half a character (a lone surrogate)"
    return None


def is_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return len(text) == ID_LENGTH and is_hex(text)


def is_hex(text: str) -> bool:
    """Whether a text consists of lower-case hex digits."""
    return text.isascii() and not text.encode().translate(None, HEX_DIGITS)


def _object_problem(name: str, raw: bytes) -> str | None:
    return _json_problem(name, raw) if raw[:1] == b"{" else f"{name}: no JSON object"


def _json_problem(name: str, raw: bytes) -> str | None:
    try:
        _any_json.decode(raw)  # also refuses surrogates that are escaped as \ud800
        if not raw.isascii():
            raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"{name}: not JSON that every database can store"
    # Without the escaped backslashes, what looks like an escaped NUL is one.
    if b"\\u0000" in raw and b"\\u0000" in raw.replace(b"\\\\", b""):
        return f"{name}: a text contains a NUL character"
    return None
