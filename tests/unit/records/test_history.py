"""What feedback said before: kept, bounded, and no longer for saying the same again."""

from __future__ import annotations

from podium.records.history import HISTORY_MAX, HISTORY_MAX_BYTES, earlier_statements, succeeding
from podium.records.record import Feedback
from podium.testing.stores.samples import feedback


def history(*said: Feedback) -> list[object]:
    """The truths that are remembered after these were given one after the other."""
    last: Feedback | None = None
    for one in said:
        last = succeeding(last, one)
    return [statement.truth for statement in earlier_statements(last)]


def test_a_first_statement_has_no_history() -> None:
    invented = feedback("no", earlier=b'[{"truth":"yes","time_us":1}]')

    assert history(invented) == []
    assert history(feedback("yes"), invented) == ["yes"]


def test_another_actor_or_note_is_another_statement() -> None:
    assert history(feedback("yes"), feedback("yes", actor="ada")) == ["yes"]
    assert history(feedback("yes"), feedback("yes", note="by phone")) == ["yes"]
    assert history(feedback("yes"), feedback("yes", time_us=7)) == []


def test_numbers_and_booleans_are_different_truths() -> None:
    assert history(feedback(1), feedback(True), feedback(1)) == [1, True]


def test_the_first_statement_and_the_latest_stay() -> None:
    said = [feedback(n) for n in range(HISTORY_MAX + 10)]

    assert history(*said) == [0, *range(10, HISTORY_MAX + 9)]


def test_long_statements_are_cached_as_far_as_they_fit() -> None:
    long = "é" * (HISTORY_MAX_BYTES // 5)
    first, second, third, fourth = (f"{n}{long}" for n in range(4))

    assert history(*map(feedback, (first, second, third, fourth))) == [first, third]


def test_a_statement_longer_than_the_limit_is_cached_alone() -> None:
    longest = "x" * (HISTORY_MAX_BYTES + 1)

    assert history(*map(feedback, ("first", longest, "last"))) == [longest]
