from __future__ import annotations

import pytest

from podium.hosts.grpc.status import STATUSES, TEXT_BYTES_MAX, status_of, text_within_bounds
from podium.http import Problem
from podium.web import problems


def problem(status: int, code: str = "some", detail: str = "text") -> Problem:
    return Problem(type="", title="", status=status, detail=detail, code=code)


def test_every_status_of_a_problem_is_one_of_grpc():
    from grpc import StatusCode

    known = {status_of(problem(one)).name for one in STATUSES}

    assert set(problems.STATUSES.values()) <= set(STATUSES)
    assert set(STATUSES.values()) == known <= set(StatusCode.__members__)


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (503, "overloaded", "RESOURCE_EXHAUSTED"),
        (503, "store", "UNAVAILABLE"),
        (418, "tea", "INTERNAL"),
    ],
)
def test_a_code_decides_where_a_status_has_two_meanings(status, code, name):
    assert status_of(problem(status, code)).name == name


def test_a_text_fits_into_a_header_whatever_is_in_it():
    text = text_within_bounds(problem(400, detail="é" * 10_000))

    assert text.startswith("éé")
    assert 0 < len(text.encode()) <= TEXT_BYTES_MAX
