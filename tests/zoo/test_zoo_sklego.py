"""Transformers and models of scikit-lego compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklego import linear_model, meta, mixture, preprocessing

TREE = DecisionTreeRegressor(max_depth=3, random_state=0)
STEPS = [
    preprocessing.ColumnCapper(discard_infs=True, quantile_range=(10, 90)),
    preprocessing.IntervalEncoder(n_chunks=6),
    preprocessing.LinearEmbedder(check_input=True),
    preprocessing.IdentityTransformer(check_X=True),
    preprocessing.OrthogonalTransformer(normalize=True),
    meta.EstimatorTransformer(TREE),
]
MODELS = [
    meta.DecayEstimator(Ridge()),
    linear_model.ImbalancedLinearRegression(overestimation_punishment_factor=2),
]
CLASSES = [
    meta.Thresholder(GaussianNB(), threshold=0.7),
    mixture.GMMClassifier(n_components=1),
    meta.OutlierClassifier(IsolationForest(n_estimators=10, random_state=0)),
]


def compiles(zoo, model, X, y):
    compiled, _, _ = zoo.compile(model.fit(X, y), X)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize("step", STEPS, ids=lambda one: type(one).__name__)
def test_a_transformer_compiles(zoo, step):
    zoo.check(make_pipeline(step, Ridge()), "diabetes")


@pytest.mark.filterwarnings("ignore:Please consider using scikit-learn")
def test_what_it_calls_outdated_compiles(zoo):
    step = preprocessing.RepeatingBasisFunction(column=2, n_periods=3, remainder="passthrough")

    zoo.check(make_pipeline(step, Ridge()), "diabetes")
    zoo.check_scaled(linear_model.LADRegression(), "diabetes")


def test_intervals_between_equal_numbers_keep_their_steps(zoo):
    """Many rows have one and the same value, at which the line jumps."""
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Weight_in_lbs"]].astype(float)

    compiles(zoo, make_pipeline(preprocessing.IntervalEncoder(n_chunks=20), Ridge()), X, y)


@pytest.mark.parametrize("model", MODELS, ids=lambda one: type(one).__name__)
def test_a_model_of_numbers_compiles(zoo, model):
    zoo.check_scaled(model, "diabetes")


@pytest.mark.parametrize("model", CLASSES, ids=lambda one: type(one).__name__)
def test_a_model_of_two_classes_compiles(zoo, model):
    X, y = zoo.data("breast_cancer")

    compiles(zoo, model, X.to_numpy()[:, :6], (~y).astype(int).to_numpy())


def test_a_model_of_ordered_classes_compiles(zoo):
    zoo.check_scaled(meta.OrdinalClassifier(LogisticRegression()), "wine")


def test_a_detector_of_unlikely_rows_compiles(zoo):
    X, _ = zoo.data("iris")

    compiles(zoo, mixture.GMMOutlierDetector(n_components=2, random_state=0), X, None)


def test_a_model_with_many_zeros_compiles(zoo):
    X, y = zoo.data("diabetes")
    kinds = DecisionTreeClassifier(max_depth=3, random_state=0)

    compiles(zoo, meta.ZeroInflatedRegressor(kinds, TREE), X, np.where(y > 150, y, 0.0))


def test_columns_by_name_and_by_type_compile(zoo):
    X, y = zoo.data("cars")
    X = X.astype({"Cylinders": float, "Weight_in_lbs": float})
    words = preprocessing.ColumnSelector("Origin")
    numbers = preprocessing.TypeSelector(include="number")
    columns = make_union(
        make_pipeline(words, OneHotEncoder(sparse_output=False)),
        make_pipeline(numbers, preprocessing.ColumnDropper(["Cylinders"]), SimpleImputer()),
        make_pipeline(words, preprocessing.DictMapper({"USA": 1, "Japan": -2}, default=7)),
    )

    compiles(zoo, make_pipeline(columns, Ridge()), X, y)


@pytest.mark.parametrize("groups", ["Origin", ["Origin", "Cylinders"]])
def test_a_model_for_each_group_compiles(zoo, groups):
    X, y = zoo.data("cars")
    names = np.ravel(groups).tolist()

    model = meta.GroupedPredictor(LinearRegression(), groups)
    compiles(zoo, model, X[[*names, "Weight_in_lbs", "Displacement"]], y)


def test_classes_for_each_group_compile(zoo):
    X, y = zoo.data("penguins")
    X = X[["sex", "bill_length_mm", "body_mass_g"]].dropna()
    model = meta.GroupedClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()), "sex", use_global_model=False
    )

    compiled, original, table = zoo.compile(model.fit(X, y.loc[X.index]), X)

    assert compiled.program is not None, compiled.why
    # It returns a single label, and a vector of probabilities, for a single row.
    one = original.predict(table.take(slice(0, 1)))
    assert (one.predictions.shape, one.probabilities.shape) == ((1,), (1, 3))


def test_groups_within_groups_say_why_they_do_not_compile(zoo):
    X, y = zoo.data("cars")
    X = X[["Origin", "Weight_in_lbs"]]
    model = meta.GroupedPredictor(Ridge(), "Origin", shrinkage="relative")

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert compiled.why.endswith("it mixes the models of groups within groups (shrinkage)")
