"""Clusters, mixtures, constants and lines compile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

SEED = {"random_state": 0}
CLUSTERERS = [
    AffinityPropagation(damping=0.9, max_iter=1_000, **SEED),
    Birch(n_clusters=3),
    Birch(n_clusters=None, threshold=1.5),
    BisectingKMeans(5, **SEED),
    KMeans(3, n_init=1, **SEED),
    MeanShift(),
    MiniBatchKMeans(3, n_init=1, **SEED),
    *(GaussianMixture(3, covariance_type=kind, reg_covar=1e-3, **SEED)
      for kind in ("full", "tied", "diag", "spherical")),
    *(BayesianGaussianMixture(n_components=3, covariance_type=kind, max_iter=300, reg_covar=1e-3,
                              **SEED)
      for kind in ("full", "tied", "diag", "spherical")),
    BayesianGaussianMixture(n_components=3, max_iter=300, reg_covar=1e-3,
                            weight_concentration_prior_type="dirichlet_distribution", **SEED),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("data", ["iris", "wine", "penguins"])
@pytest.mark.parametrize("model", CLUSTERERS, ids=str)
def test_clusters_compile(zoo, model, data):
    compiled = zoo.check_scaled(model, data)

    assert all(type(label) is int for label in compiled.program.plan.answers[0].classes)


def test_rows_that_are_centres_compile(zoo):
    texts = pd.Series(["red wine", "dry red wine", "cold beer"] * 6, name="text")

    compiled, _, _ = zoo.compile(
        make_pipeline(TfidfVectorizer(), KMeans(3, n_init=1, **SEED)).fit(texts), texts
    )

    # The distance to one's own centre is 0, or what rounding left of it.
    assert compiled.program is not None, compiled.why


@pytest.mark.parametrize("data", ["iris", "penguins"])
@pytest.mark.parametrize(
    "transformer",
    [KMeans(4, n_init=1, **SEED), MiniBatchKMeans(4, n_init=1, **SEED), Birch(threshold=1.0),
     BisectingKMeans(4, **SEED)],
    ids=str,
)  # fmt: skip
def test_distances_to_centres_compile(zoo, transformer, data):
    # Where a centre is a row, the original's distance to it is the rounding of a difference.
    if data == "iris" or not isinstance(transformer, Birch):
        zoo.check_scaled(make_pipeline(transformer, LogisticRegression(max_iter=500)), data)


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize(
    "model", [DummyClassifier(), DummyClassifier(strategy="most_frequent")], ids=str
)
def test_a_class_that_is_always_the_same_compiles(zoo, model, data):
    zoo.check_scaled(model, data)


@pytest.mark.parametrize(
    "model",
    [DummyClassifier(), DummyClassifier(strategy="most_frequent"),
     DummyClassifier(strategy="constant", constant=["virginica", "small"])],
    ids=str,
)  # fmt: skip
def test_classes_of_several_outputs_that_are_always_the_same_compile(zoo, model):
    X, y = zoo.data("iris")
    sizes = np.where(X[:, 0] < 6, "small", "large")

    compiled, _, _ = zoo.compile(model.fit(X, np.column_stack([y, sizes])), X)

    assert compiled.program is not None, compiled.why
    assert compiled.program.signature.n_probabilities == 5


@pytest.mark.parametrize(
    "model", [LogisticRegression(max_iter=500), DecisionTreeClassifier(max_depth=2)], ids=str
)
@pytest.mark.parametrize("first", [0, 1, None])
def test_labels_that_every_row_or_no_row_has_compile(zoo, model, first):
    X, y = zoo.data("iris")
    columns = [y == "setosa", np.ones(len(y)), np.zeros(len(y))]
    # The first model's threshold is that of all.
    order = [0, 1, 2] if first is None else [1 + first, 0, 2 - first]
    matrix = np.column_stack([columns[place] for place in order]).astype(int)
    # That a label is in all rows, or in none, is what scikit-learn warns of.
    with pytest.warns(UserWarning, match="is present in all|not"):
        fitted = OneVsRestClassifier(model).fit(X, matrix)

    compiled, _, _ = zoo.compile(fitted, X)

    assert compiled.program is not None, compiled.why
    assert compiled.program.signature.n_probabilities == 6


def test_a_class_that_was_told_compiles(zoo):
    zoo.check(DummyClassifier(strategy="constant", constant="virginica"), "iris")


@pytest.mark.parametrize("data", ["diabetes", "linnerud", "cars"])
@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_a_number_that_is_always_the_same_compiles(zoo, strategy, data):
    zoo.check_scaled(DummyRegressor(strategy=strategy), data)


def test_a_class_that_is_drawn_by_lot_is_not_compiled(zoo):
    X, y = zoo.data("iris")

    compiled, _, _ = zoo.compile(DummyClassifier(strategy="uniform").fit(X, y), X)

    assert compiled.program is None
    assert "are random" in compiled.why


@pytest.mark.parametrize("beyond", ["clip", "nan"])
@pytest.mark.parametrize("increasing", [True, False])
def test_a_line_that_only_rises_compiles(zoo, increasing, beyond):
    X, y = zoo.data("diabetes")
    line = IsotonicRegression(increasing=increasing, out_of_bounds=beyond)

    compiled, _, _ = zoo.compile(line.fit(X[:, 2:3], y), X[:, 2:3])

    assert compiled.program is not None, compiled.why
    assert (compiled.verification.n_refused > 0) == (
        beyond == "nan"
    )  # no number is predicted there


def test_a_line_that_refuses_what_lies_beyond_is_not_compiled(zoo):
    X, y = zoo.data("diabetes")
    line = IsotonicRegression(out_of_bounds="raise")

    compiled, _, _ = zoo.compile(line.fit(X[:, 2:3], y), X[:, 2:3])

    assert compiled.program is None
    assert np.isfinite(y).all()
