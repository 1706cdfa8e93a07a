"""Regular expressions in programs find what pandas finds, and numbers are read as pandas reads them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import (
    ExtractText,
    MatchText,
    ReadNumbers,
    ReplaceMatches,
    Shapes,
    Texts,
)

TEXTS = ["Mr. A", "b12 c3", None, "", "\u00fcb\u0663", "aa\n", "B-B"]
STRINGS = pd.Series(TEXTS, dtype=object).str


def run(operation: Any, texts: Any = TEXTS) -> list[Any]:
    shapes = Shapes(1)
    shapes.add(Texts(0).check(shapes))
    shapes.add(operation.check(shapes))
    found = operation.prepare(shapes)([], [list(texts)])
    return found.ravel().tolist() if isinstance(found, np.ndarray) else found


def same(ours: list[Any], theirs: pd.Series) -> bool:
    pairs = zip(ours, theirs.tolist(), strict=True)
    return all(one == two or (pd.isna(one) and pd.isna(two)) for one, two in pairs)


@pytest.mark.parametrize("pattern", [r"\d", "^a", r"\w+$", "[A-Z]", r"a\n", "b|B"])
def test_what_matches(pattern: str):
    assert same(run(MatchText(0, pattern)), STRINGS.contains(pattern))
    assert same(run(MatchText(0, pattern, how="match")), STRINGS.match(pattern))
    assert same(run(MatchText(0, pattern, how="fullmatch")), STRINGS.fullmatch(pattern))
    assert same(run(MatchText(0, pattern, how="count")), STRINGS.count(pattern))
    found = run(MatchText(0, pattern, ignores_case=True, missing=0.0))
    assert same(found, STRINGS.contains(pattern, flags=re.IGNORECASE, na=False))


def test_groups_and_places():
    assert same(run(ExtractText(0, r"(\w)(\d)?", group=2)), STRINGS.extract(r"(\w)(\d)?")[1])
    assert same(run(ExtractText(0, r"\d+", place=1)), STRINGS.findall(r"\d+").str[1])
    assert same(run(ExtractText(0, r"([a-z])\d?", group=1, place=-1)),
                STRINGS.findall(r"([a-z])\d?").str[-1])  # fmt: skip


@pytest.mark.parametrize("by", ["", "-", r"<\1>", "\n"])
def test_replacements(by: str):
    pattern = r"([A-Zb])\.?"

    assert same(run(ReplaceMatches(0, pattern, by=by)), STRINGS.replace(pattern, by, regex=True))


def test_long_replacements_are_the_same_until_they_are_too_long():
    by = "x" * 1999

    assert run(ReplaceMatches(0, "a", by=by), ["a" * 499 + "b"]) == [by * 499 + "b"]
    with pytest.raises(ModelError, match="1,000,000 characters"):
        run(ReplaceMatches(0, "a", by=by), ["a" * 5000])


@pytest.mark.parametrize(
    "operation",
    [
        MatchText(0, "(a+)+"),
        MatchText(0, "a*", how="count"),
        MatchText(1, "a"),
        ExtractText(0, "(a)", group=2),
        ExtractText(0, "a*", place=0),
        ReplaceMatches(0, "a*", by=""),
        ReplaceMatches(0, "a", by=r"\1"),
        ReplaceMatches(0, "(a)", by=r"\g<1>"),
        ReplaceMatches(0, "(a)", by="\\"),
        ReplaceMatches(0, "(a)", by=r"\12"),
        ReadNumbers(1, "float"),
    ],
)
def test_what_a_plan_may_not_ask_for(operation: Any):
    with pytest.raises(BundleError, match="the plan isn't valid"):
        run(operation)


NUMERALS = [
    *("1", " 2.5\n", "1_0", "1e5", "-.5", "inf", "nan", "", "x", "1,5", "\u0663", "0x1", "1\x00"),
    *("+7", "1e400", "--1", "\u00a01", None),
]


@pytest.mark.parametrize("text", NUMERALS)
def test_numbers_are_read_as_pandas_reads_them(text: str | None):
    column = pd.Series([text], dtype=object)

    assert same(run(ReadNumbers(0, "numeric_or_missing"), [text]),
                pd.to_numeric(column, errors="coerce"))  # fmt: skip
    for how, theirs in (
        ("numeric", pd.to_numeric),
        ("float", lambda some: some.astype(float)),
        ("int", lambda some: some.astype(int)),
    ):
        try:
            expected = theirs(column)
        except (TypeError, ValueError):
            with pytest.raises(ModelError, match="a number here"):
                run(ReadNumbers(0, how), [text])
        else:
            assert same(run(ReadNumbers(0, how), [text]), expected), how
