"""Conditions on the columns of records: what each accepts, and what it says of bad values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podium.records.record import Feedback, Record
from podium.records.store import ALL_FILTERS, RecordQuery
from podium.signature import Category, Field, Output, Signature
from podium.web.record_columns import Row, brief, chosen_columns, columns_of, usual_columns
from podium.web.record_conditions import (
    MOST,
    Condition,
    conditions_of,
    narrowed,
    parameters_of,
)

SIGNATURE = Signature(
    fields=(
        Field(name="age", type="integer"),
        Field(name="weight", title="Weight", unit="kg"),
        Field(name="island", type="category", categories=(Category("Biscoe"),)),
        Field(name="note", type="text"),
        Field(name="born", type="datetime"),
        Field(name="is_new", type="boolean"),
    ),
    outputs=(
        Output(task="classification", classes=("no", "yes"), has_probabilities=True, score=""),
    ),
)
COLUMNS = columns_of(SIGNATURE)


def row(**inputs: Any) -> Row:
    answer = {"prediction": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}
    usual = {"age": 30, "weight": 71.5, "note": "Crème brûlée", "born": "2024-05-31T14:00:00"}
    return Row(
        Record(
            id="0" * 32,
            time_us=1,
            model="m",
            version="3",
            inputs=msgspec.json.encode(usual | inputs),
            outputs=msgspec.json.encode(answer),
            outcome="yes",
            latency_us=2_500,
            actor="ada",
        )
    )


def conditions(*parts: tuple[str, str, str]) -> tuple[tuple[Condition, ...], list[str]]:
    query = {
        f"{letter}{number}": value
        for number, one in enumerate(parts, 1)
        for letter, value in zip("fov", one, strict=True)
    }
    problems: list[str] = []
    return conditions_of(query, COLUMNS, problems)[0], problems


@pytest.mark.parametrize(
    ("key", "operator", "value", "fits"),
    [
        ("in.age", "is", "30", True),
        ("in.age", "is", "30.0", True),
        ("in.age", "is", "31", False),
        ("in.age", "ge", "30", True),
        ("in.age", "ge", "30.5", False),
        ("in.age", "le", "1e9", True),
        ("in.weight", "has", "71", True),
        ("in.island", "none", "", True),
        ("in.island", "any", "", False),
        ("in.island", "is", "Biscoe", False),
        ("in.note", "has", "CRÈME", True),
        ("in.note", "has", "%", False),
        ("in.note", "is", "Crème brûlée", True),
        ("in.note", "is", "crème brûlée", False),
        ("in.born", "is", "2024-05-31", True),
        ("in.born", "is", "2024-05-31 14:00", True),
        ("in.born", "is", "2024-05-31T16:00+02:00", True),
        ("in.born", "ge", "2024-05-31", True),
        ("in.born", "le", "2024-05-31", False),
        ("out.p.yes", "ge", "0.75", True),
        ("out.p.no", "ge", "0.5", False),
        ("out.prediction", "is", "yes", True),
        ("rec.version", "is", "3", True),
        ("rec.by", "is", "ada", True),
        ("rec.latency", "le", "2.5", True),
        ("rec.truth", "any", "", False),
    ],
)
def test_a_condition_accepts_what_it_says(key: str, operator: str, value: str, fits: bool):
    (condition,), problems = conditions((key, operator, value))

    assert condition.fits(row()) is fits
    assert problems == []


@pytest.mark.parametrize("value", [None, "", "x", True, [1], {"a": 1}, 10**400, -(10**400)])
@pytest.mark.parametrize("operator", ["is", "ge", "le", "has", "none", "any"])
def test_a_value_of_any_type_is_compared_without_a_fault(value: Any, operator: str):
    found, _ = conditions(
        ("in.age", operator, "3"), ("in.born", operator, "2024-01-01"), ("in.note", "has", "3")
    )

    results = [one.fits(row(age=value, born=value, note=value)) for one in found]

    assert len(results) == 3
    if operator in ("is", "ge", "le"):
        assert results[:2] == [False, False]


@pytest.mark.parametrize(
    ("key", "operator", "value", "problem"),
    [
        ("in.gone", "is", "1", "No field is called “in.gone”."),
        ("x" * 500, "is", "1", f"No field is called “{'x' * 40}”."),
        ("in.age", "like", "1", "“like” is not a comparison"),
        ("in.age", "", "1", "“” is not a comparison"),
        ("in.age", "is", " ", "Age: write the value that it is."),
        ("in.age", "ge", "many", "Age: “many” is not a number."),
        ("in.age", "is", "nan", "“nan” is not a number."),
        ("in.age", "le", "inf", "“inf” is not a number."),
        ("in.note", "ge", "a", "Note is a text, which has no order"),
        ("in.note", "is", "a\x00b", "NUL"),
        ("in.note", "has", "a" * 201, "200 characters at most"),
        ("in.born", "ge", "soon", "“soon” is not a date or time"),
        ("in.born", "is", "2023-02-30", "“2023-02-30” is not a date or time"),
    ],
)
def test_an_invalid_condition_is_a_problem(key: str, operator: str, value: str, problem: str):
    query = {"f1": key, "o1": operator, "v1": value}
    problems: list[str] = []

    found, draft = conditions_of(query, COLUMNS, problems)

    assert found == ()
    assert problem in problems[0]
    assert draft.key == key


def test_only_some_conditions_can_be_given_at_once():
    found, _ = conditions(*[("in.age", "is", "1")] * (MOST + 3))

    assert len(found) == MOST


def test_conditions_are_what_their_parameters_say():
    found, _ = conditions(("in.weight", "ge", "3"), ("in.gone", "is", "1"), ("in.age", "none", "x"))

    said = parameters_of(found)

    assert said == {"f1": "in.weight", "o1": "ge", "v1": "3", "f2": "in.age", "o2": "none"}
    again, _ = conditions_of(said, COLUMNS, [])
    assert [one.text for one in again] == ["Weight (kg) is at least 3", "Age is missing"]


def test_a_store_looks_up_what_it_can():
    number = columns_of(Signature(fields=(), outputs=(Output(task="regression"),)))
    query = {"f1": "rec.truth", "o1": "none", "f2": "rec.truth", "o2": "any"}
    query |= {"f3": "out.prediction", "o3": "ge", "v3": "5", "f4": "rec.by", "o4": "is", "v4": "a"}
    found, _ = conditions_of(query, number, [])

    all_of_them, rest = narrowed(RecordQuery(), found, ALL_FILTERS)
    none, others = narrowed(RecordQuery(version="2"), found, frozenset({"version"}))

    assert all_of_them == RecordQuery(has_feedback=False, outcome_min=5.0)
    assert [one.text for one in rest] == ["True value is given", "By is a"]
    assert (none, len(others)) == (RecordQuery(version="2"), 4)


def test_outputs_are_columns_whatever_their_number():
    two = columns_of(
        Signature(
            fields=(),
            outputs=(Output(name="prediction"), Output(name="b", task="classification")),
        )
    )
    record = msgspec.structs.replace(
        row().record,
        outputs=b'{"prediction": {"prediction": 2.5, "b": "x"}, "score": 1}',
        feedback=Feedback(truth=b'"no"', time_us=1),
    )
    values = {key: column.read(Row(record)) for key, column in two.items()}

    assert (values["out.of.prediction"], values["out.of.b"]) == (2.5, "x")
    assert (values["rec.truth"], values["rec.feedback"]) == ("no", "given")
    assert "out.prediction" not in two
    assert two["out.of.b"].read(Row(msgspec.structs.replace(record, outputs=b"{}"))) is None


def test_columns_are_chosen_by_an_address():
    chosen = chosen_columns("column=rec.by&column=in.age&column=nope&column=%00", COLUMNS)

    assert [one.key for one in chosen] == ["in.age", "rec.by"]
    assert chosen_columns("", COLUMNS) == []
    assert [one.key for one in usual_columns(COLUMNS)][-2:] == ["rec.by", "rec.feedback"]
    assert (brief(0.123456), brief(None), brief("x" * 70)) == ("0.1235", "—", "x" * 60 + "…")
