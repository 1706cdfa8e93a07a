"""Compiles a function on some rows, for tests of what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from podium.compile import Compiled, compile_model
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table


@pytest.fixture(scope="session")
def record() -> Callable[[Callable[[Any], Any], pd.DataFrame], Compiled]:
    """Fits a pipeline that begins with the function, on these rows, and compiles it."""

    def compiled(how: Callable[[Any], Any], rows: pd.DataFrame) -> Compiled:
        first, last = FunctionTransformer(how), LinearRegression()
        model = make_pipeline(first, SimpleImputer(keep_empty_features=True), last)
        model.fit(rows, np.arange(len(rows)) ** 1.5)
        table = Table.of(rows)
        signature = signature_of(model, table)
        original = SklearnRuntime(model, signature)
        return compile_model(model, signature, table, original=original.predict)

    return compiled
