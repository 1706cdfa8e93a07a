"""The steps of a pipeline that a prediction passes through."""

from __future__ import annotations

from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline as ordinary_pipeline
from sklearn.preprocessing import StandardScaler

from podium.runtimes.steps import model_in, steps_of


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
