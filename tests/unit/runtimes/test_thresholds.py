"""Classifiers with a threshold of their own: what it is, and labels that follow it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import podium

F1 = make_scorer(f1_score, pos_label="sick")
TUNED = TunedThresholdClassifierCV(LogisticRegression(), scoring=F1, cv=2, thresholds=20)
FIXED = FixedThresholdClassifier(LogisticRegression(), threshold=0.337, pos_label="sick")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["a", "b"])


@pytest.fixture(scope="module")
def truth(rows) -> pd.Series:
    noise = np.random.default_rng(1).normal(size=len(rows))
    return pd.Series(np.where(rows["a"] + noise > 1.2, "sick", "well"), name="state")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False])
@pytest.mark.parametrize(
    "model",
    [
        TUNED,
        FIXED,
        FixedThresholdClassifier(LogisticRegression(), threshold=0.8, pos_label="well"),
        make_pipeline(StandardScaler(), FIXED),
        GridSearchCV(FIXED, {"estimator__C": [0.1, 1.0]}, cv=2),
        TunedThresholdClassifierCV(
            CalibratedClassifierCV(LogisticRegression(), cv=2), cv=0.5, thresholds=20
        ),
        FixedThresholdClassifier(LinearSVC(), threshold=-0.4, pos_label="sick"),
        FixedThresholdClassifier(LinearSVC(), threshold=0.4),
    ],
    ids=str,
)
def test_a_threshold_is_found_and_labels_follow_it(rows, truth, model, compiles):
    bundle = podium.pack(model.fit(rows, truth), rows, truth, name="t", compiles=compiles)

    outputs = bundle.predict(rows)

    threshold = bundle.signature.output.threshold
    assert bundle.is_compiled is compiles
    assert outputs.predictions.tolist() == model.predict(rows).tolist()
    assert threshold.sentence in bundle.card.notes
    if threshold.of == "probability":
        place = bundle.signature.output.classes.index(threshold.label)
        is_there = outputs.probabilities[:, place] >= threshold.value
        assert (is_there == (outputs.predictions == threshold.label)).all()


@pytest.mark.slow
def test_the_threshold_is_that_of_the_tuned_class(rows, truth):
    model = TUNED.fit(rows, truth)

    bundle = podium.pack(model, rows, truth, name="t")

    threshold = bundle.signature.output.threshold
    assert (threshold.label, threshold.value) == ("sick", pytest.approx(model.best_threshold_))
    assert threshold.sentence.startswith('"sick" is predicted when its probability is at least')


def test_a_frozen_classifier_keeps_its_threshold(rows, truth):
    model = FrozenEstimator(FIXED.fit(rows, truth))

    assert podium.pack(model, rows, name="t").signature.output.threshold.value == 0.337


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), CalibratedClassifierCV(FIXED, cv=2)],
    ids=["plain", "calibrated again"],
)
def test_there_is_no_threshold_if_the_most_probable_class_is_predicted(rows, truth, model):
    bundle = podium.pack(model.fit(rows, truth), rows, truth, name="t")

    assert bundle.signature.output.threshold is None
    outputs = bundle.predict(rows)
    likeliest = np.array(bundle.signature.output.classes)[outputs.probabilities.argmax(axis=1)]
    assert (outputs.predictions == likeliest).all()
