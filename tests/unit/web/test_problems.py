"""Errors as problem+json: what the caller can mend is told, what they can't is logged."""

from __future__ import annotations

import logging
import re

import msgspec
import pytest

from podium import errors, http
from podium.errors import (
    BadCell,
    BundleError,
    InputError,
    InvalidRows,
    MalformedBody,
    MissingExtra,
    ModelError,
    NotFound,
    PodiumError,
    StoreError,
    TooLarge,
    UnsupportedMedia,
)
from podium.policy.gate import Refusal
from podium.web import problems

SECRET = "/srv/models: password=hunter2"


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    """The error as one that was raised from another."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedBody("the body isn't JSON", hint="send UTF-8"), 400),
        (InputError("it can't be answered", hint="ask otherwise"), 400),
        (NotFound("no model is called 'x'", hint="known: churn"), 404),
        (TooLarge("1001 rows", hint="send less"), 413),
        (UnsupportedMedia("text/plain isn't read", hint="send JSON"), 415),
    ],
)
def test_a_callers_mistake_is_reported_with_what_to_do(error, status):
    problem = problems.of_error(error)

    assert problem == http.Problem(
        type=f"urn:podium:{error.code}",
        title=problems.PHRASES[problems.STATUSES[type(error)]],
        status=status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
    )


def test_every_invalid_cell_is_reported():
    cells = [
        BadCell(row=3, field="age", value="old", problem="isn't a number", accepted="a number"),
        BadCell(row=5, field="plan", problem="is missing", code="missing"),
    ]

    answer = problems.respond(problems.of_error(InvalidRows(cells, n_cells=7)))

    assert answer.status == 422
    assert answer.media == "application/problem+json"
    told = msgspec.json.decode(answer.body)
    assert told["n_cells"] == 7
    assert told["cells"] == [
        {
            "problem": "isn't a number",
            "accepted": "a number",
            "row": 3,
            "field": "age",
            "value": "old",
        },
        {"problem": "is missing", "row": 5, "field": "plan", "code": "missing"},
    ]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ModelError(SECRET, hint=SECRET), 500, "model"),
        (StoreError(SECRET, hint=SECRET), 503, "store"),
        (BundleError(SECRET, hint=SECRET), 500, "internal"),
        (MissingExtra(SECRET, hint=SECRET), 500, "internal"),
        (ZeroDivisionError(SECRET), 500, "internal"),
        (RecursionError(SECRET), 500, "internal"),
    ],
)
def test_a_fault_gives_the_caller_an_id_and_the_log_the_cause(error, status, code, caplog):
    with caplog.at_level(logging.ERROR, "podium"):
        problem = problems.of_error(caught(error, cause=ValueError("the driver said no")))

    (record,) = [one for one in caplog.records if hasattr(one, "incident")]
    assert (problem.status, problem.code) == (status, code)
    assert SECRET not in msgspec.json.encode(problem).decode()
    (incident,) = re.findall(r"\b[0-9a-f]{12}\b", problem.detail)
    assert problem.instance.endswith(incident)
    assert record.incident == incident
    assert incident in record.getMessage()
    assert SECRET in caplog.text
    assert "the driver said no" in caplog.text


def test_two_faults_have_two_ids():
    error = caught(ModelError("no"))

    assert problems.of_error(error).instance != problems.of_error(error).instance


def kinds(of: type[PodiumError]) -> list[type[PodiumError]]:
    return [of] + [one for sub in of.__subclasses__() for one in kinds(sub)]


@pytest.mark.parametrize("kind", [k for k in kinds(InputError) if k.__module__ == errors.__name__])
def test_no_input_error_is_a_fault_of_the_server(kind):
    error = kind([BadCell(problem="odd")]) if kind is InvalidRows else kind("odd")

    assert 400 <= problems.of_error(error).status < 500


def test_a_kind_stands_before_those_it_is_derived_from():
    known = list(problems.STATUSES)

    assert [
        (one, other)
        for i, one in enumerate(known)
        for other in known[i + 1 :]
        if issubclass(other, one)
    ] == []


def test_a_refusal_becomes_a_problem_like_an_error():
    refusal = Refusal(421, "host_not_allowed", "unknown", "allow it")

    problem = problems.of_refusal(refusal)

    assert (problem.status, problem.title) == (421, "Misdirected Request")
    assert (problem.type, problem.code) == ("urn:podium:host_not_allowed", "host_not_allowed")
    assert (problem.detail, problem.hint) == ("unknown", "allow it")
