"""What is packed answers as the object that was handed over, asked as its owner asks it."""

from __future__ import annotations

from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB

import podium
from podium.cli.pack import packed
from podium.errors import SetupError

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame({"a": RANDOM.normal(size=300), "b": RANDOM.normal(size=300)})
SUM = (ROWS.a * 10 + ROWS.b).rename("t")
LEFT = (ROWS.a > 0).rename("left")

XGB = xgboost.XGBRegressor(n_estimators=20)
LGBM = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1)
CATBOOST = catboost.CatBoostRegressor(n_estimators=20, verbose=0, allow_writing_files=False)


def figures(bundle):
    return {one.name: one.value for one in bundle.card.metrics}


@pytest.mark.slow
@pytest.mark.parametrize("fitted_on", ["frame", "array"])
@pytest.mark.parametrize("given", ["frame", "array"])
@pytest.mark.parametrize("model", [XGB, LGBM, CATBOOST, LinearRegression()], ids=lambda m: type(m).__name__)  # fmt: skip
def test_arrays_go_to_models_that_know_names_and_frames_to_those_that_do_not(
    model, fitted_on, given, tmp_path
):
    kinds = {"frame": ROWS, "array": ROWS.to_numpy()}
    model = type(model)(**model.get_params()).fit(kinds[fitted_on], SUM)

    bundle = podium.pack(model, kinds[given], SUM, name="n", path=tmp_path)

    assert figures(bundle)["r2"] == pytest.approx(model.score(kinds[fitted_on], SUM), abs=1e-6)
    np.testing.assert_allclose(
        bundle.predict(kinds[given]).predictions, model.predict(kinds[fitted_on]), rtol=1e-5
    )


def saved(kind: str, folder: Path) -> Path:
    if kind == "lightgbm":
        file = folder / "o.txt"
        lightgbm.train({"verbose": -1}, lightgbm.Dataset(ROWS, SUM), 20).save_model(file)
    elif kind == "xgboost":
        file = folder / "o.ubj"
        xgboost.train({}, xgboost.DMatrix(ROWS, SUM), 20).save_model(file)
    else:
        file = folder / "o.cbm"
        catboost.CatBoost(CATBOOST.get_params()).fit(ROWS, SUM).save_model(str(file))
    return file


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize("columns", [["b", "a", "t"], ["id", "b", "t", "a"]])
def test_columns_in_another_order_and_an_id_change_nothing(kind, columns, tmp_path):
    file = saved(kind, tmp_path)
    ROWS.assign(t=SUM, id=range(300))[columns].to_csv(tmp_path / "o.csv", index=False)

    bundle = packed(str(file), data=tmp_path / "o.csv", target="t", path=tmp_path)

    assert bundle.signature.names == ("a", "b")
    assert float(bundle.predict({"a": 1, "b": 0}).predictions[0]) == pytest.approx(10, abs=1.5)
    assert figures(bundle)["r2"] > 0.8


def test_a_blank_or_a_dash_in_a_column_name_is_no_other_column(tmp_path):
    rows = ROWS.set_axis(["net weight", "c-d"], axis=1)
    model = type(LGBM)(**LGBM.get_params()).fit(rows, SUM)

    bundle = podium.pack(model, rows, SUM, name="sp", path=tmp_path)

    assert bundle.signature.names == ("net weight", "c-d")
    np.testing.assert_allclose(bundle.predict(rows).predictions, model.predict(rows))


KINDS = ["bool", "boolean", "bool[pyarrow]", "Int64", "int64[pyarrow]", "int8", "float64", "str"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, "category", "object"])
@pytest.mark.parametrize("rows", ["training", "holdout"])
def test_a_target_of_another_type_than_the_classes_is_understood(kind, rows, tmp_path):
    model = xgboost.XGBClassifier(n_estimators=10).fit(ROWS, LEFT)
    is_number = kind.lower().startswith(("int", "float"))
    truth = (LEFT.astype(int) if is_number else LEFT).astype(kind)

    if rows == "holdout":
        bundle = podium.pack(model, ROWS, LEFT, name="t", path=tmp_path, holdout=(ROWS, truth))
    else:
        bundle = podium.pack(model, ROWS, truth, name="t", path=tmp_path)

    assert figures(bundle)["accuracy"] == 1.0
    assert figures(bundle)["roc_auc"] == 1.0


def test_a_target_that_has_nothing_of_the_classes_is_not_measured(tmp_path):
    model = LogisticRegression().fit(ROWS, LEFT.astype(int))

    bundle = podium.pack(model, ROWS, LEFT.map({True: "yes", False: "no"}), name="t", path=tmp_path)

    assert bundle.card.metrics == ()
    assert "aren't among the model's classes (0, 1)" in bundle.card.notes[0]


def test_words_for_a_regression_are_not_measured(tmp_path):
    model = LinearRegression().fit(ROWS, SUM)

    bundle = podium.pack(model, ROWS, ["much"] * 300, name="t", path=tmp_path)

    assert bundle.card.metrics == ()
    assert "'much' isn't a number" in bundle.card.notes[0]


@pytest.mark.slow
def test_raw_scores_become_probabilities_that_part_at_a_score_of_zero(tmp_path):
    model = xgboost.XGBClassifier(objective="binary:logitraw", n_estimators=10).fit(ROWS, LEFT)
    raw = model.predict(ROWS, output_margin=True)

    for given in (model, model.get_booster()):
        bundle = podium.pack(given, ROWS, LEFT, name="t", path=tmp_path)

        answers = bundle.predict(ROWS)
        np.testing.assert_allclose(answers.probabilities[:, 1], 1 / (1 + np.exp(-raw)), rtol=1e-4)
        assert answers.predictions.tolist() == (raw > 0).astype(int).tolist()
        assert figures(bundle)["accuracy"] == 1.0
        assert "binary:logitraw" in bundle.card.notes[0]


def squared(scores, rows):
    return scores - rows.get_label(), np.ones_like(scores)


def test_an_objective_of_ones_own_is_told_with_what_it_predicts(tmp_path):
    options = {"objective": squared, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(options, lightgbm.Dataset(ROWS, ROWS.a), 5)

    bundle = podium.pack(model, ROWS, name="t", path=tmp_path)

    assert bundle.is_compiled
    assert "raw scores" in bundle.card.notes[0]


@pytest.fixture(scope="module")
def stopped():
    """A native booster that was stopped early, and its rows."""
    noisy = ROWS.a * 10 + RANDOM.normal(size=300) * 20
    parts = [xgboost.DMatrix(ROWS[a:b], noisy[a:b]) for a, b in ((0, 200), (200, 300))]
    booster = xgboost.train(
        {}, parts[0], 200, evals=[(parts[1], "v")], early_stopping_rounds=5, verbose_eval=False
    )
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    return booster, noisy


def test_a_native_booster_predicts_with_all_its_rounds(stopped, tmp_path):
    booster, y = stopped
    booster.save_model(tmp_path / "e.ubj")

    for given in (booster, tmp_path / "e.ubj"):
        bundle = podium.pack(given, ROWS, y, name="e", path=tmp_path)

        theirs = booster.predict(xgboost.DMatrix(ROWS))
        np.testing.assert_allclose(bundle.predict(ROWS).predictions, theirs, rtol=1e-5)
        assert bundle.card.notes[0].startswith(f"All of its {booster.num_boosted_rounds()} rounds")


@pytest.mark.parametrize("rounds", ["best", 2])
def test_how_many_rounds_answer_can_be_chosen(stopped, rounds, tmp_path):
    booster, y = stopped
    n = booster.best_iteration + 1 if rounds == "best" else rounds

    bundle = podium.pack(booster, ROWS, y, name="e", path=tmp_path, rounds=rounds)

    theirs = booster.predict(xgboost.DMatrix(ROWS), iteration_range=(0, n))
    np.testing.assert_allclose(bundle.predict(ROWS).predictions, theirs, rtol=1e-5)
    assert f"The first {n} of its" in bundle.card.notes[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("rounds", [None, "all", 3])
def test_rounds_of_every_booster_can_be_chosen(stopped, kind, rounds, tmp_path):
    _, y = stopped
    train, valid = (ROWS[:200], y[:200]), [(ROWS[200:], y[200:])]
    if kind == "xgboost":
        model = xgboost.XGBRegressor(n_estimators=99, early_stopping_rounds=5)
        model.fit(*train, eval_set=valid, verbose=False)
        given, chosen = {}, {"iteration_range": (0, rounds or 0)}
        everything = {"iteration_range": (0, model.get_booster().num_boosted_rounds())}
    elif kind == "lightgbm":
        model = lightgbm.LGBMRegressor(n_estimators=99, early_stopping_round=5, verbose=-1)
        model.fit(*train, eval_set=valid)
        given, chosen, everything = {}, {"num_iteration": rounds}, {"num_iteration": -1}
    else:
        model = type(CATBOOST)(n_estimators=99, verbose=0, allow_writing_files=False)
        model.fit(*train, eval_set=valid, use_best_model=False)
        given, chosen, everything = {}, {"ntree_end": rounds or 0}, {}
    asked = {None: given, "all": everything}.get(rounds, chosen)

    bundle = podium.pack(model, ROWS, y, name="e", path=tmp_path, rounds=rounds)

    np.testing.assert_allclose(
        bundle.predict(ROWS).predictions, model.predict(ROWS, **asked), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("rounds", "said"), [("first", "can't be 'first'"), (0, "can't be 0"), (99_999, "rounds, not")]
)
def test_rounds_that_cannot_be_are_refused(stopped, rounds, said, tmp_path):
    with pytest.raises(SetupError, match=said):
        podium.pack(stopped[0], ROWS, SUM, name="e", path=tmp_path, rounds=rounds)


def test_rounds_of_what_has_none_are_refused(tmp_path):
    with pytest.raises(SetupError, match="no rounds to choose from"):
        podium.pack(LinearRegression().fit(ROWS, SUM), ROWS, SUM, name="e", path=tmp_path, rounds=3)


def ranks(y, p):
    return p - (y > 0), np.ones(len(y))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")
@pytest.mark.parametrize(
    "model",
    [
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, objective=ranks),
        xgboost.XGBClassifier(n_estimators=5, objective=ranks),
    ],
    ids=lambda m: type(m).__name__,
)
def test_a_custom_objective_returns_no_probabilities_outside_0_and_1(model, tmp_path):
    model.fit(ROWS, LEFT.astype(int))

    bundle = podium.pack(model, ROWS, LEFT, name="c", path=tmp_path)

    shares = bundle.predict(ROWS).probabilities
    assert shares is None or (shares.min() >= 0 and shares.max() <= 1)
    assert bundle.predict(ROWS).predictions.tolist() == model.predict(ROWS).tolist()


def test_scores_that_only_order_rows_are_not_measured(tmp_path):
    model = xgboost.XGBRanker(n_estimators=5).fit(ROWS, LEFT.astype(int), qid=[0] * 300)

    bundle = podium.pack(model, ROWS, LEFT.astype(int), name="r", path=tmp_path)

    assert bundle.card.metrics == ()
    assert "rank rows" in bundle.card.notes[0]


class Picky(RegressorMixin, BaseEstimator):
    """An estimator that looks at what it is given rather than at its values."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), float(isinstance(X.index, pd.RangeIndex)))


def test_a_model_that_predicts_differently_for_its_owner_is_refused(tmp_path):
    rows = ROWS.set_axis([f"row {i}" for i in range(300)])

    with pytest.raises(SetupError, match=r"row 1 gets .*1\.0.* instead of .*0\.0"):
        podium.pack(Picky().fit(rows, SUM), rows, SUM, name="p", path=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_an_infinite_metric_is_left_out_with_a_note(tmp_path):
    model = LinearRegression().fit(ROWS, SUM)
    truth = SUM.where(ROWS.index > 0, np.inf)

    bundle = podium.pack(model, ROWS, truth, name="m", path=tmp_path)

    assert podium.load(tmp_path / "m.podium").card == bundle.card
    assert "wouldn't be finite numbers" in bundle.card.notes[0]
    assert [one.name for one in bundle.card.metrics] == ["median_absolute_error"]


def test_without_a_holdout_the_card_does_not_look_like_quality(tmp_path):
    bundle = podium.pack(LinearRegression().fit(ROWS, SUM), ROWS, SUM, name="m", path=tmp_path)

    assert bundle.card.metrics_on == "training"
    assert bundle.card.measured_on == "the 300 rows it was trained on"
    assert bundle.card.warning == "Expect larger errors on new ones."


class Exploding(RegressorMixin, BaseEstimator):
    """Answers beyond all bounds for some rows."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.where(np.arange(len(X)) == 0, np.inf, 1.0)


def test_infinite_predictions_for_training_rows_give_a_bundle_that_opens(tmp_path):
    podium.pack(Exploding().fit(ROWS, SUM), ROWS, SUM, name="x", path=tmp_path)

    bundle = podium.load(tmp_path / "x.podium")

    assert bundle.baseline.fields.keys() == {"a", "b"}


def test_what_could_not_be_opened_never_gets_its_name(tmp_path):
    model = LinearRegression().fit(ROWS, SUM)
    good = podium.pack(model, ROWS, SUM, name="m", path=tmp_path)

    with pytest.raises(SetupError, match="nothing was written"):
        podium.pack(model, ROWS, SUM, name="m", path=tmp_path, limits=[3])

    assert podium.load(tmp_path / "m.podium").digest == good.digest
    assert [one.name for one in tmp_path.iterdir()] == ["m.podium"]


def test_a_sure_model_differs_by_nothing_where_most_probabilities_are_nothing(tmp_path):
    X, y = load_iris(return_X_y=True)
    model = CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3).fit(X, y)
    shares = model.predict_proba(X)
    assert np.median(shares) < 1e-9

    bundle = podium.pack(model, X, y, name="sure", path=tmp_path)

    assert bundle.is_compiled, bundle.compilation.why
    np.testing.assert_allclose(bundle.predict(X).probabilities, shares, atol=1e-12)
