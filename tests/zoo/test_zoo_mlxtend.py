"""Models of mlxtend compile: stacking and voting in its ways, simple learners, selectors."""

from __future__ import annotations

import numpy as np
import pytest
from mlxtend import (
    classifier,
    cluster,
    feature_extraction,
    feature_selection,
    preprocessing,
    regressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

# What mlxtend says of its own losses.
pytestmark = pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")

MEMBERS = [GaussianNB(), DecisionTreeClassifier(max_depth=2, random_state=0)]
FINAL = make_pipeline(StandardScaler(), LogisticRegression())
NUMBERS = [Ridge(), DecisionTreeRegressor(max_depth=2, random_state=0)]
STACKED = {
    "labels": classifier.StackingClassifier(MEMBERS, FINAL),
    "mean": classifier.StackingClassifier(MEMBERS, FINAL, use_probas=True, average_probas=True),
    "some": classifier.StackingClassifier(MEMBERS, FINAL, use_probas=True, drop_proba_col="first"),
    "folds": classifier.StackingCVClassifier(
        MEMBERS,
        FINAL,
        cv=2,
        use_probas=True,
        drop_proba_col="last",
        use_features_in_secondary=True,
        random_state=0,
    ),
    "votes": classifier.EnsembleVoteClassifier([*MEMBERS, FINAL], weights=[1, 1, 2]),
    "shares": classifier.EnsembleVoteClassifier(MEMBERS, voting="soft"),
}
LEARNERS = [
    classifier.SoftmaxRegression(epochs=20, random_seed=0),
    classifier.MultiLayerPerceptron(hidden_layers=[4], epochs=20, random_seed=0),
]
HALVES = [
    classifier.LogisticRegression(epochs=20, random_seed=0),
    classifier.Perceptron(epochs=20, random_seed=0),
    classifier.Adaline(epochs=20, random_seed=0),
]


def compiles(zoo, model, X, y):
    compiled, _, _ = zoo.compile(model.fit(X, y), X)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize("name", STACKED)
def test_models_of_models_compile(zoo, name):
    X, y = zoo.data("wine")

    compiles(zoo, STACKED[name], X.to_numpy(), y.to_numpy())


def test_votes_of_fitted_models_compile_with_their_own_labels(zoo):
    X, y = zoo.data("iris")
    members = [model.fit(X, y) for model in (GaussianNB(), DecisionTreeClassifier(max_depth=1))]
    votes = classifier.EnsembleVoteClassifier(members, fit_base_estimators=False, use_clones=False)

    compiles(zoo, votes, X, y)


@pytest.mark.parametrize("kind", [regressor.StackingRegressor, regressor.StackingCVRegressor])
def test_stacked_numbers_compile(zoo, kind):
    zoo.check(kind(NUMBERS, Ridge()), "diabetes")


@pytest.mark.parametrize("model", LEARNERS, ids=lambda one: type(one).__name__)
def test_learners_of_several_classes_compile(zoo, model):
    X, y = zoo.data("iris")

    compiles(zoo, make_pipeline(StandardScaler(), model), X, np.unique(y, return_inverse=True)[1])


@pytest.mark.parametrize("model", HALVES, ids=lambda one: type(one).__name__)
def test_learners_of_two_classes_compile(zoo, model):
    X, y = zoo.data("breast_cancer")

    compiles(zoo, make_pipeline(StandardScaler(), model), X.to_numpy(), y.to_numpy().astype(int))


def test_a_rule_of_one_column_compiles_and_a_new_value_gets_the_class_without_a_rule(zoo):
    X, y = zoo.data("iris")
    y = np.unique(y, return_inverse=True)[1]

    compiles(zoo, classifier.OneRClassifier(), np.digitize(X, [1.0, 3.0, 5.0]), y)


@pytest.mark.parametrize("cols", [(2, 0), ["hue", "alcohol"]])
def test_selectors_of_columns_compile(zoo, cols):
    X, y = zoo.data("wine")
    steps = [feature_selection.ColumnSelector(cols=cols), preprocessing.DenseTransformer()]

    compiles(zoo, make_pipeline(*steps, preprocessing.CopyTransformer(), GaussianNB()), X, y)


def test_a_selector_of_a_name_that_is_gone_does_not_compile(zoo):
    X, y = zoo.data("wine")
    scale = StandardScaler().set_output(transform="pandas")
    model = make_pipeline(scale, feature_selection.ColumnSelector(cols=["hue"]), GaussianNB())

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert compiled.why.endswith("no column reaches it unchanged under the name 'hue'")


def test_searches_for_columns_compile(zoo):
    X, y = zoo.data("iris")
    step = feature_selection.SequentialFeatureSelector(GaussianNB(), k_features=2, cv=0)

    compiles(zoo, make_pipeline(step, GaussianNB()), X, y)


@pytest.mark.parametrize(
    "step",
    [
        feature_extraction.PrincipalComponentAnalysis(3, whitening=True),
        feature_extraction.LinearDiscriminantAnalysis(2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_projections_compile(zoo, step):
    X, y = zoo.data("iris")
    y = np.unique(y, return_inverse=True)[1]

    compiles(zoo, make_pipeline(step, LogisticRegression()), X, y)


def test_clusters_compile(zoo):
    X, _ = zoo.data("iris")

    compiled, _, _ = zoo.compile(cluster.Kmeans(3, random_seed=0).fit(X), X)

    assert compiled.program is not None, compiled.why
