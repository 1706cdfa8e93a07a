"""Frames and arrays that stand in for pandas' and numpy's: what is easily recorded wrongly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from podium.compile import Compiled, compile_model
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

X = pd.DataFrame({"size": np.arange(40.0), "age": np.arange(40) % 7, "mass": np.arange(40.0) % 11})
LOW = pd.Series({"size": 3.0, "mass": 2.0})
BY_AGE = pd.DataFrame({"age": np.arange(7), "mean": np.arange(7) / 2, "n": np.arange(7) ** 2})
BY_TWICE = pd.concat([BY_AGE, pd.DataFrame({"age": [99, 99], "mean": 0.0, "n": 0})])
EDGE = 3
NOISE = np.random.default_rng(0)
Y = np.arange(40.0) ** 2


def compiled(how: Any) -> Compiled:
    model = make_pipeline(FunctionTransformer(how), LinearRegression()).fit(X, Y)
    table = Table.of(X)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    return compile_model(model, signature, table, original=original.predict)


def in_place(df: Any) -> Any:
    df = df.copy()
    df.rename(columns={"size": "length"}, inplace=True)
    df.drop("mass", axis=1, inplace=True)
    df.clip(lower=2, inplace=True)
    return df


def anew(X: Any) -> Any:
    out = np.zeros((len(X), 2))
    out[:, 0] = X["size"]
    out[:, 1] = out[:, 0] / 7
    more = pd.DataFrame(index=X.index)
    more["flag"] = X["mass"] > 5
    more["one"] = 1
    return np.hstack([out, more.to_numpy(dtype=float)])


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(
    "how",
    [
        in_place,
        anew,
        lambda df: df.assign(n=(df > 5).sum(axis=1), any=(df > 9).any(axis=1)),
        lambda df: df[["size", "mass"]].clip(lower=LOW, axis=1),
        lambda df: df[["size", "mass"]].where(df[["size", "mass"]] > LOW, LOW, axis=1),
        lambda df: df.mask(df > 5, 0).add_suffix("_low"),
        lambda df: df.div(df.sum(axis=1) + 1, axis=0),
        lambda df: df.eval("density = mass / (size + 1)").eval("old = age >= 3"),
        lambda df: df.to_numpy() / (df.to_numpy().sum(axis=1, keepdims=True) + 1),
        lambda df: pd.DataFrame(df.to_numpy())[[2, 0]],
        lambda df: df.merge(BY_AGE[2:], on="age", how="left").fillna(-1),
        lambda df: pd.merge(df, BY_AGE[["n", "age"]], on="age", how="left").fillna({"n": 0}),
        lambda df: df.std(axis=1).to_frame("std"),
        lambda df: np.linalg.norm(df.to_numpy(), axis=1)[:, None],
        lambda df: df.to_numpy() @ np.arange(6.0).reshape(3, 2),
        lambda df: df.to_numpy().argmax(axis=1).reshape(-1, 1),
        lambda df: np.median(df.to_numpy(), axis=1)[:, np.newaxis],
        lambda df: df.reindex(columns=["mass", "other", "size"], fill_value=3),
        lambda df: pd.concat([df["age"], df["size"].rename_axis(None)], axis=1)
        if type(df) is pd.DataFrame
        else pd.concat([df["age"], df["size"]], axis=1)[["age", "size"]],
    ],
)  # fmt: skip
def test_it_is_recorded_as_it_is(how: Any):
    assert compiled(how).why == ""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda df: df / len(df), "number of rows"),
        (lambda df: df if len(df) > 3 else df * 1, "number of rows"),
        (lambda df: df.merge(df, on=["size", "age", "mass"], how="left"), "with other rows"),
        (lambda df: df.merge(BY_AGE, on="age"), '`how="left"` with one column'),
        (lambda df: df.merge(BY_TWICE, on="age", how="left"), "a key twice"),
        (lambda df: pd.merge(BY_AGE, df, on="age", how="right"), "merge the rows with it"),
        (lambda df: df.assign(n=range(len(df))), "number of rows"),
        (lambda df: df.eval("n = size.mean()"), "write it in Python"),
        (lambda df: df.eval("n = age + @EDGE"), "write it in Python"),
        (lambda df: df.to_numpy().T.T, "can't be recorded"),
        (lambda df: df.to_numpy()[np.argsort(df["size"])], "can't be recorded"),
        (lambda df: df[["age"]].assign(n=np.linalg.norm(df["size"])), "other rows"),
    ],
)
def test_what_depends_on_other_rows_or_is_not_known_is_refused(how: Any, why: str):
    found = compiled(how)

    assert found.program is None
    assert why in found.why


def noisy(df: Any) -> Any:
    made = np.zeros(len(df))
    return df.assign(zeros=made, noise=NOISE.normal(size=len(df)))


@pytest.mark.parametrize(
    "how", [noisy, lambda df: df.assign(n=df["size"] + np.random.normal(size=len(df)))]
)
def test_compiled_code_that_makes_an_array_of_all_rows_gets_no_stand_in(how: Any) -> None:
    """It would read the memory of one, and crash."""
    assert "it asks compiled code for as many numbers as there are rows" in compiled(how).why
