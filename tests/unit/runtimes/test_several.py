"""Estimators with several outputs, run as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
THREE = RANDOM.integers(0, 3, 60)
LABELS = np.column_stack([THREE == 0, THREE > 0, X[:, 0] > 0]).astype(int)


def outputs_of(model: Any, y: Any) -> tuple[Any, Any]:
    """The signature, and the outputs for the training rows."""
    table = Table.of(X)
    fitted = model.fit(X, y)
    signature = signature_of(fitted, table)
    return signature, SklearnRuntime(fitted, signature).predict(table)


def test_each_output_has_its_classes_and_their_probabilities() -> None:
    both = np.column_stack([np.array(["a", "b", "c"])[THREE], np.where(X[:, 0] > 0, "up", "down")])
    model = MultiOutputClassifier(LogisticRegression())

    signature, outputs = outputs_of(model, both)

    assert [one.classes for one in signature.outputs] == [("a", "b", "c"), ("down", "up")]
    expected = np.concatenate(model.predict_proba(X), axis=1)
    np.testing.assert_array_equal(outputs.probabilities, expected)
    assert signature.probabilities_of(1) == slice(3, 5)


def test_a_label_matrix_has_the_classes_0_and_1() -> None:
    model = OneVsRestClassifier(GaussianNB())

    signature, outputs = outputs_of(model, LABELS)

    assert [one.classes for one in signature.outputs] == [(0, 1)] * 3
    np.testing.assert_array_equal(outputs.probabilities[:, 1::2], model.predict_proba(X))
    np.testing.assert_allclose(outputs.probabilities.reshape(60, 3, 2).sum(axis=2), 1.0)


@pytest.mark.parametrize("kind", [int, bool])
def test_a_chain_has_its_classes_in_the_order_of_the_targets(kind: type) -> None:
    """It lists them in the order of its models, and returns doubles."""
    y = np.column_stack([LABELS[:, 2], LABELS[:, 0] + 5]) if kind is int else LABELS.astype(bool)
    order = [1, 0] if kind is int else [2, 0, 1]
    model = make_pipeline(StandardScaler(), ClassifierChain(GaussianNB(), order=order))

    signature, outputs = outputs_of(model, y)

    expected = [(0, 1), (5, 6)] if kind is int else [(False, True)] * 3
    assert [one.classes for one in signature.outputs] == expected
    assert [type(value) for value in outputs.predictions[0].tolist()] == [kind] * len(expected)
    np.testing.assert_array_equal(outputs.probabilities[:, 1::2], model.predict_proba(X))


def test_without_probabilities_there_are_labels_alone() -> None:
    signature, outputs = outputs_of(MultiOutputClassifier(Perceptron()), LABELS)

    assert not signature.has_probabilities
    assert outputs.probabilities is None
    assert outputs.predictions.shape == (60, 3)


def test_several_numbers_have_no_classes() -> None:
    signature, outputs = outputs_of(LinearRegression(), X[:, :2] * 2.0)

    assert [one.task for one in signature.outputs] == ["regression"] * 2
    assert outputs.predictions.dtype == np.float64


class Scored:
    """A classifier that returns raw scores: with a custom objective, LightGBM's does."""

    _estimator_type = "classifier"
    classes_ = np.arange(3)

    def fit(self, rows: Any, _: Any) -> Scored:
        return self

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows) * 2.5


def test_raw_scores_of_classes_are_numbers() -> None:
    signature, outputs = outputs_of(Scored(), THREE)

    assert [(one.task, one.classes) for one in signature.outputs] == [("value", ())] * 3
    np.testing.assert_array_equal(outputs.predictions, X * 2.5)


class Labelling(Scored):
    """A classifier of a label matrix that lists the values of a label, not the labels: XGBoost's."""

    classes_ = np.arange(2)

    def predict(self, rows: Any) -> Any:
        return (np.asarray(rows) > 0).astype(float)

    def predict_proba(self, rows: Any) -> Any:
        return 1 / (1 + np.exp(-np.asarray(rows)))


def test_a_label_matrix_may_list_the_values_of_its_labels() -> None:
    signature, outputs = outputs_of(Labelling(), LABELS)

    assert [one.classes for one in signature.outputs] == [(0, 1)] * 3
    np.testing.assert_array_equal(outputs.predictions, (X > 0).astype(int))
    assert signature.n_probabilities == 6
