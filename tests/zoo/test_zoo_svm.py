"""Support vector machines compile, alone and behind the usual columns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

KERNELS = [
    {"kernel": "linear"},
    {"kernel": "rbf"},
    {"kernel": "rbf", "gamma": "auto"},
    {"kernel": "poly", "coef0": 1.0},
    {"kernel": "poly", "degree": 2, "gamma": 0.05},
    {"kernel": "sigmoid", "gamma": 0.01},
]
REGRESSORS = [
    *(SVR(**options) for options in KERNELS),
    SVR(C=100, epsilon=0.5),
    NuSVR(),
    NuSVR(nu=0.2, kernel="linear"),
]
CLASSIFIERS = [
    *(SVC(**options) for options in KERNELS),
    SVC(C=50, class_weight="balanced"),
    SVC(decision_function_shape="ovo"),
    SVC(break_ties=True),
    SVC(kernel="sigmoid", C=0.01, break_ties=True),
    NuSVC(nu=0.1),
    NuSVC(nu=0.1, kernel="linear"),
]
PROBABLE = [
    SVC(probability=True, random_state=0),
    SVC(kernel="linear", probability=True, random_state=0),
    NuSVC(nu=0.1, probability=True, random_state=0),
]
WITH_PROBABILITIES = pytest.mark.filterwarnings(r"ignore:.*probability.*:FutureWarning")


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
def test_a_machine_of_numbers_compiles(zoo, estimator, data):
    zoo.check_scaled(estimator, data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
def test_a_machine_of_classes_compiles(zoo, estimator, data):
    zoo.check_scaled(estimator, data)


@WITH_PROBABILITIES
@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("estimator", PROBABLE, ids=str)
def test_a_machine_of_probabilities_compiles(zoo, estimator, data):
    compiled = zoo.check_scaled(estimator, data)

    assert compiled.program.plan.probabilities is not None


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "diabetes"])
@pytest.mark.parametrize("estimator", [SVC(), SVR(), SVC(kernel="linear")], ids=str)
def test_a_machine_of_rows_as_they_come_compiles(zoo, estimator, data):
    if (data == "diabetes") == isinstance(estimator, SVR):
        zoo.check(estimator, data)


@pytest.mark.parametrize("data", ["iris", "breast_cancer"])
@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_the_scores_of_a_machine_are_of_use_to_others(zoo, shape, data):
    machine = SVC(decision_function_shape=shape)

    zoo.check(StackingClassifier([("svc", machine)], LogisticRegression(), cv=2), data)
    if shape == "ovr":
        zoo.check(CalibratedClassifierCV(machine, cv=2), data)


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins", "cars"])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_a_machine_that_finds_outliers_compiles(zoo, kernel, data):
    compiled = zoo.check_scaled(OneClassSVM(nu=0.1, kernel=kernel), data)

    assert compiled.program.plan.answers[0].classes == (-1, 1)


@pytest.mark.parametrize("estimator", [SVC(), SVC(kernel="poly"), SVR()], ids=str)
def test_machines_of_single_precision_compile(zoo, estimator):
    X, y = zoo.data("wine")
    X = StandardScaler().fit_transform(X).astype(np.float32)

    compiled, _, _ = zoo.compile(estimator.fit(X, y), X)

    assert compiled.program is not None, compiled.why


@pytest.mark.parametrize(
    "estimator", [SVC(kernel="precomputed"), SVR(kernel="precomputed")], ids=str
)
def test_a_machine_of_kernels_computed_before_compiles(zoo, estimator):
    X, y = zoo.data("wine")
    X = StandardScaler().fit_transform(X)
    X = X @ X.T

    compiled, _, _ = zoo.compile(estimator.fit(X, y), X)

    assert compiled.program is not None, compiled.why


def test_numbers_that_lie_far_from_zero_compile(zoo):
    X, y = zoo.data("iris")

    compiled, _, _ = zoo.compile(SVC(gamma=1.0).fit(X + 1e6, y), X + 1e6)

    assert compiled.program is not None, compiled.why


def test_a_kernel_of_ones_own_is_not_compiled(zoo):
    X, y = zoo.data("iris")

    compiled, _, _ = zoo.compile(SVC(kernel=lambda a, b: a @ b.T).fit(X, y), X)

    assert compiled.program is None
    assert "kernel" in compiled.why
