"""Functions of one value or row are recorded on each way through them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from podium.compile.own_code.recorded import current_path
from podium.errors import ModelError

NAMES = [
    *("Braund, Mr. Owen", "Cumings, Mrs. John B.", "Heikkinen, Miss. Laina", "x"),
    *("\u00dcnal, Dr. \u00d6. 1,000", "Mrs.", "a b", "Mr. Miss."),
]
ROWS = pd.DataFrame(
    {
        "name": NAMES * 8,
        "cabin": ["C85", None, "E46", None] * 16,
        "age": [1.5, 20, None, 70] * 16,
        "sibs": [0, 1, 2, 3] * 16,
        "fare": np.arange(64.0) + 1,
        "sex": ["male", "female"] * 32,
    }
)


def title(name: str) -> str:
    found = re.search(r" ([A-Za-z]+)\.", name)
    if found:
        return found.group(1)
    return ""


def stage(age: float) -> str:
    if pd.isna(age):
        return "unknown"
    if age < 12:
        return "child"
    return "adult" if age <= 60 else "old"


def who(person: Any) -> str:
    if person["age"] < 16:
        return "child"
    return person.sex


def rank(name: str) -> int:
    if "Mrs" in name or (name.startswith("M") and not name.endswith("iss.")):
        return 2
    for n, one in enumerate(("Mr", "Dr")):
        if one in name:
            return 3 + n
    return 0


STAGES = {"unknown": 0, "child": 1, "adult": 2, "old": 3, "male": 5, "female": 6}


def as_column(how: Any) -> Any:
    return lambda d: d[["fare"]].assign(v=how(d))


@pytest.mark.parametrize(
    "how",
    [
        lambda d: d["name"].apply(title).map({"Mr": 1, "Mrs": 2, "": 5}).fillna(0),
        lambda d: d["age"].apply(stage).map(STAGES),
        lambda d: d[["age", "sex"]].apply(who, axis=1).map(STAGES),
        lambda d: d["name"].map(rank),
        lambda d: d["age"].apply(lambda age: None if age > 50 else age),
        lambda d: d["cabin"].apply(lambda one: "N" if pd.isna(one) else one[0]).map({"N": 0, "C": 1}),
        lambda d: d["cabin"].apply(lambda one: 1 if isinstance(one, str) else 0),
        lambda d: d["name"].apply(lambda one: None if "Mr" in one else "q").map({"q": 1}),
        lambda d: d.apply(lambda row: row["sibs"] + row["fare"] / (row.sibs + 1), axis=1),
        lambda d: d.apply(lambda row: 1 if row["sibs"] > 0 and row["fare"] > 20.5 else 0, axis=1),
        lambda d: d[["sibs", "fare"]].apply(lambda row: row.sum() if row.max() > 9 else 0, axis=1),
        lambda d: d["sibs"].map(lambda n: "one" if n == 0 else "few" if n in (1, 2) else "many").map(
            {"one": 1, "few": 2}).fillna(7),
        lambda d: d["name"].apply(len),
        lambda d: d["name"].apply(lambda one: len(one.split()) if len(one) > 4 else -1),
        lambda d: d["name"].apply(lambda one: len(one.split(", ")) / len(one)),
        lambda d: d["sex"].apply(lambda one: one.split("a")[0][0]).map({"m": 1}),
        lambda d: d["name"].str.split().str.len() + d["name"].str.split(",").str.len(),
    ],
)  # fmt: skip
def test_each_way_is_recorded(record: Any, how: Any):
    assert record(as_column(how), ROWS).why == ""
    assert current_path.get() is None


def test_a_way_that_is_taken_by_no_training_row_is_recorded_too(record: Any):
    found = record(as_column(lambda d: d["sibs"].apply(lambda n: -1 if n > 90 else n)), ROWS)
    few = record(as_column(lambda d: d["sibs"].apply(lambda n: n)), ROWS)

    def predicted(one: Any, sibs: int) -> float:
        return one.program.predict_rows([("", "", 1.0, sibs, 5.0, "male")]).predictions[0]

    assert predicted(found, 2) == predicted(few, 2)
    assert predicted(found, 91) == predicted(few, -1)


def test_a_part_that_a_text_lacks_is_refused_as_python_refuses_it(record: Any):
    rows = ROWS[["name"]].assign(name=[f"No. {n}, {name}" for n, name in enumerate(ROWS["name"])])

    parts = record(
        lambda d: pd.DataFrame({"n": d["name"].apply(lambda one: one.split(", ")[1]).str.len()}),
        rows,
    )
    groups = record(
        lambda d: pd.DataFrame(
            {"n": d["name"].apply(lambda one: re.search(r"(\d+),", one).group(1)).astype(int)}
        ),
        rows,
    )

    for found in (parts, groups):
        assert found.why == ""
        with pytest.raises(ModelError, match="a part of a text that this text doesn't have"):
            found.program.predict_rows([("nothing",)])


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (
            lambda d: d["sibs"].apply(lambda n: sum(1 for k in range(9) if n > k / 3)),
            "more than 64 paths",
        ),
        (
            lambda d: d["sex"].apply(lambda one: {"male": 1, "female": 0}[one]),
            "`map` can be recorded",
        ),
        (lambda d: pd.qcut(d["fare"], 4, labels=False), "use pd.cut with them"),
        (lambda d: d["age"].fillna(d["age"].median()), "compute it in the `fit`"),
        (
            lambda d: (
                d["name"].apply(lambda one: one.split("M")[1] if "M" in one else one).str.len()
            ),
            "a part that a text may not have",
        ),
        (lambda d: d["fare"].apply(lambda _: 1), "doesn't depend on it"),
        (lambda d: d.apply(lambda row: row * 2, axis=1)["fare"], "unsupported operand"),
        (lambda d: d.apply(lambda row: None, axis=1), "neither a number nor a text"),
        (lambda d: d["fare"] if (d["fare"] > 3).all() else d["sibs"], "`.all` of a column"),
        (lambda d: d["fare"] if d["fare"] > 3 else d["sibs"], "branches on values"),
    ],
)
def test_what_is_more_than_that_is_not(record: Any, how: Any, why: str):
    def traced(d: Any) -> Any:
        return as_column(how)(d) if type(d) is not pd.DataFrame else d[["fare"]]

    found = record(traced, ROWS)

    assert found.program is None
    assert why in found.why
    assert current_path.get() is None
