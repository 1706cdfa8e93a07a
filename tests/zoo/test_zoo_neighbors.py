"""Neighbours compile, equally near ones too, and models that tell outliers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import SGDOneClassSVM
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)

SEED = {"random_state": 0}
OPTIONS = [
    {},
    {"n_neighbors": 1},
    {"n_neighbors": 15},
    {"weights": "distance"},
    {"p": 1},
    {"p": 3},
    {"metric": "chebyshev"},
    {"algorithm": "ball_tree"},
    {"algorithm": "ball_tree", "p": 1, "leaf_size": 5},
    {"algorithm": "brute"},
    {"algorithm": "brute", "weights": "distance"},
    {"algorithm": "brute", "metric": "manhattan"},
    {"algorithm": "kd_tree", "leaf_size": 3},
]
RADII = [
    {},
    {"weights": "distance"},
    {"p": 1},
    {"p": 3},
    {"metric": "chebyshev"},
    {"algorithm": "ball_tree"},
    {"algorithm": "brute"},
    {"algorithm": "brute", "weights": "distance"},
    {"algorithm": "brute", "metric": "manhattan", "weights": None},
]
OUTLIERS = [
    EllipticEnvelope(**SEED),
    EllipticEnvelope(contamination=0.2, assume_centered=True, **SEED),
    IsolationForest(n_estimators=20, **SEED),
    IsolationForest(n_estimators=20, max_features=0.5, contamination=0.1, **SEED),
    LocalOutlierFactor(novelty=True),
    LocalOutlierFactor(5, novelty=True, algorithm="brute"),
    LocalOutlierFactor(5, novelty=True, contamination=0.1, metric="manhattan"),
    SGDOneClassSVM(nu=0.1, **SEED),
]


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_neighbours_of_classes_compile(zoo, options, data):
    zoo.check(KNeighborsClassifier(**options), data)


@pytest.mark.parametrize("data", ["diabetes", "cars", "linnerud"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_neighbours_of_numbers_compile(zoo, options, data):
    zoo.check(KNeighborsRegressor(**options), data)


# Iris is measured in tenths: many of its flowers are as far from each other as the radius is.
@pytest.mark.parametrize(("data", "radius"), [("iris", 0.5), ("iris", 1.0), ("penguins", 1.5)])
@pytest.mark.parametrize("outlier_label", [None, "most_frequent"])
@pytest.mark.parametrize("options", RADII, ids=str)
def test_classes_within_a_radius_compile(zoo, options, outlier_label, data, radius):
    model = RadiusNeighborsClassifier(radius, outlier_label=outlier_label, **options)

    compiled = zoo.check(model, data)

    assert (compiled.verification.n_refused > 0) == (outlier_label is None)


@pytest.mark.parametrize(("data", "radius"), [("diabetes", 0.1), ("cars", 1.0), ("linnerud", 30)])
@pytest.mark.parametrize("options", RADII, ids=str)
def test_numbers_within_a_radius_compile(zoo, options, data, radius):
    zoo.check(RadiusNeighborsRegressor(radius, **options), data)


def test_several_classes_within_a_radius_compile(zoo):
    X, y = zoo.data("iris")
    both = np.stack([y, np.where(X[:, 0] > 6, "long", "short")], axis=1)
    labels = ["setosa", "long"]

    model = RadiusNeighborsClassifier(1.0, outlier_label=labels).fit(X, both)

    zoo.check_fitted(model, "iris")


def test_outliers_whose_probabilities_the_original_leaves_at_zero_are_not_compiled(zoo):
    options = {"algorithm": "brute", "metric": "manhattan", "outlier_label": "virginica"}

    compiled, _, _ = zoo.compile(
        RadiusNeighborsClassifier(0.5, **options).fit(*zoo.data("iris")), zoo.data("iris")[0]
    )

    assert "1.0 instead of 0.0" in compiled.why


def test_outliers_of_a_class_of_their_own_are_not_compiled(zoo):
    X, y = zoo.data("wine")

    model = RadiusNeighborsClassifier(50.0, outlier_label=7).fit(X, y)

    assert "label of outliers" in zoo.compile(model, X)[0].why


def test_neighbours_of_several_classes_compile(zoo):
    X, y = zoo.data("iris")
    both = np.stack([y, np.where(X[:, 0] > 6, "long", "short")], axis=1)

    compiled, _, _ = zoo.compile(KNeighborsClassifier().fit(X, both), X)

    assert compiled.program is not None, compiled.why


def test_rows_of_whole_numbers_that_are_all_equally_near_compile(zoo):
    random = np.random.default_rng(0)
    X, y = random.integers(0, 3, (400, 4)).astype(float), random.normal(size=400)

    for algorithm in ("kd_tree", "ball_tree", "brute"):
        neighbors = KNeighborsRegressor(3, algorithm=algorithm, leaf_size=10).fit(X, y)
        compiled, _, _ = zoo.compile(neighbors, X)
        assert compiled.program is not None, compiled.why


def test_weights_that_are_code_are_not_compiled(zoo):
    X, y = zoo.data("iris")

    compiled, _, _ = zoo.compile(KNeighborsClassifier(weights=np.ones_like).fit(X, y), X)

    assert compiled.program is None
    assert "weights" in compiled.why


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("priors", ["uniform", "empirical"])
@pytest.mark.filterwarnings("ignore:Averaging for metrics")
def test_nearest_centres_compile(zoo, priors, metric, data):
    zoo.check_scaled(NearestCentroid(metric, priors=priors), data)


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "cars"])
@pytest.mark.parametrize("model", OUTLIERS, ids=str)
def test_a_model_that_tells_outliers_compiles(zoo, model, data):
    if isinstance(model, EllipticEnvelope) and data == "cars":
        return  # Its columns depend on each other: there is no ellipse.
    compiled = zoo.check_scaled(model, data)

    assert compiled.program.plan.answers[0].classes == (-1, 1)


def test_missing_numbers_are_no_outliers_of_a_forest(zoo):
    X, _ = zoo.data("cars")
    numbers = X.select_dtypes("number").astype(float)

    compiled, _, _ = zoo.compile(IsolationForest(n_estimators=20, **SEED).fit(numbers), numbers)

    assert compiled.program is not None, compiled.why


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_by_given_distances_compile(zoo, weights):
    X, y = zoo.data("linnerud")
    far = cdist(X, X, "cityblock")  # whole numbers: many are equal
    model = KNeighborsRegressor(3, metric="precomputed", weights=weights).fit(far, y["Weight"])

    compiled, _, _ = zoo.compile(model, far)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-12
    assert compiled.verification.n_refused > 0  # no distance is negative
