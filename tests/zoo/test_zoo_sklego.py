"""Transformers and models of scikit-lego compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklego import (
    decomposition,
    dummy,
    feature_selection,
    linear_model,
    meta,
    mixture,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
)

TREE = DecisionTreeRegressor(max_depth=3, random_state=0)
STEPS = [
    preprocessing.ColumnCapper(discard_infs=True, quantile_range=(10, 90)),
    preprocessing.IntervalEncoder(n_chunks=6),
    preprocessing.LinearEmbedder(check_input=True),
    preprocessing.IdentityTransformer(check_X=True),
    preprocessing.OrthogonalTransformer(normalize=True),
    meta.EstimatorTransformer(TREE),
    preprocessing.MonotonicSplineTransformer(),
    feature_selection.MaximumRelevanceMinimumRedundancy(k=3, kind="regression"),
]
MODELS = [
    meta.DecayEstimator(Ridge()),
    linear_model.ImbalancedLinearRegression(overestimation_punishment_factor=2),
    linear_model.LowessRegression(sigma=20),
    meta.RegressionOutlierDetector(LinearRegression(), column=2),
    meta.RegressionOutlierDetector(TREE, column=3, method="relative", upper=0.5),
    decomposition.PCAOutlierDetection(n_components=2, threshold=5, variant="absolute"),
]
CLASSES = [
    meta.Thresholder(GaussianNB(), threshold=0.7),
    mixture.GMMClassifier(n_components=1),
    meta.OutlierClassifier(IsolationForest(n_estimators=10, random_state=0)),
    meta.ConfusionBalancer(DecisionTreeClassifier(max_depth=2), alpha=0.4),
    *(
        meta.SubjectiveClassifier(
            DecisionTreeClassifier(max_depth=2), {0: 0.3, 1: 0.7}, evidence=evidence
        )
        for evidence in ("predict_proba", "confusion_matrix", "both")
    ),
]
DENSITIES = [
    naive_bayes.GaussianMixtureNB(random_state=0),
    make_pipeline(StandardScaler(), neighbors.BayesianKernelDensityClassifier(bandwidth=0.7)),
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

    assert "HierarchicalRegressor, which compiles" in compiled.why


@pytest.mark.parametrize("model", DENSITIES, ids=["mixtures", "kernels"])
def test_classes_by_densities_compile(zoo, model):
    zoo.check(model, "iris")


@pytest.mark.parametrize("shrinkage", [None, "equal", "relative"])
def test_groups_within_groups_compile_with_the_weights_of_each_level(zoo, shrinkage):
    X, y = zoo.data("cars")
    X = X[["Origin", "Cylinders", "Weight_in_lbs"]]
    model = meta.HierarchicalRegressor(Ridge(), ["Origin", "Cylinders"], shrinkage=shrinkage)

    compiled, original, table = zoo.compile(model.fit(X, y), X)

    assert compiled.program is not None, compiled.why
    rows = table.take(slice(0, 3))
    rows.columns["Cylinders"] = np.array([7, 3, 5])
    rows.columns["Origin"] = np.array(["USA", "Mars", "Japan"], object)
    np.testing.assert_allclose(
        compiled.program.predict(rows).predictions, original.predict(rows).predictions, rtol=1e-12
    )


def test_classes_of_groups_compile_where_all_groups_have_them(zoo):
    X, y = zoo.data("cars")
    X = X[["Origin", "Weight_in_lbs", "Displacement"]]
    model = meta.HierarchicalClassifier(GaussianNB(), "Origin", shrinkage="constant")
    model.set_params(shrinkage_kwargs={"alpha": 0.3})

    compiles(zoo, model, X, (y > y.mean()).astype(int))


def test_a_transformer_of_each_group_compiles(zoo):
    X, y = zoo.data("cars")
    X = X[["Origin", "Weight_in_lbs", "Displacement"]]
    steps = meta.GroupedTransformer(StandardScaler(), "Origin"), LinearRegression()

    compiles(zoo, pipeline.make_debug_pipeline(*steps), X, y)


@pytest.mark.filterwarnings("ignore:As of version 1.1")
def test_columns_of_a_formula_compile(zoo):
    X, y = zoo.data("cars")
    steps = preprocessing.FormulaicTransformer("Cylinders * Displacement + C(Origin)"), Ridge()

    compiles(zoo, make_pipeline(*steps), X[["Cylinders", "Displacement", "Origin"]], y)


def test_only_training_rows_are_removed_as_outliers(zoo):
    X, _ = zoo.data("iris")
    remover = preprocessing.OutlierRemover(IsolationForest(n_estimators=10, random_state=0))
    model = make_pipeline(remover, KMeans(3, n_init=1, random_state=0)).fit(X[::2])

    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is not None, compiled.why


def test_random_predictions_say_why_they_do_not_compile(zoo):
    X, y = zoo.data("diabetes")

    compiled, _, _ = zoo.compile(dummy.RandomRegressor(random_state=0).fit(X, y), X)

    assert "its predictions are random" in compiled.why
