"""Models made of models compile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from podium.runtimes.together import Together
from podium.table import Table

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
SMALL_TREE = DecisionTreeRegressor(max_depth=3, random_state=0)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
FOREST = RandomForestClassifier(10, random_state=0)
MEMBERS = [("tree", TREE), ("logistic", LOGISTIC), ("forest", FOREST)]
NUMBERS = [("tree", SMALL_TREE), ("ridge", Ridge()), ("left out", "drop")]

CLASSIFIERS = [
    VotingClassifier(MEMBERS, voting="soft"),
    VotingClassifier(MEMBERS, voting="soft", weights=[1, 2, 0.5]),
    VotingClassifier(MEMBERS, voting="hard", weights=[1, 1, 2]),
    VotingClassifier([*MEMBERS, ("left out", "drop")], voting="hard"),
    StackingClassifier(MEMBERS, LogisticRegression(), cv=2),
    StackingClassifier(MEMBERS, FOREST, cv=2, passthrough=True),
    StackingClassifier(MEMBERS, LogisticRegression(), cv=2, stack_method="predict"),
    StackingClassifier([("ridge", RidgeClassifier())], LogisticRegression(), cv=2),
    BaggingClassifier(TREE, n_estimators=7, random_state=0),
    BaggingClassifier(TREE, n_estimators=7, max_features=0.5, bootstrap_features=True, random_state=0),
    BaggingClassifier(RidgeClassifier(), n_estimators=5, random_state=0),
    AdaBoostClassifier(n_estimators=10, random_state=0),
    AdaBoostClassifier(TREE, n_estimators=5, random_state=0),
    CalibratedClassifierCV(TREE, cv=2),
    CalibratedClassifierCV(RidgeClassifier(), cv=2),
    CalibratedClassifierCV(FOREST, cv=2, method="isotonic"),
    CalibratedClassifierCV(LOGISTIC, cv=2, ensemble=False),
    CalibratedClassifierCV(LOGISTIC, cv=2, method="temperature"),
    CalibratedClassifierCV(FOREST, cv=2, method="temperature"),
    OutputCodeClassifier(LOGISTIC, random_state=0),
    OutputCodeClassifier(TREE, code_size=3, random_state=0),
    make_pipeline(VotingClassifier(MEMBERS, voting="soft"), LogisticRegression()),
    make_pipeline(VotingClassifier(MEMBERS, voting="hard"), TREE),
    make_pipeline(StackingClassifier(MEMBERS, TREE, cv=2), LogisticRegression()),
    OneVsRestClassifier(LOGISTIC),
    OneVsRestClassifier(TREE),
    OneVsOneClassifier(LOGISTIC),
    OneVsOneClassifier(RidgeClassifier()),
    GridSearchCV(TREE, {"max_depth": [2, 4]}, cv=2),
    RandomizedSearchCV(LOGISTIC, {"logisticregression__C": [0.1, 1.0]}, n_iter=2, cv=2, random_state=0),
]  # fmt: skip
REGRESSORS = [
    VotingRegressor(NUMBERS),
    VotingRegressor(NUMBERS, weights=[1, 3, 1]),
    StackingRegressor(NUMBERS, Ridge(), cv=2),
    StackingRegressor(NUMBERS, RandomForestRegressor(5, random_state=0), cv=2, passthrough=True),
    BaggingRegressor(SMALL_TREE, n_estimators=7, max_features=0.6, random_state=0),
    make_pipeline(VotingRegressor(NUMBERS), Ridge()),
    AdaBoostRegressor(n_estimators=9, random_state=0),
    AdaBoostRegressor(LinearRegression(), n_estimators=5, random_state=0),
    TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    TransformedTargetRegressor(Ridge(), transformer=FunctionTransformer(np.log1p, np.expm1)),
    TransformedTargetRegressor(Ridge(), transformer=PowerTransformer()),
    TransformedTargetRegressor(Ridge(), transformer=PowerTransformer("box-cox", standardize=False)),
    TransformedTargetRegressor(Ridge(), transformer=QuantileTransformer(n_quantiles=50)),
    TransformedTargetRegressor(
        SMALL_TREE, transformer=QuantileTransformer(n_quantiles=50, output_distribution="normal")
    ),
    TransformedTargetRegressor(
        Ridge(), transformer=make_pipeline(StandardScaler(), MinMaxScaler(), RobustScaler())
    ),
    TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
    TransformedTargetRegressor(SMALL_TREE, transformer=StandardScaler()),
    TransformedTargetRegressor(SMALL_TREE, transformer=MinMaxScaler()),
    TransformedTargetRegressor(SMALL_TREE, transformer=RobustScaler()),
    GridSearchCV(SMALL_TREE, {"max_depth": [2, 4]}, cv=2),
]


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_a_classifier_of_models_compiles(zoo, model, name):
    zoo.check(model, name)


@pytest.mark.parametrize("name", ["diabetes", "cars"])
@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_a_regressor_of_models_compiles(zoo, model, name):
    zoo.check(model, name)


@pytest.mark.parametrize(
    "model",
    [FixedThresholdClassifier(LOGISTIC, threshold=0.8), TunedThresholdClassifierCV(FOREST, cv=2)],
    ids=lambda m: type(m).__name__,
)
def test_a_threshold_of_ones_own_compiles(zoo, model):
    zoo.check(model, "breast_cancer")


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputRegressor(Ridge()),
        MultiOutputRegressor(SMALL_TREE),
        RegressorChain(Ridge(), order=[2, 0, 1]),
    ],
    ids=lambda m: type(m).__name__,
)
def test_several_numbers_compile(zoo, model):
    zoo.check(model, "linnerud")


@pytest.mark.parametrize(
    ("model", "n_shares"),
    [
        (MultiOutputClassifier(TREE), 4),
        (make_pipeline(StandardScaler(), ClassifierChain(LOGISTIC, order=[1, 0])), 4),
        (MultiOutputClassifier(RidgeClassifier()), 0),
        (OneVsRestClassifier(LOGISTIC), 4),
        (OneVsRestClassifier(RidgeClassifier()), 0),
        (FOREST, 4),
    ],
    ids=str,
)
def test_label_matrices_compile_with_their_probabilities(zoo, model, n_shares):
    X, y = zoo.data("wine")
    both = np.column_stack([y == 1, y == 2]).astype(int)

    compiled = zoo.check_fitted(clone(model).fit(X, both), "wine")

    assert compiled.program.signature.n_probabilities == n_shares


def test_outputs_of_different_classes_compile_with_their_probabilities(zoo):
    X, y = zoo.data("wine")
    both = np.column_stack([np.array(["a", "b", "c"])[y], np.where(X["hue"] > 1, "blue", "red")])

    compiled = zoo.check_fitted(MultiOutputClassifier(TREE).fit(X, both), "wine")

    assert [len(one.classes) for one in compiled.program.signature.outputs] == [3, 2]
    assert compiled.program.signature.n_probabilities == 5


def test_a_frozen_model_compiles(zoo):
    inner = zoo.fit(FOREST, "iris")

    zoo.check_fitted(
        CalibratedClassifierCV(FrozenEstimator(inner), method="sigmoid").fit(*zoo.data("iris")),
        "iris",
    )
    zoo.check_fitted(FrozenEstimator(inner), "iris")


def own_target(inverse: Any, **options: Any) -> TransformedTargetRegressor:
    half = FunctionTransformer(lambda v: v / 2, inverse, inv_kw_args=options, check_inverse=False)
    return TransformedTargetRegressor(Ridge(), transformer=half, check_inverse=False)


@pytest.mark.parametrize(
    "model",
    [
        TransformedTargetRegressor(
            Ridge(),
            func=lambda v: v / 2,
            inverse_func=lambda v: np.clip(v, 0, None) * 2,
            check_inverse=False,
        ),
        own_target(lambda v: np.where(v > 50, v * 2, 100)),
        own_target(lambda v, by: v * by, by=2),
    ],
    ids=["function", "transformer", "options"],
)
def test_inverse_functions_of_ones_own_are_recorded(zoo, model):
    zoo.check(model, "diabetes")


def test_an_inverse_function_that_looks_at_other_rows_is_not_compiled(zoo):
    X, y = zoo.data("diabetes")

    compiled, _, _ = zoo.compile(own_target(lambda v: v - v.mean()).fit(X, y), X)

    assert compiled.program is None
    assert "depends on the other rows" in compiled.why


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_chains_that_pass_on_something_else_than_labels_compile(zoo, method):
    X, y = zoo.data("wine")
    both = np.column_stack([y == 1, y == 2]).astype(int)
    chain = ClassifierChain(LOGISTIC, order=[1, 0], chain_method=method)

    zoo.check_fitted(chain.fit(X, both), "wine")


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=500, tol=0.01)),
        make_pipeline(StandardScaler(), RidgeClassifier()),
    ],
    ids=lambda one: type(one[-1]).__name__,
)
def test_models_of_label_matrices_compile(zoo, model):
    X, y = zoo.data("wine")
    three = np.column_stack([y == 1, y == 2, X["hue"] > 1]).astype(int)

    compiled = zoo.check_fitted(clone(model).fit(X, three), "wine")

    assert [one.classes for one in compiled.program.signature.outputs] == [(0, 1)] * 3


def test_models_that_are_packed_together_compile(zoo):
    """Numbers and labels, with the types that they have apart."""
    X, y = zoo.data("wine")
    together = Together(
        {
            "hue": Ridge().fit(X, X["hue"] * 2),
            "kind": LogisticRegression(max_iter=10_000).fit(X[X.columns] / 100, y),
            "name": FOREST.fit(X, np.array(["a", "b", "c"])[y]),
        }
    )

    compiled = zoo.check_fitted(together, "wine")

    row = compiled.program.predict(Table.of(X.iloc[:1])).predictions[0].tolist()
    assert [type(value) for value in row] == [float, int, str]
