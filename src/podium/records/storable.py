"""What every store can keep, so that no database has to refuse or mangle it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from podium.records.record import Feedback, Record

ID_LENGTH = 32
HEX_DIGITS = "0123456789abcdef"
# Microseconds below 2^53 are exact in the stores whose scores are doubles (Redis): till 2255.
TIME_MAX_US = 2**53

_any_json = msgspec.json.Decoder(msgspec.Raw)
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def reason_to_refuse(record: Record) -> str | None:
    """Why no store can keep this record, or None.

    NUL and half characters are refused by some databases and cut or mangled by others.
    """
    if not is_id(record.id):
        return "the id isn't 32 lower-case hex digits"
    if not (0 <= record.time_us < TIME_MAX_US and 0 <= record.latency_us < TIME_MAX_US):
        return "a time lies before 1970 or after 2255"
    if record.outcome_number is not None and not math.isfinite(record.outcome_number):
        return "the outcome is no finite number"
    # One text for the common case: five checks cost more than putting them together.
    texts = f"{record.model}{record.version}{record.outcome}{record.source}{record.actor}"
    return (
        text_problem(texts)
        or _object_problem("inputs", record.inputs)
        or _object_problem("outputs", record.outputs)
        or (None if record.feedback is None else feedback_problem(record.feedback))
    )


def refused_of(records: Sequence[Record]) -> dict[str, str]:
    """Why each record that no store can keep can't be kept, by its id.

    One look at all of them together finds that there is none: 1 us a record rather than 3.
    """
    if _are_all_storable(records):
        return {}
    problems = {record.id: reason_to_refuse(record) for record in records}
    return {id_: problem for id_, problem in problems.items() if problem is not None}


def _are_all_storable(records: Sequence[Record]) -> bool:
    """Whether every store can keep all of these. False says nothing about any of them."""
    texts = "".join(
        [f"{one.id}{one.model}{one.version}{one.outcome}{one.source}{one.actor}" for one in records]
    )
    times = [time for one in records for time in (one.time_us, one.latency_us)]
    return (
        all(len(one.id) == ID_LENGTH for one in records)
        and not "".join([one.id for one in records]).strip(HEX_DIGITS)
        and not any(one.feedback for one in records)
        and min(times, default=0) >= 0
        and max(times, default=0) < TIME_MAX_US
        and math.isfinite(sum(one.outcome_number or 0.0 for one in records))
        and text_problem(texts) is None
        and _are_objects([one.inputs for one in records])
        and _are_objects([one.outputs for one in records])
    )


def _are_objects(raw: Sequence[bytes]) -> bool:
    """Whether all of these are JSON objects that every store can hold."""
    joined = b"[%b]" % b",".join(raw)
    # Two objects in one place would be counted as two.
    is_right = all(one[:1] == b"{" and one[-1:] == b"}" for one in raw)
    if not is_right or b"\\u0000" in joined or _json_problem("", joined) is not None:
        return False
    return len(_parts.decode(joined)) == len(raw)


def feedback_problem(feedback: Feedback) -> str | None:
    """Why no store can keep this feedback, or None."""
    if not 0 <= feedback.time_us < TIME_MAX_US:
        return "a time lies before 1970 or after 2255"
    return text_problem(f"{feedback.actor}{feedback.note}") or _json_problem(
        "the truth", feedback.truth
    )


def text_problem(text: str) -> str | None:
    """Why no store can hold this text, or None."""
    if "\x00" in text:
        return "a text holds a NUL character"
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return "a text holds half a character (a lone surrogate)"
    return None


def is_id(text: str) -> bool:
    """Whether this is how ids look."""
    return len(text) == ID_LENGTH and not text.strip(HEX_DIGITS)


def _object_problem(name: str, raw: bytes) -> str | None:
    return _json_problem(name, raw) if raw[:1] == b"{" else f"the {name} are no JSON object"


def _json_problem(name: str, raw: bytes) -> str | None:
    try:
        _any_json.decode(raw)  # refuses halves of characters that are written as \ud800, too
        if not raw.isascii():
            raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"{name}: no JSON that every database can hold"
    # Without the escaped backslashes, what looks like an escaped NUL is one.
    if b"\\u0000" in raw and b"\\u0000" in raw.replace(b"\\\\", b""):
        return f"{name}: a text holds a NUL character"
    return None
