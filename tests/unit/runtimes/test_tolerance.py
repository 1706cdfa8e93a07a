"""Which missing values an estimator accepts, found by trying."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from podium.runtimes.signatures import signature_of
from podium.table import Table

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(60, 20)), columns=[f"c{n}" for n in range(20)])
Y = np.where(X["c7"] > 0, "a", "b")


def accepting(estimator) -> list[str]:
    """The fields that may be missing."""
    fields = signature_of(estimator.fit(X, Y), Table.of(X)).fields
    return [one.name for one in fields if one.missing != "refuse"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([StandardScaler()], []),
        ([SimpleImputer(), StandardScaler()], list(X.columns)),
        ([make_column_transformer((SimpleImputer(), ["c7"]), remainder="passthrough")], ["c7"]),
        ([StandardScaler().set_output(transform="pandas"),
          make_column_transformer((SimpleImputer(), ["c3"]), remainder="passthrough")], ["c3"]),
        ([make_column_transformer(("passthrough", ["c1", "c7"]))], [c for c in X if c not in ("c1", "c7")]),
        ([SelectKBest(k=2)], []),
    ],
    ids=["all", "none", "one", "behind another", "those that are left out", "selected"],
)  # fmt: skip
def test_missing_values_are_accepted_where_the_estimator_accepts_them(steps, expected):
    assert accepting(make_pipeline(*steps, LogisticRegression())) == expected


def test_an_estimator_that_treats_all_columns_alike_is_asked_a_few_times(monkeypatch):
    asked = []
    predict = LogisticRegression.predict
    monkeypatch.setattr(
        LogisticRegression, "predict", lambda model, rows: asked.append(1) or predict(model, rows)
    )
    transform = StandardScaler.transform
    monkeypatch.setattr(
        StandardScaler,
        "transform",
        lambda model, rows, **more: asked.append(1) or transform(model, rows, **more),
    )

    assert accepting(make_pipeline(StandardScaler(), LogisticRegression())) == []
    assert len(asked) < 30
