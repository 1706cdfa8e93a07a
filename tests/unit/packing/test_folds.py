"""Cross-validation: copies of the estimator, each measured on rows that it wasn't trained on."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xgboost
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import podium
from podium.bundle.skops_file import skops_of
from podium.cli.main import run
from podium.errors import SetupError

WINE, KIND = load_wine(return_X_y=True, as_frame=True)
ROWS, SUGAR = load_diabetes(return_X_y=True, as_frame=True)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression()).fit(WINE, KIND)


def figures(bundle, output=""):
    return {m.name: (m.value, m.spread) for m in bundle.card.metrics if m.output == output}


@pytest.fixture
def pack(tmp_path):
    return lambda *args, **kwargs: podium.pack(*args, name="m", path=tmp_path, **kwargs)


@pytest.mark.slow
def test_the_figures_are_those_that_scikit_learn_finds(pack):
    bundle = pack(LOGISTIC, WINE, KIND, cv=5)

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(LOGISTIC, WINE, KIND, cv=folds)
    card = bundle.card
    assert figures(bundle)["accuracy"] == pytest.approx((scores.mean(), scores.std()))
    assert (card.metrics_on, card.n_folds, card.n_metric_rows) == ("cross-validation", 5, 178)
    assert card.measured_on == "178 rows, by 5-fold cross-validation"
    assert card.warning == ""


@pytest.mark.slow
def test_the_packed_model_stays_the_one_that_was_given(pack):
    right = LOGISTIC.predict_proba(WINE)

    bundle = pack(LOGISTIC, WINE, KIND, cv=3)

    np.testing.assert_allclose(bundle.predict(WINE).probabilities, right, rtol=1e-9)


def test_what_was_learned_by_heart_does_not_count(pack):
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc"))
    y = random.choice(["heads", "tails"], 300)
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)

    by_heart, honest = pack(tree, X, y), pack(tree, X, y, cv=5)

    assert figures(by_heart)["accuracy"][0] == 1.0
    assert figures(honest)["accuracy"][0] < 0.65


def test_classes_that_a_fold_lacks_keep_the_places_of_the_others(pack):
    rare = np.where(np.arange(len(WINE)) < 2, "rare", np.where(WINE.iloc[:, 0] > 13, "up", "down"))
    both = pd.DataFrame({"rare": rare, "kind": np.array(list("abc"))[KIND]})
    model = RandomForestClassifier(20, random_state=0).fit(WINE, both)

    bundle = pack(model, WINE, both, cv=GroupKFold(5), groups=np.arange(len(WINE)) // 40)

    losses = {one.output: one.value for one in bundle.card.metrics if one.name == "log_loss"}
    assert losses.keys() == {"rare", "kind"}
    assert losses["rare"] < 1.0


def test_several_targets_are_measured_each(pack):
    two = pd.DataFrame({"up": SUGAR, "down": -2 * SUGAR})

    bundle = pack(Ridge().fit(ROWS, two), ROWS, two, cv=4)

    r2 = cross_val_score(Ridge(), ROWS, SUGAR, cv=KFold(4, shuffle=True, random_state=0))
    for name in two:
        assert figures(bundle, name)["r2"] == pytest.approx((r2.mean(), r2.std()))


def test_models_that_are_packed_together_are_each_trained_again(pack):
    models = {name: Ridge(alpha=alpha).fit(ROWS, SUGAR) for name, alpha in (("a", 1), ("b", 9))}

    bundle = pack(models, ROWS, SUGAR, cv=4)

    assert bundle.card.metrics_on == "cross-validation"
    for name, alpha in (("a", 1), ("b", 9)):
        cv = KFold(4, shuffle=True, random_state=0)
        r2 = cross_val_score(Ridge(alpha=alpha), ROWS, SUGAR, cv=cv)
        assert figures(bundle, name)["r2"] == pytest.approx((r2.mean(), r2.std()))


def test_models_that_are_packed_together_may_have_a_target_and_classes_of_their_own(pack):
    rare = np.where(np.arange(len(WINE)) < 2, "rare", np.where(WINE.iloc[:, 0] > 13, "up", "down"))
    both = pd.DataFrame({"alcohol": WINE.iloc[:, 0], "kind": rare})
    models = {
        "alcohol": Ridge().fit(WINE, both["alcohol"]),
        "kind": RandomForestClassifier(20, random_state=0).fit(WINE, both["kind"]),
    }

    # The fold of the first rows lacks the rare class in training.
    bundle = pack(models, WINE, both, cv=GroupKFold(5), groups=np.arange(len(WINE)) // 40)

    assert figures(bundle, "alcohol")["r2"][0] > 0.9
    assert figures(bundle, "kind")["log_loss"][0] < 1.0


def test_what_is_packed_together_and_cannot_be_trained_again_is_named(pack):
    models = {"a": Ridge().fit(ROWS, SUGAR), "b": Untrainable()}

    with pytest.raises(SetupError, match="a Untrainable can't be trained again"):
        pack(models, ROWS, SUGAR, cv=4)


class Untrainable:
    n_features_in_ = ROWS.shape[1]

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.slow
def test_rows_of_a_group_stay_together(pack):
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 5)
    X = pd.DataFrame(random.normal(size=(60, 4)).repeat(5, axis=0), columns=list("abcd"))
    y = random.integers(0, 2, 60)[patient]
    model = KNeighborsClassifier(1).fit(X, y)

    apart, together = pack(model, X, y, cv=5), pack(model, X, y, cv=5, groups=patient)

    right = cross_val_score(model, X, y, groups=patient, cv=StratifiedGroupKFold(5))
    assert figures(apart)["accuracy"][0] > 0.95
    assert figures(together)["accuracy"][0] == pytest.approx(right.mean())
    assert right.mean() < 0.7


def test_sample_weights_are_used_in_training(pack):
    random = np.random.default_rng(0)
    X = pd.DataFrame({"a": random.normal(size=400)})
    is_wrong = random.random(400) < 0.4
    y = np.where(is_wrong, X.a < 0, X.a > 0).astype(int)
    weights = np.where(is_wrong, 0.0, 1.0)
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=1))
    model.fit(X, y, decisiontreeclassifier__sample_weight=weights)

    bundle = pack(model, X, y, cv=4, sample_weight=pd.Series(weights))

    correct = []
    for train, test in StratifiedKFold(4, shuffle=True, random_state=0).split(X, y):
        given = {"decisiontreeclassifier__sample_weight": weights[train]}
        copy = clone(model).fit(X.iloc[train], y[train], **given)
        correct.append(copy.score(X.iloc[test], y[test]))
    assert figures(bundle)["accuracy"] == pytest.approx((np.mean(correct), np.std(correct)))


def test_a_splitter_of_ones_own_is_used(pack):
    bundle = pack(Ridge().fit(ROWS, SUGAR), ROWS, SUGAR, cv=TimeSeriesSplit(3))

    scores = cross_val_score(Ridge(), ROWS, SUGAR, cv=TimeSeriesSplit(3))
    assert figures(bundle)["r2"] == pytest.approx((scores.mean(), scores.std()))
    assert bundle.card.n_folds == 3


@pytest.mark.slow
@pytest.mark.parametrize("form", ["polars", "array", "lists", "categories"])
def test_rows_of_every_form_are_split(form, pack):
    X, y = ROWS, SUGAR
    model = LinearRegression()
    if form == "polars":
        X, y = pl.from_pandas(ROWS), pl.Series("sugar", SUGAR.to_numpy())
    elif form == "array":
        X, y = ROWS.to_numpy(), SUGAR.to_numpy()
    elif form == "lists":
        X, y = ROWS.to_numpy().tolist(), SUGAR.tolist()
    else:
        X = ROWS.assign(sex=(ROWS.sex > 0).map({True: "f", False: "m"}).astype("category"))
        model = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1)

    bundle = pack(model.fit(X, y), X, y, cv=3)

    assert 0.2 < figures(bundle)["r2"][0] < 0.6


@pytest.mark.slow
def test_a_class_that_a_fold_lacks_has_no_probability_there(pack):
    X = WINE.iloc[:120]
    y = KIND.iloc[:120].copy()
    y.iloc[7] = 9
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)

    bundle = pack(model, X, y, cv=4)

    assert figures(bundle)["accuracy"][0] > 0.8
    assert np.isfinite(figures(bundle)["log_loss"][0])


def test_rows_without_a_target_are_left_out(pack):
    y = SUGAR.where(np.arange(len(SUGAR)) % 10 > 0)
    known = y.notna()
    model = LinearRegression().fit(ROWS[known], y[known])

    assert pack(model, ROWS, y, cv=5).card.n_metric_rows == known.sum()


def booster():
    return xgboost.train({}, xgboost.DMatrix(ROWS, SUGAR), 3)


def stopping_early():
    model = xgboost.XGBRegressor(n_estimators=3, early_stopping_rounds=2)
    return model.fit(ROWS, SUGAR, eval_set=[(ROWS, SUGAR)], verbose=False)


@podium.model
def doubled(bmi: float) -> float:
    """Twice the body mass index."""
    return 2 * bmi


@pytest.mark.parametrize(
    ("make", "options", "why"),
    [
        (booster, {"cv": 5}, "a Booster can't be trained again"),
        (lambda: doubled, {"cv": 5}, "can't be trained again"),
        (stopping_early, {"cv": 5}, "can't be trained on all folds but one: ValueError"),
        (lambda: Ridge().fit(ROWS, SUGAR), {"cv": 1}, "can't be split into 1 folds"),
        (lambda: Ridge().fit(ROWS, SUGAR), {"cv": 1000}, "442 rows can't be split into 1000"),
        (lambda: Ridge().fit(ROWS, SUGAR), {"cv": "five"}, "the rows can't be split into folds"),
        (lambda: Ridge().fit(ROWS, SUGAR), {"cv": 2, "holdout": (ROWS, SUGAR)}, "not both"),
        (lambda: Ridge().fit(ROWS, SUGAR), {"cv": 3, "groups": [1] * 442}, "can't be split"),
        (
            lambda: KNeighborsRegressor().fit(ROWS, SUGAR),
            {"cv": 3, "sample_weight": [1.0] * 442},
            "KNeighborsRegressor is trained without sample weights",
        ),
    ],
)
def test_what_cannot_be_cross_validated_is_refused_with_what_to_do(make, options, why, pack):
    model = make()
    rows = ROWS[["bmi"]] if model is doubled else ROWS
    with pytest.raises(SetupError, match="(?s)" + why):
        pack(model, rows, SUGAR, **options)


def test_without_a_target_there_is_nothing_to_validate(pack):
    with pytest.raises(SetupError, match="needs the target"):
        pack(Ridge().fit(ROWS, SUGAR), ROWS, cv=5)


def test_the_command_line_cross_validates_with_groups_and_weights(tmp_path, capsys):
    random = np.random.default_rng(0)
    data = ROWS.assign(sugar=SUGAR, patient=np.arange(442) // 2, weight=random.random(442))
    data.to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "m.skops").write_bytes(skops_of(Ridge().fit(ROWS, SUGAR)))
    words = [
        *("pack", tmp_path / "m.skops", "--data", tmp_path / "train.csv", "--target", "sugar"),
        *("--cv", 5, "--groups", "patient", "--weights", "weight", "-o", tmp_path / "m.podium"),
    ]

    code = run([str(word) for word in words])

    out = capsys.readouterr().out
    assert code == 0
    assert "5-fold cross-validation: mean absolute error " in out
    assert "--holdout" not in out
    assert podium.load(tmp_path / "m.podium").signature.names == tuple(ROWS)
