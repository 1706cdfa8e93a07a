"""A problem becomes the error that Podium raises for it elsewhere."""

from __future__ import annotations

import msgspec
import pytest

from podium.client.failures import failure_of, moved
from podium.errors import (
    BadCell,
    InvalidRows,
    NoPrediction,
    NotFound,
    Overloaded,
    PodiumError,
    RateLimited,
    Unreachable,
)
from podium.web.problems import STATUSES, of_error


@pytest.mark.parametrize("kind", sorted(STATUSES, key=lambda one: one.code))
def test_every_problem_of_a_server_is_an_error_with_its_code_or_says_so(
    kind: type[PodiumError],
) -> None:
    body = {"code": kind.code, "detail": "what happened", "hint": "what to do"}

    error = failure_of(STATUSES[kind], msgspec.json.encode(body))

    assert "what happened" in str(error)
    assert "what to do" in str(error)
    assert type(error) in (kind, PodiumError)


@pytest.mark.parametrize("kind", [InvalidRows, NoPrediction])
def test_invalid_cells_arrive_as_they_were(kind: type[InvalidRows]) -> None:
    sent = kind([BadCell(problem="is odd", row=3, field="x", value="5", code="invalid")], n_cells=9)

    problem = of_error(sent, is_reading=False)
    error = failure_of(422, msgspec.json.encode(problem))

    assert isinstance(error, kind)
    assert (error.cells, error.n_cells) == (sent.cells, 9)
    later = moved(error, 1_000)
    assert (type(later), later.cells[0].row, later.n_cells) == (kind, 1_003, 9)


def test_the_time_to_wait_arrives() -> None:
    error = failure_of(429, b'{"code": "rate_limited", "detail": "the limit is 5"}', 2.5)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 2.5


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"detail": 5}', b"\xff", b'{"error": 1}']
)
def test_what_isnt_ours_says_so(body: bytes) -> None:
    error = failure_of(502, body)

    assert isinstance(error, Unreachable)
    assert "502" in str(error)


def test_codes_of_newer_servers_are_errors_too() -> None:
    error = failure_of(418, b'{"code": "teapot", "detail": "no coffee"}')

    assert (type(error), str(error)) == (PodiumError, "no coffee")
    assert type(failure_of(404, b'{"code": "not_found", "detail": "x"}')) is NotFound
    assert type(failure_of(503, b'{"code": "overloaded", "detail": "x"}')) is Overloaded
