"""Boosters of CatBoost compile: trees of levels and of nodes, numbers and few categories."""

from __future__ import annotations

import catboost
import numpy as np
import pandas as pd
import pytest
from feature_engine.encoding import RareLabelEncoder
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from podium.program.operations import HashedLookup
from podium.table import Table

SMALL = {
    "iterations": 15,
    "depth": 4,
    "verbose": 0,
    "thread_count": 1,
    "allow_writing_files": False,
}


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-12
    return compiled


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide", "Depthwise"])
def test_a_regressor_compiles(zoo, policy, data):
    zoo.check(catboost.CatBoostRegressor(grow_policy=policy, **SMALL), data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise"])
def test_a_classifier_compiles(zoo, policy, data):
    zoo.check(catboost.CatBoostClassifier(grow_policy=policy, **SMALL), data)


@pytest.mark.parametrize(
    "loss", ["MAE", "Poisson", "Quantile:alpha=0.3", "Tweedie:variance_power=1.5"]
)
def test_every_loss_of_regression_compiles(zoo, loss):
    zoo.check(catboost.CatBoostRegressor(loss_function=loss, **SMALL), "cars")


def test_every_loss_of_classes_compiles(zoo):
    zoo.check(catboost.CatBoostClassifier(loss_function="MultiClassOneVsAll", **SMALL), "wine")
    model = catboost.CatBoostClassifier(loss_function="CrossEntropy", **SMALL)
    zoo.check(model, "breast_cancer", numbered=True)


def test_the_focal_loss_compiles(zoo):
    loss = "Focal:focal_alpha=0.4;focal_gamma=1.5"

    zoo.check(
        catboost.CatBoostClassifier(loss_function=loss, **SMALL), "breast_cancer", numbered=True
    )


class LogLoss:
    """An objective of one's own."""

    def calc_ders_range(self, scores, truths, _weights):
        shares = [1 / (1 + np.exp(-score)) for score in scores]
        return [(t - s, -s * (1 - s)) for s, t in zip(shares, truths, strict=True)]


@pytest.mark.filterwarnings("ignore:Failed to import numba")  # which would make it faster
def test_classes_of_an_objective_of_ones_own_compile(zoo):
    model = catboost.CatBoostClassifier(
        loss_function=LogLoss(), eval_metric="Logloss", **SMALL | {"iterations": 3}
    )
    X, y = zoo.data("breast_cancer")

    compiles(zoo, model.fit(X, y.astype(int)), X)


@pytest.mark.parametrize("loss", ["MultiLogloss", "MultiCrossEntropy"])
def test_several_labels_compile(zoo, loss):
    X, y = zoo.data("diabetes")
    labels = np.stack([y > 100, y > 150, y > 220], axis=1).astype(int)
    model = catboost.CatBoostClassifier(loss_function=loss, **SMALL)

    compiled = compiles(zoo, model.fit(X, labels), X)

    assert compiled.program.signature.n_probabilities == 6


@pytest.mark.parametrize(
    ("loss", "n_outputs"), [("RMSEWithUncertainty", 2), ("MultiQuantile:alpha=0.1,0.5,0.9", 3)]
)
def test_a_mean_with_its_variance_and_quantiles_compile(zoo, loss, n_outputs):
    X, y = zoo.data("diabetes")
    model = catboost.CatBoostRegressor(loss_function=loss, **SMALL)

    compiled = compiles(zoo, model.fit(X, y), X)

    assert len(compiled.program.plan.answers) == n_outputs


def test_texts_are_left_to_the_library(zoo):
    X, y = zoo.data("penguins")
    X = X[["bill_length_mm"]].assign(said=[f"a bird of kind {kind}" for kind in y])
    model = catboost.CatBoostClassifier(text_features=["said"], **SMALL)

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert "texts or embeddings" in compiled.why


def test_several_outputs_compile(zoo):
    zoo.check(catboost.CatBoostRegressor(loss_function="MultiRMSE", **SMALL), "linnerud")


@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_values_go_where_training_sent_them(zoo, mode):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower"]].copy()
    X.loc[::7, "Displacement"] = np.nan
    model = catboost.CatBoostRegressor(nan_mode=mode, **SMALL)

    compiles(zoo, model.fit(X, y), X)


def test_a_missing_value_that_training_never_saw_is_below_all_others(zoo):
    X, y = zoo.data("diabetes")
    model = catboost.CatBoostRegressor(**SMALL).fit(X, y)

    said = {"fields": [{"name": f"x{i}", "missing": "accept"} for i in range(X.shape[1])]}

    compiles(zoo, model, X, said=said)


def with_categories(X):
    numbers = np.arange(len(X)) % 40
    words = np.array([f"maker {n % 11}" for n in range(len(X))], object)
    return X.assign(number=pd.Categorical(numbers), maker=words)[
        ["Origin", "Displacement", "number", "maker", "Weight_in_lbs"]
    ]


def test_categories_that_are_told_apart_one_by_one_compile(zoo):
    X, y = zoo.data("cars")
    X = with_categories(X)
    model = catboost.CatBoostRegressor(
        cat_features=["Origin", "number", "maker"], one_hot_max_size=255, **SMALL | {"depth": 6}
    )

    compiled = compiles(
        zoo,
        model.fit(X, y),
        X,
        said={"fields": [{"name": "Origin", "unknown": "warn"}]},
    )

    assert any(len(o.words) for o in compiled.program.plan.operations if hasattr(o, "words"))


def counted(X):
    """Categories of every kind that the library accepts, some rare."""
    return with_categories(X).assign(
        code=np.arange(len(X)) % 90 - 3,
        is_heavy=(X["Weight_in_lbs"] > 3000).to_numpy(),
        rare=[f"{'Gänsefüßchen ' * (n % 4)}{n % 150}" for n in range(len(X))],
    )


COUNTED = ["Origin", "number", "maker", "code", "is_heavy", "rare"]
UNKNOWN = {"fields": [{"name": name, "unknown": "warn"} for name in ("Origin", "maker", "rare")]}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"one_hot_max_size": 3, "max_ctr_complexity": 4, "model_size_reg": 0, "nan_mode": "Max"},
        {"grow_policy": "Lossguide", "one_hot_max_size": 3},
        {
            "simple_ctr": ["BinarizedTargetMeanValue", "Buckets:TargetBorderCount=2", "Counter"],
            "combinations_ctr": ["Borders:TargetBorderCount=3:Prior=0.3/1", "Buckets"],
        },
    ],
    ids=["as it is", "conditions", "nodes", "counters"],
)
def test_counts_of_targets_by_category_compile(zoo, options):
    X, y = zoo.data("cars")
    X = counted(X)
    X.loc[::7, "Displacement"] = np.nan
    model = catboost.CatBoostRegressor(
        cat_features=COUNTED, **SMALL | {"iterations": 60, "depth": 6} | options
    )

    compiled = compiles(zoo, model.fit(X, y), X, said=UNKNOWN)

    assert any(isinstance(o, HashedLookup) for o in compiled.program.plan.operations)
    table = Table.of(X)
    together = compiled.program.predict(table).predictions
    for row in range(5):
        alone = compiled.program.predict(table.take(slice(row, row + 1))).predictions
        assert alone == together[row]


@pytest.mark.parametrize("data", ["penguins", "breast_cancer"])
def test_counts_of_classes_by_category_compile(zoo, data):
    X, y = zoo.data(data)
    numbers = X.select_dtypes("number")
    X = numbers.assign(maker=[f"maker {n % 23}" for n in range(len(X))], n=np.arange(len(X)) % 7)
    model = catboost.CatBoostClassifier(cat_features=["maker", "n"], **SMALL)

    compiles(zoo, model.fit(X, y), X, said={"fields": [{"name": "maker", "unknown": "warn"}]})


def test_categories_that_the_rows_at_packing_lack_are_known(zoo):
    X, y = zoo.data("cars")
    X = counted(X)
    model = catboost.CatBoostRegressor(cat_features=COUNTED, **SMALL).fit(X, y)

    compiled, _, _ = zoo.compile(model, X[:60], said=UNKNOWN)

    assert compiled.program is not None, compiled.why
    np.testing.assert_allclose(
        compiled.program.predict(Table.of(X)).predictions, model.predict(X), rtol=1e-12
    )


@pytest.mark.filterwarnings("ignore:For backward compatibility")  # feature_engine's own
@pytest.mark.parametrize("step", ["filled", "rare", "numbered"])
def test_categories_that_earlier_steps_compute_compile(zoo, step):
    X, y = zoo.data("penguins")
    words = ["island", "sex"]
    numbered = OrdinalEncoder(
        dtype=int, handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    columns = make_column_transformer(
        (numbered if step == "numbered" else SimpleImputer(strategy="most_frequent"), words),
        (SimpleImputer(), ["bill_length_mm", "body_mass_g"]),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    rare = [RareLabelEncoder(0.2, 1, variables=words)] if step == "rare" else []
    model = make_pipeline(columns, *rare, catboost.CatBoostClassifier(cat_features=words, **SMALL))

    compiles(zoo, model.fit(X, y), X)


def test_a_column_of_whole_numbers_alone_can_be_categories(zoo):
    X, y = zoo.data("cars")
    rows = np.stack([np.arange(len(X)) % 40, X["Cylinders"].astype(int)], axis=1)
    model = catboost.CatBoostRegressor(cat_features=[0, 1], **SMALL)

    compiles(zoo, model.fit(rows, y), rows)


@pytest.mark.parametrize("threshold", [0.02, 0.7, None])
def test_another_threshold_compiles(zoo, threshold):
    X, y = zoo.data("breast_cancer")
    model = catboost.CatBoostClassifier(**SMALL).fit(X, y)
    shares = np.sort(model.predict_proba(X)[:, 1])
    model.set_probability_threshold(threshold or shares[100])  # one that a row has exactly

    compiled, original, table = zoo.compile(model, X)

    assert compiled.program is not None, compiled.why
    found = compiled.program.predict(table).predictions
    np.testing.assert_array_equal(found, original.predict(table).predictions)
    assert (found.astype(str) == "True").sum() != (shares > 0.5).sum()


@pytest.mark.parametrize("kind", [catboost.CatBoost, catboost.CatBoostRegressor])
def test_a_native_file_compiles_through_its_class(zoo, tmp_path, kind):
    X, y = zoo.data("diabetes")
    file = tmp_path / "model.cbm"
    catboost.CatBoostRegressor(**SMALL).fit(X, y).save_model(file)

    compiles(zoo, kind().load_model(file), X)


def test_a_native_file_of_classes_compiles_through_its_class(zoo, tmp_path):
    X, y = zoo.data("iris")
    file = tmp_path / "model.cbm"
    catboost.CatBoostClassifier(**SMALL).fit(X, y).save_model(file)

    compiles(zoo, catboost.CatBoostClassifier().load_model(file), X)
