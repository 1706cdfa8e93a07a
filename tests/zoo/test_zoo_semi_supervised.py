"""Models trained on rows of which only some have labels compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import linear_kernel
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier


def half_labelled(zoo, model):
    """Flowers, half of them without a label."""
    X, _ = zoo.data("iris")
    y = np.repeat([0, 1, 2], 50)
    return model.fit(X, np.where(np.arange(150) % 2, y, -1))


@pytest.mark.parametrize(
    "model",
    [
        LabelPropagation(),
        LabelPropagation(gamma=0.5),
        LabelPropagation(kernel="knn", n_neighbors=5),
        LabelSpreading(),
        LabelSpreading(kernel="knn", n_neighbors=7, alpha=0.5),
        SelfTrainingClassifier(LogisticRegression(max_iter=500)),
    ],
    ids=str,
)
def test_a_model_of_few_labels_compiles(zoo, model):
    zoo.check_fitted(half_labelled(zoo, model), "iris")


def test_far_from_all_rows_there_is_no_prediction(zoo):
    model = half_labelled(zoo, LabelSpreading())

    compiled, _, _ = zoo.compile(model, zoo.data("iris")[0])

    assert compiled.verification.n_refused > 0  # the original divides zero by zero there


def test_a_kernel_that_is_code_is_not_compiled(zoo):
    model = half_labelled(zoo, LabelSpreading(kernel=linear_kernel))

    assert "its kernel is code" in zoo.compile(model, zoo.data("iris")[0])[0].why
