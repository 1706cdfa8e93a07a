"""The contract of exporters: kept by ours, and failed by a wrong one."""

from __future__ import annotations

import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from podium.compile.exporters import linear
from podium.compile.features import Fitted
from podium.testing import ExporterContract


class TestRidge(ExporterContract):
    def fitted(self):
        X, y = load_diabetes(return_X_y=True, as_frame=True)
        return Ridge().fit(X, y), X


class TestLogisticRegression(ExporterContract):
    def fitted(self):
        X, y = load_iris(return_X_y=True, as_frame=True)
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), X


def test_a_wrong_exporter_fails_the_contract(monkeypatch):
    def wrong(estimator, build, x):
        return Fitted(values=build.linear(x, estimator.coef_, estimator.intercept_ + 1e-3))

    monkeypatch.setitem(linear.MODELS, "sklearn.Ridge", wrong)

    with pytest.raises(AssertionError, match="differs from the original"):
        TestRidge().test_it_compiles_and_is_verified()
