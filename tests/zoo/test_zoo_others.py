"""Machines, neighbours, networks, naive Bayes, clusters and the other linear models compile."""

from __future__ import annotations

import pytest
from sklearn.cluster import KMeans, MeanShift, MiniBatchKMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.ensemble import IsolationForest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    GammaRegressor,
    HuberRegressor,
    Lars,
    LassoLars,
    OrthogonalMatchingPursuit,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM

SCALED_CLASSIFIERS = [
    SVC(),
    SVC(kernel="linear"),
    SVC(kernel="poly", coef0=1.0),
    SVC(kernel="sigmoid", gamma=0.05),
    SVC(decision_function_shape="ovo"),
    NuSVC(nu=0.2),
    LinearSVC(),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    Perceptron(random_state=0),
    MLPClassifier((8,), max_iter=60, random_state=0),
    MLPClassifier((6, 5), activation="tanh", max_iter=60, random_state=0),
    MLPClassifier((6,), activation="logistic", max_iter=60, random_state=0),
    LinearDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
    GaussianNB(),
    KNeighborsClassifier(),
    KNeighborsClassifier(3, p=1),
]
SCALED_REGRESSORS = [
    SVR(C=10.0),
    SVR(kernel="poly", degree=2),
    NuSVR(),
    LinearSVR(),
    KernelRidge(kernel="rbf", alpha=0.1),
    KernelRidge(),
    MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, random_state=0),
    KNeighborsRegressor(),
    KNeighborsRegressor(weights="distance"),
    ARDRegression(),
    BayesianRidge(),
    GammaRegressor(),
    HuberRegressor(),
    Lars(),
    LassoLars(alpha=0.1),
    OrthogonalMatchingPursuit(),
    PoissonRegressor(),
    QuantileRegressor(alpha=0.1),
    RANSACRegressor(random_state=0),
    SGDRegressor(random_state=0),
    TheilSenRegressor(random_state=0, max_subpopulation=100),
    TweedieRegressor(power=1.5),
    TweedieRegressor(power=0),
    PLSRegression(2),
]


def _title(model: object) -> str:
    return type(model).__name__


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize("model", SCALED_CLASSIFIERS, ids=_title)
def test_a_classifier_compiles(zoo, model, name):
    X, y = zoo.data(name)
    if name == "penguins":
        zoo.check(model, name)
        return
    zoo.check_fitted(make_pipeline(StandardScaler(), model).fit(X, y), name, title=_title(model))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["diabetes", "cars"])
@pytest.mark.parametrize("model", SCALED_REGRESSORS, ids=_title)
def test_a_regressor_compiles(zoo, model, name):
    zoo.check(model, name)


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB()], ids=_title)
def test_counts_compile(zoo, model):
    X, y = zoo.data("wine")

    zoo.check_fitted(
        make_pipeline(MinMaxScaler(clip=True), model).fit(X, y), "wine", title=_title(model)
    )


@pytest.mark.parametrize(
    "model",
    [
        KMeans(3, n_init=1, random_state=0),
        MiniBatchKMeans(3, n_init=1, random_state=0),
        MeanShift(),
        GaussianMixture(3, random_state=0),
        GaussianMixture(3, covariance_type="tied", random_state=0),
        GaussianMixture(3, covariance_type="diag", random_state=0),
        GaussianMixture(3, covariance_type="spherical", random_state=0),
        IsolationForest(n_estimators=20, random_state=0),
        IsolationForest(n_estimators=20, max_features=0.5, random_state=0),
        OneClassSVM(),
        EllipticEnvelope(random_state=0),
    ],
    ids=_title,
)
def test_what_needs_no_truth_compiles(zoo, model):
    X, _ = zoo.data("iris")

    zoo.check_fitted(model.fit(X), "iris", title=_title(model))


@pytest.mark.parametrize("model", [PLSRegression(2), PLSCanonical(2), CCA(1)], ids=_title)
def test_several_targets_compile(zoo, model):
    zoo.check(model, "linnerud")


def test_the_nearest_centre_compiles_where_all_classes_are_as_likely(zoo):
    X, y = zoo.data("iris")
    compiled, _, _ = zoo.compile(NearestCentroid().fit(X, y), X)

    assert compiled.program is not None or "probabilities" in compiled.why
