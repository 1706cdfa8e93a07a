"""Intervals of pygam and ngboost; `make test-others` runs these tests where both can be installed."""

from __future__ import annotations

import numpy as np
import pytest
from ngboost import NGBClassifier, NGBRegressor, NGBSurvival
from ngboost.distns import LogNormal, MultivariateNormal, Poisson
from pygam import ExpectileGAM, LinearGAM, LogisticGAM, PoissonGAM, l, s
from sklearn.datasets import load_breast_cancer, load_diabetes

import podium
from podium.errors import SetupError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

X, Y = load_diabetes(return_X_y=True, as_frame=True)
X = X[["age", "bmi", "bp", "s5"]]
QUICK = {"n_estimators": 10, "verbose": False}


def gam() -> LinearGAM:
    return LinearGAM(s(0) + s(1) + l(2)).fit(X, Y)


def bundle_of(model, path, **options):
    return podium.pack(model, X, Y, name="m", path=path, importance=False, **options)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_a_linear_gam_has_the_bounds_of_its_prediction_interval(level, tmp_path):
    model = gam()

    bundle = bundle_of(model, tmp_path, intervals=level)

    assert [one.name for one in bundle.signature.outputs] == ["prediction", "lower", "upper"]
    middle, *bounds = bundle.predict(X[:20]).predictions.T
    np.testing.assert_allclose(middle, model.predict(X[:20]))
    np.testing.assert_allclose(np.array(bounds).T, model.prediction_intervals(X[:20], width=level))


@pytest.mark.parametrize("distribution", [None, LogNormal, Poisson])
def test_a_regressor_of_ngboost_has_quantiles_of_its_distribution(distribution, tmp_path):
    options = QUICK if distribution is None else QUICK | {"Dist": distribution}
    model = NGBRegressor(**options).fit(X, Y)

    bundle = bundle_of(model, tmp_path, intervals=0.9)

    middle, low, high = bundle.predict(X[:20]).predictions.T
    np.testing.assert_allclose(middle, model.predict(X[:20]))
    found = model.pred_dist(X[:20]).dist
    np.testing.assert_allclose(low, found.ppf(0.05))
    np.testing.assert_allclose(high, found.ppf(0.95))
    if distribution is None:
        _, below, above = bundle.predict(X).predictions.T
        assert 0.8 < np.mean((below <= Y) & (above >= Y)) <= 1


def test_a_survival_model_of_ngboost_has_them_too(tmp_path):
    model = NGBSurvival(**QUICK).fit(X.to_numpy(), Y.to_numpy(), np.ones(len(Y)))

    bundle = podium.pack(model, X.to_numpy(), name="m", path=tmp_path, intervals=0.8)

    middle, low, high = bundle.predict(X.to_numpy()[:5]).predictions.T
    assert ((low < middle) & (middle < high)).all()


def test_a_logistic_gam_answers_with_the_probabilities_of_both_classes(tmp_path):
    rows, sick = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = rows.iloc[:, :3]
    model = LogisticGAM().fit(rows, sick)

    bundle = podium.pack(model, rows, name="m", path=tmp_path)

    for some in (rows[:30], rows[:2], rows[:1]):
        outputs = bundle.predict(some)
        second = model.predict_proba(some)
        np.testing.assert_allclose(outputs.probabilities, np.column_stack([1 - second, second]))
        np.testing.assert_array_equal(outputs.predictions, model.predict(some))


@pytest.mark.parametrize(
    "model",
    [ExpectileGAM(), PoissonGAM(), NGBClassifier(**QUICK), LogisticGAM()],
    ids=["expectiles", "poisson", "classes", "logistic"],
)
def test_a_model_without_prediction_intervals_says_so(model, tmp_path):
    target = Y.round() if "GAM" in type(model).__name__ else (Y > 100).astype(int)
    target = (Y > 100).astype(int) if isinstance(model, LogisticGAM) else target

    with pytest.raises(SetupError, match=f"{type(model).__name__} has no intervals"):
        bundle_of(model.fit(X, target), tmp_path, intervals=0.9)


def test_a_distribution_of_several_numbers_is_refused(tmp_path):
    model = NGBRegressor(Dist=MultivariateNormal(2), **QUICK)
    model.fit(X.to_numpy(), np.column_stack([Y, Y[::-1]]))

    with pytest.raises(SetupError, match="NGBRegressor has no intervals"):
        podium.pack(model, X.to_numpy(), name="m", path=tmp_path, intervals=0.9)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_share_that_is_none_is_refused(level, tmp_path):
    with pytest.raises(SetupError, match="intervals can't be"):
        bundle_of(gam(), tmp_path, intervals=level)
