"""What the outputs of a fitted estimator are, from its predictions."""

from __future__ import annotations

import numpy as np

from podium.runtimes.sklearn import outputs_of


class Above:
    """A model that answers with truths, and lists no classes."""

    def predict(self, X):
        return np.asarray(X)[:, 0] > 1.0


def test_truths_are_classes_even_where_the_model_lists_none():
    (output,) = outputs_of(Above(), np.array([[0.5], [2.0]]), ("late",), np.array([0, 1]))

    assert (output.name, output.task, output.classes) == ("late", "classification", (False, True))
