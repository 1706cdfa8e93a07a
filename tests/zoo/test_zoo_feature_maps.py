"""Feature maps that approximate kernels compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    PolynomialCountSketch,
    SkewedChi2Sampler,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

SEED = {"random_state": 0}


@pytest.mark.parametrize(
    "sampler",
    [
        AdditiveChi2Sampler(),
        AdditiveChi2Sampler(sample_steps=1),
        AdditiveChi2Sampler(sample_steps=3),
        AdditiveChi2Sampler(sample_steps=4, sample_interval=0.3),
        SkewedChi2Sampler(n_components=20, **SEED),
        SkewedChi2Sampler(n_components=20, skewedness=0.3, **SEED),
        PolynomialCountSketch(n_components=20, **SEED),
        PolynomialCountSketch(n_components=15, degree=3, gamma=0.3, coef0=2, **SEED),
        PolynomialCountSketch(n_components=1, degree=1, **SEED),
    ],
    ids=str,
)
def test_a_feature_map_compiles(zoo, sampler):
    zoo.check(make_pipeline(MinMaxScaler(clip=True), sampler, Ridge()), "diabetes")


@pytest.mark.parametrize(
    "sampler", [AdditiveChi2Sampler(), SkewedChi2Sampler(skewedness=0.5, **SEED)]
)
def test_rows_that_a_map_refuses_are_refused(zoo, sampler):
    X, y = zoo.data("iris")
    X = np.vstack([X, np.zeros((3, 4))])
    model = make_pipeline(sampler, LogisticRegression(max_iter=500)).fit(X, [*y, *y[:3]])

    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.n_refused > 0


def test_roots_of_whole_numbers_are_cut_off_by_the_original(zoo):
    X = np.rint(zoo.data("iris")[0]).astype(int)
    model = make_pipeline(AdditiveChi2Sampler(), Ridge()).fit(X, X[:, 0])

    assert zoo.compile(model, X)[0].program is None


def test_a_sketch_of_many_components_is_not_compiled(zoo):
    X, y = zoo.data("diabetes")
    model = make_pipeline(PolynomialCountSketch(n_components=4_000, **SEED), Ridge()).fit(X, y)

    assert "up to 2048 are known" in zoo.compile(model, X)[0].why
