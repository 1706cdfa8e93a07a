"""`pd.get_dummies` is recorded where its columns don't depend on the rows of a batch."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

ROWS = pd.DataFrame(
    {
        "town": ["Ulm", "Bonn", None, "Trier"] * 10,
        "floor": [1, 2, 3, 4, 5] * 8,
        "share": [0.5, 2.5] * 20,
        "is_new": [True, False] * 20,
        "tags": ["new|big", "big", None, "", "a.b|old", "new"] * 6 + ["old|", "|x", "big", "new"],
        "kind": pd.Categorical(["flat", "house"] * 20, categories=["house", "flat", "boat"]),
    }
)
KNOWN = ["floor", "share", "town_Ulm", "town_Trier", "town_Köln"]


# pandas 4 refuses values that aren't declared; pandas 3 makes them missing, with a warning.
_UNDECLARED = "ignore:Constructing a Categorical"


@pytest.mark.filterwarnings(_UNDECLARED)
@pytest.mark.parametrize(
    "how",
    [
        lambda d: pd.get_dummies(d[["town", "floor", "share"]]).reindex(columns=KNOWN, fill_value=0),
        lambda d: pd.get_dummies(data=d[["town", "floor"]], columns=["town", "floor"]).reindex(
            ["floor_2", "floor_2.0", "town_Ulm"], axis=1, fill_value=0
        ),
        lambda d: pd.get_dummies(d[["is_new", "share"]], columns=["is_new", "share"]).reindex(
            columns=["is_new_True", "is_new_False", "share_2.5", "share_3"], fill_value=0
        ),
        lambda d: pd.get_dummies(d["town"]).reindex(columns=["Bonn", "Ulm"], fill_value=0),
        lambda d: (
            pd.concat([d, pd.get_dummies(d["town"], prefix="in")], axis=1)
            .drop(columns=["town", "kind"])
            .reindex(columns=["floor", "in_Bonn"], fill_value=0)
        ),
        lambda d: pd.get_dummies(d[["floor", "kind"]], drop_first=True),
        lambda d: pd.get_dummies(d["town"].astype(pd.CategoricalDtype(["Ulm", "Trier"]))),
        lambda d: pd.get_dummies(
            pd.Categorical(d["town"], categories=["Ulm"]), prefix="in", dtype=float
        ),
        lambda d: d["tags"].str.get_dummies(sep="|").reindex(
            columns=["big", "a", "a.b", "rare"], fill_value=0
        ),
        lambda d: pd.get_dummies(pd.cut(d["floor"], [0, 2, 4, 9], labels=["low", "mid", "high"])),
        lambda d: d["tags"].astype(object).str.get_dummies().reindex(columns=["new"], fill_value=0),
        lambda d: d.select_dtypes("category").apply(lambda one: one.cat.codes),
        lambda d: pd.DataFrame({"a": pd.Series(d["kind"], d.index, "category").cat.codes}, d.index),
        lambda d: pd.DataFrame(d[["floor", "share"]].to_numpy(), d.index, ["a", "b"])[["b"]],
        lambda d: pd.get_dummies(pd.Categorical(d["kind"], ["boat", "flat"])),
        lambda d: d[["floor"]].assign(
            # Constant categories, and questions about them, are pandas' own.
            least=pd.Series(["b", "a"], dtype="category").cat.codes.min(),
            is_one=isinstance(pd.Categorical(["a"]), pd.Categorical),
        ),
        lambda d: d[["floor"]].assign(
            kind=d["kind"].cat.codes, town=pd.Categorical(d["town"], categories=["Ulm"]).codes
        ),
    ],
)  # fmt: skip
def test_dummies_of_known_columns_are_recorded(record: Any, how: Any):
    assert record(how, ROWS).why == ""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda d: pd.get_dummies(d[["town"]]), "OneHotEncoder"),
        (lambda d: pd.get_dummies(d[["town"]])[["town_Ulm"]], "OneHotEncoder"),
        (lambda d: d["tags"].str.get_dummies(), "OneHotEncoder"),
        (lambda d: pd.get_dummies(d[["town"]]).astype(float), "depend on the other rows"),
        (
            lambda d: pd.get_dummies(d[["town"]]).reindex(columns=KNOWN).fillna(0)[["town_Ulm"]],
            "fill_value=0",
        ),
        (
            lambda d: pd.get_dummies(d["town"], drop_first=True).reindex(
                columns=["Ulm"], fill_value=0
            ),
            "drop_first drops the first value of each batch",
        ),
        (lambda d: d[["floor"]].assign(t=d["town"].astype("category").cat.codes), "declare"),
        (
            lambda d: pd.get_dummies(d.assign(town_a=d["town"])[["town", "town_a"]]).reindex(
                columns=["town_a_Ulm"], fill_value=0
            ),
            "may be made of several columns",
        ),
    ],
)
def test_what_depends_on_the_batch_is_not(record: Any, how: Any, why: str):
    found = record(how, ROWS)

    assert found.program is None
    assert why in found.why
    assert "line " in found.why
