"""The steps of a pipeline that a prediction passes through."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline as ordinary_pipeline
from sklearn.preprocessing import StandardScaler

from podium.runtimes.steps import model_in, past_steps, steps_of

ROWS = np.array([[0.0, 3.0], [1.0, 2.0]] * 4)
LABELS = [0, 1] * 4


class Counting(TransformerMixin, BaseEstimator):
    """Passes rows through, and counts how often."""

    n_calls = 0

    def fit(self, X, y=None):
        self.n_calls = 0
        return self

    def transform(self, X):
        self.n_calls += 1
        return X


class Own(LogisticRegression):
    """A model that may do anything to its rows."""


def test_a_pipeline_has_all_its_steps() -> None:
    pipeline = ordinary_pipeline(StandardScaler(), "passthrough", LogisticRegression())

    assert steps_of(pipeline) == pipeline.steps


def test_samplers_are_no_steps_of_a_prediction() -> None:
    pipeline = make_pipeline(RandomUnderSampler(), StandardScaler(), LogisticRegression())

    assert [name for name, _ in steps_of(pipeline)] == ["standardscaler", "logisticregression"]


def test_an_estimator_has_no_steps() -> None:
    assert steps_of(LogisticRegression()) == []


def test_the_model_is_at_the_end_of_pipelines_and_searches() -> None:
    pipeline = make_pipeline(RandomUnderSampler(), StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {}, cv=2).fit([[0.0], [1.0]] * 4, [0, 1] * 4)

    assert isinstance(model_in(search), LogisticRegression)


@pytest.mark.parametrize("is_searched", [False, True])
@pytest.mark.parametrize("make", [make_pipeline, ordinary_pipeline])
def test_the_rows_pass_the_steps_once_for_labels_and_probabilities(make, is_searched) -> None:
    inner = ordinary_pipeline(StandardScaler(), LogisticRegression())
    pipeline = make(Counting(), "passthrough", StandardScaler(), inner).fit(ROWS, LABELS)
    theirs = pipeline.predict(ROWS), pipeline.predict_proba(ROWS)
    estimator = GridSearchCV(pipeline, {}, cv=2).fit(ROWS, LABELS) if is_searched else pipeline
    counting = (estimator.best_estimator_ if is_searched else estimator).steps[0][1]
    counting.n_calls = 0

    model, rows = past_steps(estimator, ROWS)

    assert isinstance(model, LogisticRegression)
    assert counting.n_calls == 1
    np.testing.assert_array_equal(model.predict(rows), theirs[0])
    np.testing.assert_array_equal(model.predict_proba(rows), theirs[1])


def test_a_model_of_ones_own_gets_its_rows_from_its_pipeline() -> None:
    class Different(type(ordinary_pipeline(Own()))):
        """A pipeline that may do anything."""

    own = ordinary_pipeline(StandardScaler(), Own()).fit(ROWS, LABELS)
    different = Different([("model", LogisticRegression())]).fit(ROWS, LABELS)

    assert past_steps(own, ROWS)[0] is own
    assert past_steps(different, ROWS)[0] is different
