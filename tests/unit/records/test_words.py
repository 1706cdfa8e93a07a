"""The words by which records are searched."""

from __future__ import annotations

import msgspec
import pytest

from podium.records.words import WORD_LENGTH, WORDS_MAX, words_in, words_of
from podium.testing.stores.samples import feedback, sample


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("!? *", []),
        ("Ada's cat", ["ada", "s", "cat"]),
        (
            "39.1 and 1,000.5, not 4. or 1.2.3",
            ["39.1", "and", "1,000.5", "not", "4", "or", "1.2.3"],
        ),
        ("-7 v1.2 3.5mm", ["7", "v1", "2", "3", "5mm"]),
        ("STRASSE stra\u00dfe", ["strasse"]),
        ("\ufb01sh e\u0301", ["fish", "\u00e9"]),
        ("\u6a5f\u68b0 ml", ["\u6a5f", "\u68b0", "ml"]),
        ("x" * (WORD_LENGTH + 9), ["x" * WORD_LENGTH]),
    ],
)
def test_a_text_has_these_words(text: str, words: list[str]) -> None:
    assert words_in(text) == frozenset(words)


def test_values_are_searched_at_any_depth() -> None:
    deep = b'{"a":' * 400 + b'"low"' + b"}" * 400

    assert words_of(sample(inputs=deep, outcome="", actor=None)) == {"low"}
    assert words_of(sample(inputs=b'{"a":[true,null,-0.5,{"b":"c d"}]}', outcome="x")) == {
        *("true", "0.5", "c", "d", "x")
    }


def test_feedback_is_searched_without_what_it_said_before() -> None:
    earlier = msgspec.json.encode([{"truth": "old", "time_us": 1, "actor": None, "note": "before"}])
    record = sample(inputs=b"{}", outcome="", feedback=feedback(["new"], note="n", earlier=earlier))

    assert words_of(record) == {"new", "n"}


def test_a_record_has_so_many_words_at_most() -> None:
    inputs = msgspec.json.encode({"image": list(range(3 * WORDS_MAX)), "text": "word " * WORDS_MAX})

    assert len(words_of(sample(inputs=inputs))) == WORDS_MAX
