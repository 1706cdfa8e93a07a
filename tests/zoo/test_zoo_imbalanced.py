"""Models of imbalanced-learn compile: their samplers do nothing at prediction."""

from __future__ import annotations

from typing import Any

import pytest
from imblearn import FunctionSampler
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
ENSEMBLES = [
    BalancedRandomForestClassifier(10, random_state=0),
    EasyEnsembleClassifier(2, AdaBoostClassifier(n_estimators=5), random_state=0),
    RUSBoostClassifier(TREE, n_estimators=5, random_state=0),
    BalancedBaggingClassifier(n_estimators=5, max_features=0.5, random_state=0),
    BalancedBaggingClassifier(GaussianNB(), sampler=SMOTE(random_state=0), n_estimators=3),
]


@pytest.mark.parametrize("model", ENSEMBLES, ids=lambda one: type(one).__name__)
def test_balanced_ensembles_compile(zoo: Any, model: Any) -> None:
    zoo.check(model, "wine")


def test_samplers_before_between_and_behind_transformers_do_nothing(zoo: Any) -> None:
    steps = [
        ("under", RandomUnderSampler(random_state=0)),
        ("scale", StandardScaler()),
        ("own", FunctionSampler(func=lambda X, y: (X[::2], y[::2]))),
        ("over", SMOTE(k_neighbors=2, random_state=0)),
        ("classify", LogisticRegression()),
    ]

    compiled = zoo.check(Pipeline(steps), "iris")

    names = [one.step.rpartition(" / ")[2] for one in compiled.report]
    assert names == ["scale", "classify", "Pipeline"]


def test_a_search_over_a_pipeline_with_a_sampler_compiles(zoo: Any) -> None:
    model = make_pipeline(SMOTE(random_state=0), LogisticRegression(max_iter=5_000))

    zoo.check(GridSearchCV(model, {"logisticregression__C": [0.1, 1]}, cv=2), "wine")


def test_categories_are_read_behind_a_sampler(zoo: Any) -> None:
    """Rare labels are absent from a few rows: the encoder behind the sampler knows them all."""
    X, y = zoo.data("penguins")
    words = ["island", "sex"]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), words), remainder=SimpleImputer()
    )
    model = make_pipeline(RandomOverSampler(random_state=0), columns, TREE).fit(X, y)
    few = X[X["island"] == "Biscoe"]

    compiled, original, _ = zoo.compile(model, few)

    assert set(original.signature.field("island").labels) == {"Biscoe", "Dream", "Torgersen"}
    assert compiled.program is not None, compiled.why
