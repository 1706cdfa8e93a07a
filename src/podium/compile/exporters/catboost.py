"""Boosted trees of CatBoost: features of single precision, sums of double."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.catboost_trees import tests_of, trees_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of, label_matrix
from podium.compile.nodes import forest_of
from podium.program.operations import Above, Join, Largest, Link, Pair, Select

# What the file calls an objective of one's own.
_OWN = "PythonUserDefinedPerObject"


def classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the largest sum; of two, the second one if the sum is above a threshold."""
    loss, sums = _sums(estimator, build, x)
    classes = classes_of(estimator)
    if loss in ("MultiLogloss", "MultiCrossEntropy"):
        return label_matrix(build, sums, build.add(Link(sums, "sigmoid")), threshold=0.0)
    # An objective of one's own has the link of the log loss.
    if loss in ("Logloss", "CrossEntropy", "Focal", _OWN) and build.width(sums) == 1:
        probabilities = build.add(Pair(build.add(Link(sums, "sigmoid"))))
        index = build.add(Above(sums, _cut(estimator)))
    elif loss in ("MultiClass", "MultiClassOneVsAll") and build.width(sums) == len(classes):
        link = build.add(Link(sums, "softmax" if loss == "MultiClass" else "sigmoid"))
        index, probabilities = build.add(Largest(sums)), link
    else:
        raise NotCompiled(f"a classifier with the loss {loss} isn't supported")
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=sums)


def regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums, or their exponentials for some losses."""
    _, sums = _sums(estimator, build, x)
    kind = estimator._get_default_prediction_type()  # noqa: SLF001 - as in predict()
    if kind == "Exponent":
        return Fitted(values=build.add(Link(sums, "exp")), scores=sums)
    if kind == "RMSEWithUncertainty":  # the mean, and the variance from the logarithm of its root
        mean, root = (build.add(Select(sums, np.array([at], np.int32))) for at in (0, 1))
        variance = build.add(Link(build.scale(root, multiply=2.0), "exp"))
        return Fitted(values=build.add(Join((mean, variance))))
    if kind != "RawFormulaVal":
        raise NotCompiled(f"it returns {kind}")
    return Fitted(values=sums, scores=sums)


def booster(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The raw scores: the default prediction of a native model."""
    _, sums = _sums(estimator, build, x)
    return Fitted(values=sums, scores=sums)


def _cut(estimator: Any) -> float:
    """The sum above which the second class is predicted: of a threshold, the logit."""
    threshold = estimator.get_probability_threshold()
    if threshold is None or threshold == 0.5:
        return 0.0
    if not 0.0 < threshold < 1.0:
        raise NotCompiled(f"its decision threshold is a probability of {threshold}")
    return -math.log(1.0 / threshold - 1.0)


def _sums(estimator: Any, build: Builder, x: Features) -> tuple[str, int]:
    """The loss that it was trained with, and the register of the trees' sums."""
    model = _written(estimator)
    columns, tests = tests_of(build, x, model)
    scale, bias = model["scale_and_bias"]
    trees = trees_of(model, len(bias), tests)
    forest = forest_of(build.matrix(columns), trees, np.zeros(len(bias)), is_single_input=True)
    multiply = None if scale == 1 else scale
    add = bias if np.any(bias) else None
    return _loss(model), build.scale(build.add(forest), multiply=multiply, add=add)


def _written(estimator: Any) -> dict[str, Any]:
    """The model in CatBoost's JSON format.

    Raises:
        NotCompiled: it takes texts or embeddings, which that format lacks.
    """
    if estimator.get_text_feature_indices() or estimator.get_embedding_feature_indices():
        raise NotCompiled(
            "it takes texts or embeddings: it compiles if a step before it makes numbers of them"
        )
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        estimator.save_model(str(path), format="json")
        model: dict[str, Any] = json.loads(path.read_bytes())
    return model


def _loss(model: dict[str, Any]) -> str:
    params = model["model_info"].get("params", {})
    params = json.loads(params) if isinstance(params, str) else params
    return str(params.get("loss_function", {}).get("type", ""))


MODELS = {
    "catboost.CatBoost": booster,
    "catboost.CatBoostClassifier": classifier,
    "catboost.CatBoostRanker": booster,
    "catboost.CatBoostRegressor": regressor,
}
