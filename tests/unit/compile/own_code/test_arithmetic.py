"""Numbers and truths that code computes with, and what becomes of missing ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from podium.compile import Compiled

TRUTHS = pd.DataFrame(
    {
        "a": pd.Series([True, False, None, True, None, False] * 5, dtype=object),
        "b": [True, False, True] * 10,
        "n": np.arange(30.0),
    }
)


@pytest.mark.parametrize(
    "how",
    [
        lambda df: df.assign(new=df["a"] & df["b"]),
        lambda df: df.assign(new=df["b"] & df["a"]),
        lambda df: df.assign(new=df["a"] | df["b"]),
        lambda df: df.assign(new=df["b"] | df["a"]),
        lambda df: df.assign(new=df["a"] ^ df["b"]),
        lambda df: df.assign(new=df["b"] ^ df["a"]),
        lambda df: df.assign(new=np.where(df["a"], df["n"], -1.0)),
        lambda df: df.assign(new=df["n"] * df["a"]),
    ],
)
def test_missing_truths_are_what_pandas_takes_them_for(
    record: Callable[[Callable[[Any], Any], pd.DataFrame], Compiled], how: Callable[[Any], Any]
) -> None:
    found = record(lambda df: how(df).drop(columns="a"), TRUTHS)

    assert found.why == ""
    assert found.verification is not None
    assert found.verification.is_equal


@pytest.mark.parametrize(
    ("how", "dtype", "why"),
    [
        (lambda df: df["a"] + df["b"], object, "it adds truths of which some may be missing"),
        (lambda df: df["a"] & df["b"], "boolean", "may be pd.NA; `fillna` makes them"),
    ],
)
def test_truths_whose_missing_ones_have_no_clear_meaning_are_refused(
    record: Callable[[Callable[[Any], Any], pd.DataFrame], Compiled],
    how: Callable[[Any], Any],
    dtype: Any,
    why: str,
) -> None:
    found = record(
        lambda df: pd.DataFrame({"n": df["n"], "new": how(df).astype(float)}),
        TRUTHS.astype({"a": dtype}),
    )

    assert why in found.why
