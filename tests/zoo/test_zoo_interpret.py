"""Explainable boosting machines compile: bins, interactions, categories, missing values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import podium

pytestmark = [
    pytest.mark.slow,  # interpret takes a second to load
    # It warns of what its pictures can't show, and of its own dependencies.
    pytest.mark.filterwarnings("ignore"),
]
QUICK = {"max_rounds": 50, "outer_bags": 2, "random_state": 0}


def machine(kind: str, X, y, **options):
    import interpret.glassbox

    return getattr(interpret.glassbox, f"ExplainableBoosting{kind}")(**QUICK | options).fit(X, y)


@pytest.mark.parametrize("interactions", [0, 3])
def test_two_and_three_classes_with_missing_values_and_categories(zoo, interactions):
    X, y = zoo.data("penguins")
    y = (y == "Adelie").to_numpy() if interactions else y  # several classes have no interactions

    zoo.check_fitted(machine("Classifier", X, y, interactions=interactions), "penguins")


def test_probabilities_of_three_classes_of_an_array(zoo):
    zoo.check_fitted(machine("Classifier", *zoo.data("iris")), "iris")


@pytest.mark.parametrize("objective", ["rmse", "poisson_deviance"])
def test_regressors_with_interactions(zoo, objective):
    fitted = machine("Regressor", *zoo.data("cars"), objective=objective, interactions=4)

    zoo.check_fitted(fitted, "cars")


def test_numbers_and_truths_as_categories_and_a_term_of_three_features(zoo):
    X, y = zoo.data("cars")
    X = X.assign(heavy=X["Weight_in_lbs"] > 3000)
    options = {"interactions": [("heavy", "Origin", "Horsepower")]}
    options["feature_types"] = ["nominal", *[None] * 5]

    compiled, _, _ = zoo.compile(machine("Regressor", X, y, **options), X)

    assert compiled.program is not None, compiled.why


def test_a_category_that_training_lacked_and_a_missing_value_have_bins_of_their_own(zoo, tmp_path):
    X, y = zoo.data("cars")
    fitted = machine("Regressor", X, y)
    bundle = podium.pack(fitted, X, name="m", path=tmp_path, importance=False)
    rows = pd.DataFrame([[8, 300.0, np.nan, 4000, "Mars"], [8, 300.0, 130.0, 4000, None]])
    rows.columns = X.columns

    np.testing.assert_allclose(bundle.predict(rows).predictions, fitted.predict(rows), rtol=1e-12)
