"""Regular expressions in one's own code are recorded where programs find exactly the same."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from podium.compile.own_code.expressions import expression_of
from podium.compile.own_code.recorded import Untraceable

NAMES = [
    *("Braund, Mr. Owen 22", "Cumings, Mrs. John B.", None, "x", "\u00dcnal, Dr. \u00d6. 1,000"),
    *("a\n", "\u0663 \u00df", "Smith, Miss. I\u0131\u0130", "$7.50", "12"),
]


def rows(dtype: Any) -> pd.DataFrame:
    return pd.DataFrame({"n": np.arange(40.0), "name": pd.Series(NAMES * 4, dtype=dtype)})


def as_column(how: Any) -> Any:
    return lambda d: d[["n"]].assign(v=how(d["name"]))


PIECES = [
    lambda s: s.str.extract(r" ([A-Za-z]+)\.", expand=False).map({"Mr": 1, "Dr": 3}).fillna(0),
    lambda s: s.str.extract(r"(\d+)")[0].astype(float),
    lambda s: s.str.extract(r"(?P<a>\w+), (?P<b>\w+)").rename(columns={"a": "k"})["k"].str.len(),
    lambda s: s.str.contains(r"M(?:r|iss)s?\.", na=False).astype(int),
    lambda s: s.str.contains("miss|i", case=False, na=False).astype(int),
    lambda s: s.str.contains(r"\bmiss\b|\d", flags=re.IGNORECASE, na=False).astype(int),
    lambda s: s.str.contains(re.compile("iss"), na=False).astype(int),
    lambda s: s.str.match(r"^[A-C]\w+", na=False).astype(int),
    lambda s: s.str.match("a|i", flags=re.IGNORECASE, na=False).astype(int),
    lambda s: s.str.fullmatch(r"\d{2}", na=False).astype(int),
    lambda s: s.str.count("[A-Z]"),
    lambda s: s.str.replace(r"\s+", " ", regex=True).str.len(),
    lambda s: s.str.replace(r"(\w+), (\w+)", r"\2 \1", regex=True).str[0].map({"M": 1}),
    lambda s: s.str.replace("B|m", "", regex=True, case=False).str.len(),
    lambda s: s.str.findall(r"\d+").str[0].astype(float),
    lambda s: s.str.findall("[aeiou]").str.len(),
    lambda s: s.replace("[^0-9]", "", regex=True).str.len(),
    lambda s: pd.to_numeric(s.str.replace("[$,a-zA-Z ]", "", regex=True), errors="coerce"),
    lambda s: s.fillna("").apply(lambda one: re.sub("[aeiou]", "", one.lower())).str.len(),
]


@pytest.mark.parametrize("how", PIECES, ids=range(len(PIECES)))
def test_expressions_are_recorded(record: Any, how: Any):
    assert record(as_column(how), rows("str")).why == ""


@pytest.mark.parametrize("how", PIECES[4:9], ids=range(4, 9))
def test_and_where_python_keeps_the_texts(record: Any, how: Any):
    assert record(as_column(how), rows(object)).why == ""


@pytest.mark.filterwarnings("ignore:Possible nested set")
@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda s: s.str.contains("(?:a+)+$", na=False), "repeats what has no fixed length"),
        (lambda s: s.str.replace("(?<=a)b", "", regex=True).str.len(), "looks ahead or behind"),
        (
            lambda s: s.str.contains("a", flags=re.IGNORECASE | re.MULTILINE, na=False),
            "other than re.IGNORECASE",
        ),
        (lambda s: s.str.contains("[[:alpha:]]", na=False), "Arrow and Python understand"),
        (lambda s: s.str.contains("\u00df", case=False, na=False), "pass flags=re.IGNORECASE"),
        (lambda s: s.str.count("^a"), "`.str.findall(...)` can be recorded"),
        (lambda s: s.str.count("a*"), "also matches where nothing is"),
        (lambda s: s.str.replace("a", lambda _: "b", regex=True).str.len(), "a function returns"),
        (lambda s: s.str.extract("(.*) .*m (.*)x")[0].str.len(), "may take very long on texts"),
        (
            lambda s: s.fillna("").apply(lambda one: len(re.findall("a", one))),
            "`.str.findall` can be recorded",
        ),
        (
            lambda s: s.fillna("").apply(lambda one: re.compile("a").sub("", one)).str.len(),
            "the methods under `.str` can be recorded",
        ),
    ],
)
def test_what_would_find_something_else_or_take_long_is_not(record: Any, how: Any, why: str):
    found = record(as_column(how), rows("str"))

    assert found.program is None
    assert why in found.why
    assert "line " in found.why


def test_arrow_ignores_the_case_of_fewer_letters_than_python():
    pattern = re.compile(expression_of("is", case=False, by_arrow=True).pattern)
    theirs = pd.Series(["IS", "i\u017f", "\u0131s", "\u0130s"], dtype="str").str

    found = [pattern.search(one) is not None for one in ("IS", "i\u017f", "\u0131s", "\u0130s")]

    assert found == theirs.contains("is", case=False).tolist() == [True, True, False, False]
    with pytest.raises(Untraceable, match="in its own way"):
        expression_of("i$", case=False, by_arrow=True)
