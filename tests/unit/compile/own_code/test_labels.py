"""Columns of texts, in whatever type pandas holds them, and their missing values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from podium.compile import Compiled, compile_model
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

NAMES = ["Ann B1", "Bob C22", None, "Cy", "Ann B7", None] * 6


def compiled(how: Callable[[Any], Any], rows: pd.DataFrame) -> Compiled:
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(FunctionTransformer(how), encoder, LinearRegression())
    model.fit(rows, np.arange(len(rows)) ** 1.5)
    table = Table.of(rows)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    return compile_model(model, signature, table, original=original.predict)


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
@pytest.mark.parametrize(
    "how",
    [
        lambda df: df.astype(str).fillna("?"),
        lambda df: df["name"].astype(object).fillna("?").to_frame("other"),
        lambda df: df["name"].astype(str).str.slice(0, 2).fillna("?").to_frame(),
        lambda df: df["name"].str.extract(r" ([A-Z])\d", expand=False).fillna("?").to_frame(),
        lambda df: df["name"].isna().astype(int).to_frame(),
        lambda df: df["name"].map({"Ann B1": 1, "Cy": 2}).astype(float).fillna(0).to_frame(),
        lambda df: df["name"].isin(["Ann B1", "Cy"]).to_frame(),
        lambda df: (df["name"] != "Cy").fillna(True).astype(int).to_frame(),
    ],
    ids=["astype", "to_frame", "slice", "extract", "isna", "map", "isin", "not equal"],
)
def test_texts_are_recorded_whatever_their_type(dtype: Any, how: Callable[[Any], Any]) -> None:
    found = compiled(how, pd.DataFrame({"name": pd.Series(NAMES, dtype=dtype)}))

    assert found.why == ""


def test_none_is_an_ordinal_category_like_the_others() -> None:
    rows = pd.DataFrame({"name": pd.Series(NAMES, dtype=object)})
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1
    )
    model = make_pipeline(encoder, LinearRegression()).fit(rows, np.arange(len(rows)) ** 1.5)
    table = Table.of(rows)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)

    assert compile_model(model, signature, table, original=original.predict).why == ""
