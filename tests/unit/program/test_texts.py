"""Texts in programs: changed as Python and Arrow change them, within bounds, and never returned."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import (
    AnyOperation,
    ChangeText,
    ChooseText,
    FillText,
    JoinTexts,
    MeasureText,
    Named,
    Numbers,
    Operation,
    PresentText,
    Recode,
    Retext,
    Shapes,
    Terms,
    Texts,
)
from podium.program.operations.texts.analysis import Analysis
from podium.program.plan import Plan, PlanOutput

WORDS = ["Mr. Smith", "", None, "  mrs. Ödberg ", "a,b,c", "\u00dfE\u0130\u01c6"]


def run(*operations, columns=(WORDS,)):
    """What the last of these operations returns."""
    shapes, values = Shapes(len(columns)), []
    for operation in operations:
        shapes.add(operation.check(shapes))
        values.append(operation.prepare(shapes)(columns, values))
    return values[-1]


def changed(function: str, *arguments) -> list:
    return run(Texts(0), ChangeText(0, function, arguments))


@pytest.mark.parametrize("name", ["lower", "upper", "title", "capitalize", "swapcase", "casefold"])
def test_cases_are_those_of_python(name: str):
    assert changed(name) == [None if w is None else getattr(w, name)() for w in WORDS]


@pytest.mark.parametrize("name", ["lower", "upper", "capitalize", "swapcase"])
def test_simple_cases_are_those_of_arrow(name: str):
    theirs = getattr(pd.Series(WORDS, dtype="str").str, name)()

    assert changed(f"{name}_simple") == [None if t != t else t for t in theirs]


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("strip", (None,), ["Mr. Smith", "", None, "mrs. Ödberg", "a,b,c", WORDS[5]]),
        ("replace", (",", "--"), ["Mr. Smith", "", None, "  mrs. Ödberg ", "a--b--c", WORDS[5]]),
        ("slice", (0, 2, None), ["Mr", "", None, "  ", "a,", "\u00dfE"]),
        ("get", (-2,), ["t", None, None, "g", ",", "\u0130"]),
        ("part", (",", -1, 0, 1), [None, None, None, None, "b", None]),
        ("part", (",", 1, 1, 0), ["Mr. Smith", "", None, "  mrs. Ödberg ", "a,b", WORDS[5]]),
        ("part", (None, -1, 0, -1), ["Smith", None, None, "Ödberg", "a,b,c", WORDS[5]]),
        ("zfill", (6,), ["Mr. Smith", "000000", None, "  mrs. Ödberg ", "0a,b,c", "00" + WORDS[5]]),
        ("removeprefix", ("Mr. ",), ["Smith", "", None, "  mrs. Ödberg ", "a,b,c", WORDS[5]]),
    ],
)
def test_parts_of_texts(function: str, arguments: tuple, expected: list):
    assert changed(function, *arguments) == expected


def test_tables_choices_and_names():
    texts = Texts(0)

    assert run(texts, Retext(0, ("a,b,c", ""), ("x", None)))[3:5] == [None, "x"]
    assert run(texts, Retext(0, ("a,b,c",), ("x",), keeps_others=True))[0] == "Mr. Smith"
    assert run(texts, FillText(0, "?"))[1:3] == ["", "?"]
    assert run(texts, JoinTexts((0, 0)))[1:3] == ["", None]
    assert run(Numbers((0,)), Named(0, ("no", "yes")), columns=([1.0, 0, 2, np.nan],)) == [
        *("yes", "no"),
        *(None, None),
    ]
    both = ([1.0, 0.0], ["a", "b"])
    assert run(Numbers((0,)), Texts(1), FillText(1, "x"), Named(0, ("n", "y")),
               ChooseText((0, 2, 3)), columns=both) == ["a", "n"]  # fmt: skip


def test_a_text_that_must_be_present():
    assert run(Texts(0), PresentText(0), columns=(["a", ""],)) == ["a", ""]
    with pytest.raises(ModelError, match="doesn't have"):
        run(Texts(0), PresentText(0))


def test_what_is_no_text_or_no_known_label_is_missing():
    assert run(Texts(0), columns=([1, "a", None, 2.5, True],)) == [None, "a", None, None, None]
    assert run(Texts(0, ("a",)), columns=(["b", "a", None],)) == [None, "a", None]


def test_measures():
    texts = Texts(0)

    np.testing.assert_array_equal(
        run(texts, MeasureText(0, "len")).ravel(), [9, 0, np.nan, 14, 5, 4]
    )
    np.testing.assert_array_equal(
        run(texts, MeasureText(0, "contains", "mrs", 0.0)).ravel(), [0, 0, 0, 1, 0, 0]
    )
    np.testing.assert_array_equal(
        run(texts, MeasureText(0, "count", ",", -1.0)).ravel(), [0, 0, -1, 0, 2, 0]
    )


def test_matches_and_words():
    texts, lower = Texts(0), ChangeText(0, "lower")

    def measured(function, of=""):
        return run(texts, lower, MeasureText(1, function, of)).ravel().tolist()

    assert measured("matches", "[a-z]+") == [2, 0, pytest.approx(np.nan, nan_ok=True), 2, 3, 1]
    assert measured("words")[3:] == [2, 1, 1]
    assert run(texts, MeasureText(0, "different_words"), columns=(["a b a"],)).tolist() == [[2]]
    with pytest.raises(BundleError, match="isn't a known pattern"):
        measured("matches", "(a+)+b")


def test_codes_of_texts_and_what_they_refuse():
    codes = np.array([5.0, 7.0, 9.0])

    found = run(Texts(0), Recode(0, ("a,b,c",), codes)).ravel()

    np.testing.assert_array_equal(found, [9, 9, 7, 9, 5, 9])
    with pytest.raises(ModelError, match="missing"):
        run(Texts(0), Recode(0, ("",), codes, refuses_missing=True))
    with pytest.raises(ModelError, match="category"):
        run(Texts(0), Recode(0, ("",), codes, refuses_unknown=True))


def test_terms_of_computed_texts():
    terms = Terms(0, Analysis(), ("mrs", "smith"), x=1)

    found = run(Texts(0), FillText(0, "smith"), terms)

    np.testing.assert_array_equal(found[[0, 2, 3]], [[0, 1], [0, 1], [1, 0]])


@pytest.mark.parametrize(
    "operation",
    [
        ChangeText(0, "lower", ("a",)),
        ChangeText(0, "slice", ("a", None, None)),
        ChangeText(0, "get", (True,)),
        ChangeText(0, "replace", ("a",)),
        ChangeText(7, "lower"),
        Retext(0, ("a",), ()),
        Recode(0, ("a",), np.zeros(2)),
        JoinTexts(()),
        Named(0, ("a",)),
        PresentText(7),
        ChooseText((0, 0, 0)),
        Terms(0, Analysis(), ("a",), x=1),
    ],
)
def test_invalid_operations_are_refused(operation):
    with pytest.raises(BundleError, match="the plan isn't valid"):
        run(Texts(0), operation)


@pytest.mark.parametrize("arguments", [("slice", None, None, 0), ("part", "", -1, 0, 0)])
def test_arguments_that_python_refuses_fail_when_the_plan_is_prepared(arguments):
    with pytest.raises(ValueError, match=r"zero|empty"):
        changed(*arguments)


def test_no_plan_makes_texts_without_end():
    doubling = [ChangeText(n, "replace", ("x", "x" * 1000)) for n in range(4)]

    with pytest.raises(ModelError, match="1,000,000 characters"):
        run(Texts(0), *doubling, columns=(["x"],))
    with pytest.raises(ModelError, match="1,000,000 characters"):
        run(Texts(0), ChangeText(0, "zfill", (999_999,)), JoinTexts((1, 1)), columns=(["x"],))


def test_every_operation_says_which_columns_of_the_table_it_reads():
    readers = [
        kind
        for kind in get_args(AnyOperation)
        if any("Column" in str(a) or "Coding" in str(a) for a in kind.__annotations__.values())
    ]

    assert {Numbers, Texts} <= set(readers)
    for kind in readers:
        assert kind.columns_read is not Operation.columns_read, kind


def test_texts_are_neither_numbers_nor_outputs():
    with pytest.raises(BundleError, match="has no matrix"):
        run(Texts(0), Named(0, ("a",)))
    with pytest.raises(BundleError, match="texts are returned"):
        Plan(("a",), (Texts(0),), (PlanOutput(0),)).check()


def test_the_texts_of_all_rows_together_are_bounded():
    many = [f"{n}" for n in range(80)]
    long = ChangeText(0, "append", ("a" * 900_000,))

    with pytest.raises(ModelError, match="texts of more than 67,108,864 characters"):
        run(Texts(0), long, columns=(many,))
    with pytest.raises(ModelError, match="texts of more than 67,108,864 characters"):
        run(
            Texts(0), FillText(0, ""), JoinTexts((0, 1)), columns=([one * 240_000 for one in many],)
        )
