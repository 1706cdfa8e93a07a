"""Multiclass and multioutput models, composed of simpler ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.dummies import constants
from podium.compile.exporters.ensemble import index_of, numbers_of, probabilities_of, values_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Above,
    Distance,
    Join,
    Largest,
    Link,
    Lookup,
    Matmul,
    Pair,
    Select,
    Total,
)


def one_vs_rest(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each class, against all the others."""
    members = [
        _against_rest(build, one, x, number) for number, one in enumerate(estimator.estimators_)
    ]
    if estimator.multilabel_:
        pairs = zip(estimator.estimators_, members, strict=True)
        return Fitted(outputs=tuple(_label_of(build, estimator, *pair) for pair in pairs))
    scores = [_confidence(build, o, f) for o, f in zip(estimator.estimators_, members, strict=True)]
    classes = classes_of(estimator)
    probabilities = _shares(build, members)
    if len(members) == 1:
        threshold = 0.0 if hasattr(estimator.estimators_[0], "decision_function") else 0.5
        index = build.add(Above(scores[0], threshold))
        return Fitted(index=index, classes=classes, probabilities=probabilities, scores=scores[0])
    joined = build.add(Join(tuple(scores)))
    index = build.add(Largest(joined))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=joined)


def _against_rest(build: Builder, estimator: Any, x: Features, number: int) -> Fitted:
    """The model of one class, or of a class that each row or no row had in training."""
    if _is_constant(estimator):
        always = float(np.ravel(estimator.y_)[0])
        shares = constants(build, x, [1 - always, always])
        return Fitted(scores=constants(build, x, [always]), probabilities=shares)
    if not hasattr(estimator, "classes_"):
        raise NotCompiled("it was trained with regressors: train it with classifiers")
    return build.model(estimator, x, f"class {number}")


def _is_constant(estimator: Any) -> bool:
    return type(estimator).__name__ == "_ConstantPredictor"


def label_matrix(build: Builder, claims: int, threshold: float, *, are_shares: bool) -> Fitted:
    """One column for each label, which a row has where its claim is above the threshold."""
    outputs = []
    for number in range(build.width(claims)):
        claim = build.add(Select(claims, np.array([number], np.int32)))
        index = build.add(Above(claim, threshold))
        shares = build.add(Pair(claim)) if are_shares else None
        outputs.append(Fitted(index=index, classes=(0, 1), probabilities=shares))
    return Fitted(outputs=tuple(outputs))


def _label_of(build: Builder, estimator: Any, own: Any, fitted: Fitted) -> Fitted:
    """One column of a label matrix: above the threshold of the first model it is 1."""
    first = estimator.estimators_[0]
    # One that is always the same is no classifier to scikit-learn.
    has_decision = hasattr(first, "decision_function") and not _is_constant(first)
    threshold = 0.0 if has_decision else 0.5
    index = build.add(Above(_confidence(build, own, fitted), threshold))
    return Fitted(index=index, classes=(0, 1), probabilities=_shares(build, [fitted]))


def _shares(build: Builder, members: list[Fitted]) -> int | None:
    """Each model's probability of its own class, divided by their sum; None if one has none."""
    if any(one.probabilities is None for one in members):
        return None
    shares = [build.add(Select(probabilities_of(o), np.array([1], np.int32))) for o in members]
    if len(shares) == 1:
        return build.add(Pair(shares[0]))
    return build.add(Link(build.add(Join(tuple(shares))), "share"))


def _confidence(build: Builder, estimator: Any, fitted: Fitted) -> int:
    """The decision function, or else the probability of the second class."""
    if hasattr(estimator, "decision_function"):
        if fitted.scores is None:
            raise NotCompiled("the decision function of a nested model can't be exported")
        return fitted.scores
    return build.add(Select(probabilities_of(fitted), np.array([1], np.int32)))


def one_vs_one(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each pair of classes: the most votes win, confidence breaks ties."""
    if estimator.pairwise_indices_ is not None:
        raise NotCompiled("it takes distances instead of rows")
    classes = classes_of(estimator)
    n_classes = len(classes)
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    votes, sure = [], []
    for (i, j), one in zip(pairs, estimator.estimators_, strict=True):
        fitted = build.model(one, x, f"{classes[i]} or {classes[j]}")
        table = np.zeros((2, n_classes))
        table[0, i] = table[1, j] = 1.0
        votes.append(build.add(Lookup(index_of(fitted), table)))
        spread = np.zeros((1, n_classes))
        spread[0, i], spread[0, j] = -1.0, 1.0
        sure.append(build.add(Matmul(_confidence(build, one, fitted), spread)))
    tie = build.add(Link(build.add(Total(tuple(sure))), "tie"))
    scores = build.add(Total((build.add(Total(tuple(votes))), tie)))
    if n_classes > 2:
        return Fitted(index=build.add(Largest(scores)), classes=classes, scores=scores)
    second = build.add(Select(scores, np.array([1], np.int32)))
    threshold = 0.0 if hasattr(estimator.estimators_[0], "decision_function") else 0.5
    return Fitted(index=build.add(Above(second, threshold)), classes=classes, scores=second)


def output_code(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each bit of a code: the class with the nearest code wins."""
    codes = np.asarray(estimator.code_book_, np.float64)
    bits, some = [], []
    for number, one in enumerate(estimator.estimators_):
        if (codes[:, number] == codes[0, number]).all():
            continue  # the same for all classes: it decides nothing
        bits.append(_confidence(build, one, build.model(one, x, f"bit {number}")))
        some.append(number)
    if not bits:
        raise NotCompiled("its classes all have the same code")
    codes = np.ascontiguousarray(codes[:, some])
    far = build.add(Distance(build.add(Join(tuple(bits))), codes, "square"))
    index = build.add(Largest(build.scale(far, multiply=-1.0)))
    return Fitted(index=index, classes=classes_of(estimator))


def multi_output_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each output."""
    members = [
        values_of(build.model(one, x, f"output {number}"))
        for number, one in enumerate(estimator.estimators_)
    ]
    return Fitted(values=build.add(Join(tuple(members))))


def multi_output_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each output."""
    members = [
        build.model(one, x, f"output {number}") for number, one in enumerate(estimator.estimators_)
    ]
    return Fitted(outputs=tuple(members))


def together(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The models that were packed together, each by itself."""
    return Fitted(outputs=tuple(build.model(m, x, name) for name, m in estimator.models.items()))


def regressor_chain(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each output, with the predictions of the previous ones as features."""
    columns: dict[int, int] = {}
    features = x
    for number, one in enumerate(estimator.estimators_):
        values = values_of(build.model(one, features, f"output {number}"))
        columns[int(estimator.order_[number])] = values
        features = (*features, *build.features(values))
    return Fitted(values=build.add(Join(tuple(columns[place] for place in sorted(columns)))))


def classifier_chain(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One model for each output, with the predictions of the previous ones as features."""
    method = getattr(estimator, "chain_method_", "predict")
    outputs: dict[int, Fitted] = {}
    features = x
    for number, one in enumerate(estimator.estimators_):
        fitted = build.model(one, features, f"output {number}")
        outputs[int(estimator.order_[number])] = _of_chain(build, fitted)
        features = (*features, *build.features(_passed_on(build, fitted, method)))
    return Fitted(outputs=tuple(outputs[place] for place in sorted(outputs)))


def _passed_on(build: Builder, fitted: Fitted, method: str) -> int:
    """What the next models of a chain see of one: its label, probability or score."""
    if method == "predict":
        return numbers_of(build, fitted)
    if method == "decision_function" and fitted.scores is not None:
        return fitted.scores
    if method == "predict_proba" and len(fitted.classes or ()) == 2:
        return build.add(Select(probabilities_of(fitted), np.array([1], np.int32)))
    raise NotCompiled(f"its models see each other's {method}")


def _of_chain(build: Builder, fitted: Fitted) -> Fitted:
    """A chain keeps the probability of the second of two classes; more don't fit into its matrix."""
    labels, shares = fitted.classes or (), fitted.probabilities
    if any(isinstance(label, str) for label in labels):
        raise NotCompiled("its labels are texts")
    if shares is not None:
        second = build.add(Select(shares, np.array([1], np.int32))) if len(labels) == 2 else None
        shares = None if second is None else build.add(Pair(second))
    return Fitted(index=fitted.index, classes=labels, probabilities=shares)


MODELS = {
    "podium.Together": together,
    "sklearn.ClassifierChain": classifier_chain,
    "sklearn.MultiOutputClassifier": multi_output_classifier,
    "sklearn.MultiOutputRegressor": multi_output_regressor,
    "sklearn.OneVsOneClassifier": one_vs_one,
    "sklearn.OneVsRestClassifier": one_vs_rest,
    "sklearn.OutputCodeClassifier": output_code,
    "sklearn.RegressorChain": regressor_chain,
}
