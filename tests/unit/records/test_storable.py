"""What no database can hold is named before any has to refuse it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import InputError
from podium.records.record import Feedback
from podium.records.storable import feedback_problem, reason_to_refuse, refused_of
from podium.records.store import RecordQuery
from podium.testing.stores.samples import NOON_US, feedback, sample


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "A" * 32}, "hex digits"),
        ({"id": "a" * 31}, "hex digits"),
        ({"id": "a" * 31 + "\x00"}, "hex digits"),
        ({"time_us": -1}, "time"),
        ({"time_us": 2**53}, "time"),
        ({"latency_us": -1}, "time"),
        ({"outcome_number": float("nan")}, "finite"),
        ({"outcome_number": float("-inf")}, "finite"),
        ({"model": "a\x00"}, "NUL"),
        ({"version": "\x00"}, "NUL"),
        ({"source": "\udfff"}, "half"),
        ({"actor": "\ud800"}, "half"),
        ({"outcome": "😀\ud83d"}, "half"),
        ({"inputs": b""}, "inputs"),
        ({"inputs": b"[1]"}, "inputs"),
        ({"inputs": b'{"a":1'}, "inputs"),
        ({"inputs": b'{"a":"\xff"}'}, "inputs"),
        ({"inputs": b'{"a":"\xed\xa0\x80"}'}, "inputs"),
        ({"inputs": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"}, "inputs"),
        ({"inputs": b'{"a\\u0000":1}'}, "NUL"),
        ({"inputs": b'{"a":"\\\\\\u0000"}'}, "NUL"),
        ({"outputs": b'{"a":"\\uDC00"}'}, "outputs"),
        ({"outputs": b'{"a":Infinity}'}, "outputs"),
        ({"feedback": feedback(actor="\x00")}, "NUL"),
        ({"feedback": Feedback(truth=b"", time_us=NOON_US)}, "truth"),
    ],
)
def test_a_record_that_cannot_be_stored_is_refused_with_the_reason(
    changes: dict[str, object], words: str
) -> None:
    bad = sample(1, **changes)
    problem = reason_to_refuse(bad)

    assert problem is not None
    assert words in problem
    # Nor is it overlooked among good ones.
    assert refused_of([sample(2), bad, sample(3)]) == {bad.id: problem}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"time_us": 0, "latency_us": 0},
        {"inputs": b"{}"},
        {"inputs": b'{"a":"\\\\u0000"}'},
        {"inputs": b'{"a":"\\ud83d\\ude00 \\u0001"}'},
        {"actor": "שלום \U0001f469\u200d\U0001f52c \ue000\ufffe"},
        {"feedback": Feedback(truth=b"null", time_us=0)},
    ],
)
def test_a_record_that_can_be_stored_is_accepted(changes: dict[str, object]) -> None:
    assert reason_to_refuse(sample(1, **changes)) is None


@given(st.text(st.characters(exclude_categories=[])))
def test_a_text_is_refused_exactly_when_it_holds_nul_or_half_a_character(text: str) -> None:
    is_bad = any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)

    assert (reason_to_refuse(sample(actor=text)) is not None) is is_bad
    assert (reason_to_refuse(sample(inputs=escaped(text))) is not None) is is_bad
    assert (feedback_problem(feedback(note=text)) is not None) is is_bad


def escaped(text: str) -> bytes:
    """JSON with everything escaped, which lets halves of characters through."""
    # Two halves side by side are a whole one in JSON: a letter keeps them apart.
    return json.dumps({"a": [f"{c}x" for c in text]}).encode()


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_what_msgspec_encodes_of_valid_values_can_be_stored(row: dict[str, object]) -> None:
    texts = [text for pair in row.items() for text in pair if isinstance(text, str)]

    problem = reason_to_refuse(sample(inputs=msgspec.json.encode(row)))

    assert (problem is not None) == any("\x00" in text for text in texts)


@pytest.mark.parametrize(
    "filters",
    [
        {"outcome": "\x00"},
        {"model": "\ud800"},
        {"id_prefix": "\ud800"},
        {"since_us": 2**63},
        {"until_us": -(2**63) - 1},
    ],
)
def test_a_filter_that_no_database_can_look_for_is_refused(filters: dict[str, object]) -> None:
    with pytest.raises(InputError):
        RecordQuery(**filters)


PIECES = st.sampled_from([b"{", b"}", b",", b'"a"', b":", b"1", b"[", b"]", b"\\u0000", b" "])


@given(st.lists(st.lists(PIECES, max_size=8).map(b"".join), min_size=1, max_size=3))
def test_records_looked_at_together_are_judged_as_each_alone(raw: list[bytes]) -> None:
    records = [sample(n, inputs=b"{%b}" % inside) for n, inside in enumerate(raw)]
    alone = {one.id: reason_to_refuse(one) for one in records}

    assert refused_of(records) == {id_: why for id_, why in alone.items() if why is not None}


def test_valid_records_are_all_accepted() -> None:
    assert refused_of([sample(n) for n in range(100)]) == {}
    assert refused_of([]) == {}
