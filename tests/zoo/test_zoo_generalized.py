"""Linear models of all kinds compile, and neural networks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    GammaRegressor,
    HuberRegressor,
    Lars,
    LarsCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    MultiTaskElasticNet,
    MultiTaskLasso,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

SEED = {"random_state": 0}
REGRESSORS = [
    ARDRegression(),
    BayesianRidge(),
    GammaRegressor(alpha=0.1),
    HuberRegressor(max_iter=1_000),
    Lars(),
    LarsCV(),
    LassoLars(0.01),
    LassoLarsCV(),
    LassoLarsIC(),
    LinearSVR(max_iter=20_000, tol=0.1, **SEED),
    OrthogonalMatchingPursuit(n_nonzero_coefs=3),
    OrthogonalMatchingPursuitCV(),
    PoissonRegressor(alpha=0.1),
    QuantileRegressor(alpha=0.1),
    RANSACRegressor(**SEED),
    SGDRegressor(**SEED),
    TheilSenRegressor(max_subpopulation=200, **SEED),
    TweedieRegressor(power=0, max_iter=500),
    TweedieRegressor(power=0, link="log", max_iter=500),
    TweedieRegressor(power=1.5, max_iter=500),
    TweedieRegressor(power=2, max_iter=500),
]
CLASSIFIERS = [
    LinearSVC(**SEED),
    LinearSVC(multi_class="crammer_singer", max_iter=100_000, **SEED),
    Perceptron(**SEED),
    SGDClassifier(**SEED),
    SGDClassifier(loss="log_loss", **SEED),
    SGDClassifier(loss="modified_huber", **SEED),
    SGDClassifier(loss="squared_hinge", **SEED),
]
ACTIVATIONS = ["identity", "logistic", "relu", "tanh"]
FEW = {"max_iter": 60, "tol": 0.1, **SEED}


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
@pytest.mark.filterwarnings("ignore:Regressors in active set degenerate")
def test_a_linear_regressor_of_another_kind_compiles(zoo, estimator, data):
    zoo.check_scaled(estimator, data)


@pytest.mark.parametrize("estimator", REGRESSORS[:3], ids=str)
def test_a_linear_regressor_alone_compiles(zoo, estimator):
    zoo.check(estimator, "diabetes")


@pytest.mark.parametrize("estimator", [MultiTaskElasticNet(0.01), MultiTaskLasso(0.01)], ids=str)
def test_a_linear_regressor_of_several_outputs_compiles(zoo, estimator):
    zoo.check_scaled(estimator, "linnerud")


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
def test_a_linear_classifier_of_another_kind_compiles(zoo, estimator, data):
    compiled = zoo.check_scaled(estimator, data)

    has_probabilities = getattr(estimator, "loss", "") in ("log_loss", "modified_huber")
    assert (compiled.program.plan.probabilities is not None) == has_probabilities


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_that_classifies_compiles(zoo, activation, data):
    network = MLPClassifier((10, 5), activation, **FEW)

    zoo.check_scaled(network, data)


@pytest.mark.parametrize("data", ["diabetes", "linnerud", "cars"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_of_numbers_compiles(zoo, activation, data):
    zoo.check_scaled(MLPRegressor(hidden_layer_sizes=(8,), activation=activation, **FEW), data)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_of_counts_compiles(zoo):
    zoo.check_scaled(MLPRegressor("poisson", (8,), **FEW), "cars")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        MLPRegressor(hidden_layer_sizes=(8,), **FEW),
        BayesianRidge(),
        SGDRegressor(**SEED),
        PoissonRegressor(),
    ],
    ids=str,
)
def test_models_of_single_precision_compile(zoo, estimator):
    X, y = zoo.data("wine")
    X = StandardScaler().fit_transform(X).astype(np.float32)

    compiled, _, _ = zoo.compile(estimator.fit(X, y.astype(np.float32) + 1), X)

    assert compiled.program is not None, compiled.why
