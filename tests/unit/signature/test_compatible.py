"""Which version may take the place of another: one that accepts whatever that accepts."""

from __future__ import annotations

from typing import Any

import pytest

from podium.signature.compatible import incompatibility
from podium.signature.fields import Category, Field, Output, Range, Signature


def signature(*fields: Field, **output: Any) -> Signature:
    return Signature(fields=fields, outputs=(Output(**output),))


def category(*labels: str, **attributes: Any) -> Field:
    categories = tuple(Category(label) for label in labels)
    return Field(name="x", type="category", categories=categories, **attributes)


X = Field(name="x")
Y = Field(name="y")


@pytest.mark.parametrize(
    ("now", "new"),
    [
        ([X], [X]),
        ([X, Y], [Y, X]),
        ([X], [X, Field(name="y", missing="accept")]),
        ([Field(name="x", type="integer")], [X]),
        ([category("a")], [category("a", "b")]),
        ([category("a", "b", unknown="warn")], [category("a", unknown="warn")]),
        ([category("a")], [Field(name="x", type="text")]),
        ([X], [Field(name="x", missing="accept")]),
        ([Field(name="x", bounds=Range(0, 9))], [Field(name="x", bounds=Range(-1, None))]),
    ],
)
def test_what_accepts_as_much_may_take_the_place(now, new):
    assert incompatibility(signature(*now), signature(*new)) == ""


@pytest.mark.parametrize(
    ("now", "new", "reason"),
    [
        ([X, Y], [X], "it has no field 'y'"),
        ([X], [X, Y], "it requires the field 'y'"),
        ([X], [Field(name="x", type="integer")], "its field 'x' is a integer, not a float"),
        ([Field(name="x", missing="accept")], [X], "refuses missing values"),
        ([category("a", "b")], [category("a")], "doesn't know 'b'"),
        ([category("a", unknown="warn")], [category("a")], "refuses unknown categories"),
        ([X], [Field(name="x", outside="refuse")], "refuses values outside"),
        ([X], [Field(name="x", bounds=Range(0, None))], "has 0 as its minimum"),
        ([Field(name="x", bounds=Range(0, 9))], [Field(name="x", bounds=Range(0, 8))], "8"),
        (
            [Field(name="x", type="text", max_length=20)],
            [Field(name="x", type="text", max_length=19)],
            "19 characters",
        ),
    ],
)
def test_what_refuses_more_may_not(now, new, reason):
    assert reason in incompatibility(signature(*now), signature(*new))


@pytest.mark.parametrize(
    ("now", "new"),
    [
        ({"name": "a"}, {"name": "b"}),
        ({}, {"task": "classification"}),
        ({"has_probabilities": True, "classes": ("a",)}, {"classes": ("a",)}),
        ({"has_distances": True, "classes": (0, 1)}, {"classes": (0, 1)}),
    ],
)
def test_what_predicts_something_else_may_not(now, new):
    assert incompatibility(signature(X, **now), signature(X, **new))
