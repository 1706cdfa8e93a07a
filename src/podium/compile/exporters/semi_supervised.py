"""Models trained on rows of which only some have labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.decomposition import kernel_of
from podium.compile.exporters.neighbors import nearest_rows
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Elementwise, Largest, Matmul


def self_training(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model inside, trained on its own labels at last."""
    return build.model(estimator.estimator_, x, "estimator")


def label_propagation(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The labels of training rows, weighted by their nearness."""
    known = np.ascontiguousarray(estimator.label_distributions_, np.float64)
    if estimator.kernel == "rbf":
        near = kernel_of(build, x, "rbf", estimator.X_, {"gamma": estimator.gamma})
        sums = build.add(Matmul(near, known))
    elif estimator.kernel == "knn":
        sums = nearest_rows(estimator.nn_fit, build, x, known, int(estimator.nn_fit.n_neighbors))
    else:
        raise NotCompiled("its kernel is code, not data")
    total = build.add(Matmul(sums, np.ones((known.shape[1], 1))))
    # Far from all rows nothing has a weight: the original divides by zero there, too.
    shares = build.add(Elementwise((sums, total), "divide", (0, 1), np.zeros((1, 1))))
    index = build.add(Largest(shares))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=shares)


MODELS = {
    "sklearn.LabelPropagation": label_propagation,
    "sklearn.LabelSpreading": label_propagation,
    "sklearn.SelfTrainingClassifier": self_training,
}
