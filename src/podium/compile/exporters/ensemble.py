"""Ensembles: voting, stacking, bagging, boosting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Join, Largest, Link, Lookup, Matmul, Median, Select, Total


def voting_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the largest mean probability, or with the most votes."""
    members = _members(estimator.estimators_, build, x, _names(estimator))
    weights = estimator._weights_not_none  # noqa: SLF001 - of the members that weren't dropped
    classes = classes_of(estimator)
    if estimator.voting == "soft":
        mean = average(build, [probabilities_of(one) for one in members], weights)
        index = build.add(Largest(mean))
        return Fitted(index=index, classes=classes, probabilities=mean)
    votes = [one_hot(build, one, len(classes)) for one in members]
    counts = build.add(Total(tuple(votes), None if weights is None else _floats(weights)))
    return Fitted(index=build.add(Largest(counts)), classes=classes)


def voting_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of the members."""
    members = _members(estimator.estimators_, build, x, _names(estimator))
    weights = estimator._weights_not_none  # noqa: SLF001 - of the members that weren't dropped
    return Fitted(values=average(build, [values_of(one) for one in members], weights))


def stacking_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of other models' predictions; it knows the classes by their indices."""
    fitted = build.model(estimator.final_estimator_, stacked(estimator, build, x), "final")
    if fitted.outputs:
        raise NotCompiled("it has several outputs")
    own_classes = np.asarray(estimator.classes_).tolist()
    classes = tuple(own_classes[int(number)] for number in fitted.classes or ())
    return Fitted(
        index=fitted.index,
        classes=classes,
        probabilities=fitted.probabilities,
        scores=fitted.scores,
    )


def stacking_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of other models' predictions."""
    return build.model(estimator.final_estimator_, stacked(estimator, build, x), "final")


def stacked(estimator: Any, build: Builder, x: Features) -> Features:
    """The predictions of the members as columns, followed by the features with `passthrough`."""
    members = _members(estimator.estimators_, build, x, _names(estimator))
    parts: list[int] = []
    for one, method in zip(members, estimator.stack_method_, strict=True):
        if method == "predict_proba":
            shares = probabilities_of(one)
            is_two = len(estimator.classes_) == 2
            parts.append(build.add(Select(shares, np.array([1], np.int32))) if is_two else shares)
        elif method == "decision_function":
            parts.append(scores_of(one))
        else:
            parts.append(numbers_of(build, one))
    stacked = build.features(parts[0] if len(parts) == 1 else build.add(Join(tuple(parts))))
    return (*stacked, *x) if estimator.passthrough else stacked


def votes(estimator: Any, build: Builder, x: Features) -> Features:
    """The predictions of each member, side by side: probabilities, or numbers."""
    members = _members(estimator.estimators_, build, x, _names(estimator))
    if getattr(estimator, "voting", "") == "soft":
        if not estimator.flatten_transform:
            raise NotCompiled("it transforms to three dimensions (flatten_transform=False)")
        parts = [probabilities_of(one) for one in members]
    else:
        parts = [numbers_of(build, one) for one in members]
    return build.features(build.add(Join(tuple(parts))))


def bagging_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean probability of models that were each trained on some rows and columns."""
    n_classes = len(estimator.classes_)
    parts = []
    for number, (member, columns) in enumerate(_bags(estimator)):
        some = tuple(x[int(i)] for i in columns)
        fitted = build.model(member, some, f"member {number}")
        if hasattr(member, "predict_proba"):
            parts.append(_widened(build, probabilities_of(fitted), fitted.classes, n_classes))
        else:
            parts.append(one_hot(build, fitted, n_classes))
    mean = build.scale(build.add(Total(tuple(parts))), divide=float(len(parts)))
    index = build.add(Largest(mean))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=mean)


def bagging_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of models that were each trained on some rows and columns."""
    parts = [
        values_of(build.model(member, tuple(x[int(i)] for i in columns), f"member {number}"))
        for number, (member, columns) in enumerate(_bags(estimator))
    ]
    return Fitted(values=build.scale(build.add(Total(tuple(parts))), divide=float(len(parts))))


def _bags(estimator: Any) -> list[tuple[Any, Any]]:
    return list(zip(estimator.estimators_, estimator.estimators_features_, strict=True))


def adaboost_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Each member adds its weight to its class, and subtracts it from the others."""
    if getattr(estimator, "algorithm", "SAMME") == "SAMME.R":
        raise NotCompiled("it was trained by the algorithm SAMME.R, which was removed")
    classes = classes_of(estimator)
    n_classes = len(classes)
    if n_classes < 2:
        raise NotCompiled("it was trained on one class only")
    weights = np.asarray(estimator.estimator_weights_, np.float64)[: len(estimator.estimators_)]
    tables = []
    for number, (member, weight) in enumerate(zip(estimator.estimators_, weights, strict=True)):
        fitted = build.model(member, x, f"member {number}")
        rows = [
            [weight if label == other else -1 / (n_classes - 1) * weight for other in classes]
            for label in fitted.classes or ()
        ]
        tables.append(build.add(Lookup(index_of(fitted), np.array(rows))))
    total = build.add(Total(tuple(tables)))
    scores = build.scale(total, divide=float(estimator.estimator_weights_.sum()))
    if n_classes == 2:
        one = build.add(Matmul(scores, np.array([[-1.0], [1.0]])))
        halves = build.add(Matmul(one, np.array([[-0.5, 0.5]])))
        probabilities = build.add(Link(halves, "softmax"))
        # With two classes the second probability is larger if the score is above 0.
        index = build.add(Largest(build.add(Matmul(one, np.array([[0.0, 1.0]])))))
        return Fitted(index=index, classes=classes, probabilities=probabilities, scores=one)
    probabilities = build.add(Link(build.scale(scores, divide=float(n_classes - 1)), "softmax"))
    index = build.add(Largest(scores))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=scores)


def adaboost_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The weighted median of the members."""
    members = [
        values_of(build.model(member, x, f"member {number}"))
        for number, member in enumerate(estimator.estimators_)
    ]
    weights = np.asarray(estimator.estimator_weights_, np.float64)[: len(members)]
    return Fitted(values=build.add(Median(build.add(Join(tuple(members))), weights)))


# The predictions of a member, as registers


def probabilities_of(fitted: Fitted) -> int:
    """The register of its probabilities.

    Raises:
        NotCompiled: it has none.
    """
    return _filled(fitted.probabilities, "the probabilities of a nested model can't be exported")


def scores_of(fitted: Fitted) -> int:
    """The register of its decision function, or NotCompiled."""
    why = "the decision function of a nested model can't be exported"
    return _filled(fitted.scores, why)


def values_of(fitted: Fitted) -> int:
    """The register of its numbers, or NotCompiled where it predicts classes."""
    return _filled(fitted.values, "a nested model returns no numbers")


def index_of(fitted: Fitted) -> int:
    """The register of its class indices, or NotCompiled where it predicts numbers."""
    return _filled(fitted.index, "a nested model returns no classes")


def _filled(register: int | None, why: str) -> int:
    if register is None:
        raise NotCompiled(why)
    return register


def numbers_of(build: Builder, fitted: Fitted) -> int:
    """Its predictions as numbers, whether they are classes or not.

    Raises:
        NotCompiled: its labels are strings.
    """
    if fitted.values is not None:
        return fitted.values
    labels = fitted.classes or ()
    if any(isinstance(label, str) for label in labels):
        raise NotCompiled("the labels of a nested model aren't numbers")
    table = np.array([[float(label)] for label in labels])
    return build.add(Lookup(index_of(fitted), table))


def one_hot(build: Builder, fitted: Fitted, n_classes: int) -> int:
    """A one for the predicted class: its labels are the indices of the outer classes."""
    labels = [int(label) for label in fitted.classes or ()]
    table = np.zeros((len(labels), n_classes))
    table[np.arange(len(labels)), labels] = 1.0
    return build.add(Lookup(index_of(fitted), table))


def average(build: Builder, parts: Sequence[int], weights: Any) -> int:
    """The mean of registers of one shape, weighted if there are weights."""
    if weights is None:
        return build.scale(build.add(Total(tuple(parts))), divide=float(len(parts)))
    total = build.add(Total(tuple(parts), _floats(weights)))
    return build.scale(total, divide=float(np.sum(_floats(weights))))


def _widened(build: Builder, shares: int, own_classes: Any, n_classes: int) -> int:
    """Probabilities of some of the classes, extended to all."""
    if own_classes is None or len(own_classes) == n_classes:
        return shares
    table = np.zeros((len(own_classes), n_classes))
    table[np.arange(len(own_classes)), [int(label) for label in own_classes]] = 1.0
    return build.add(Matmul(shares, table))


def _members(
    estimators: Sequence[Any], build: Builder, x: Features, names: Sequence[str]
) -> list[Fitted]:
    return [build.model(one, x, name) for one, name in zip(estimators, names, strict=True)]


def _names(estimator: Any) -> list[str]:
    return [name for name, one in estimator.estimators if not isinstance(one, str)]


def _floats(weights: Any) -> Any:
    return np.asarray(weights, np.float64)


TRANSFORMERS = {
    "sklearn.StackingClassifier": stacked,
    "sklearn.StackingRegressor": stacked,
    "sklearn.VotingClassifier": votes,
    "sklearn.VotingRegressor": votes,
}
MODELS = {
    "sklearn.AdaBoostClassifier": adaboost_classifier,
    "sklearn.AdaBoostRegressor": adaboost_regressor,
    "sklearn.BaggingClassifier": bagging_classifier,
    "sklearn.BaggingRegressor": bagging_regressor,
    "sklearn.StackingClassifier": stacking_classifier,
    "sklearn.StackingRegressor": stacking_regressor,
    "sklearn.VotingClassifier": voting_classifier,
    "sklearn.VotingRegressor": voting_regressor,
}
