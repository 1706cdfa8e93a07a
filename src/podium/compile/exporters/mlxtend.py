"""Models of mlxtend: stacking, voting, simple learners; and its selectors of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import (
    average,
    index_of,
    numbers_of,
    probabilities_of,
    values_of,
)
from podium.compile.exporters.selection import places_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.registers import Codes
from podium.program.operations import (
    Above,
    Distance,
    Elementwise,
    Join,
    Largest,
    Link,
    Lookup,
    Matmul,
    Pair,
    Select,
    Total,
)
from podium.signature import Label


def stacking_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of other models' predictions, which follow the columns where it sees these, too."""
    members = _members(estimator.clfs_, build, x)
    return _stacked(estimator, estimator.meta_clf_, build, x, _claims(estimator, build, members))


def stacking_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same with numbers."""
    values = [values_of(one) for one in _members(estimator.regr_, build, x)]
    return _stacked(estimator, estimator.meta_regr_, build, x, values)


def _stacked(
    estimator: Any, final: Any, build: Builder, x: Features, parts: Sequence[int]
) -> Fitted:
    stacked = build.features(parts[0] if len(parts) == 1 else build.add(Join(tuple(parts))))
    before = x if estimator.use_features_in_secondary else ()
    return build.model(final, (*before, *stacked), "final")


def _claims(estimator: Any, build: Builder, members: Sequence[Fitted]) -> list[int]:
    """What the final model sees of each member."""
    if not estimator.use_probas:
        return [numbers_of(build, one) for one in members]
    shares = [_some_shares(estimator, build, probabilities_of(one)) for one in members]
    if getattr(estimator, "average_probas", False):
        return [average(build, shares, None)]
    return shares


def _some_shares(estimator: Any, build: Builder, shares: int) -> int:
    places = np.arange(build.width(shares), dtype=np.int32)
    if estimator.drop_proba_col == "last":
        return build.add(Select(shares, places[:-1]))
    if estimator.drop_proba_col == "first":
        return build.add(Select(shares, places[1:]))
    return shares


def voting_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the largest mean probability, or with the most votes."""
    members = _members(estimator.clfs_, build, x)
    classes = classes_of(estimator)
    weights = estimator.weights
    mean = None
    if all(one.probabilities is not None for one in members):
        mean = average(build, [probabilities_of(one) for one in members], weights)
    if estimator.voting == "soft":
        if mean is None:
            raise NotCompiled("the probabilities of a nested model can't be exported")
        return Fitted(index=build.add(Largest(mean)), classes=classes, probabilities=mean)
    # Members that it has fitted itself know the classes by their indices.
    known = tuple(range(len(classes))) if estimator.fit_base_estimators else classes
    votes = tuple(_votes(build, one, known) for one in members)
    weighed = None if weights is None else np.asarray(weights, np.float64)
    index = build.add(Largest(build.add(Total(votes, weighed))))
    return Fitted(index=index, classes=classes, probabilities=mean)


def _votes(build: Builder, one: Fitted, classes: Sequence[Any]) -> int:
    labels = one.classes or ()
    table = np.array([[float(label == other) for other in classes] for label in labels])
    return build.add(Lookup(index_of(one), table))


def _members(estimators: Sequence[Any], build: Builder, x: Features) -> list[Fitted]:
    return [build.model(one, x, f"member {number}") for number, one in enumerate(estimators)]


def softmax_regression(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the largest share."""
    scores = build.linear(x, np.asarray(estimator.w_).T, estimator.b_)
    return _of_shares(estimator, build.add(Link(scores, "softmax")), build)


def multilayer_perceptron(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Two layers; its shares are a softmax of those that the last layer returns."""
    weights, bias = estimator.w_, estimator.b_
    inner = build.linear(x, np.asarray(weights["1"]).T, bias["1"])
    inner = build.add(Link(inner, "sigmoid"))
    outer = build.linear(build.features(inner), np.asarray(weights["out"]).T, bias["out"])
    shares = build.add(Link(build.add(Link(outer, "softmax")), "softmax"))
    fitted = _of_shares(estimator, shares, build)
    return Fitted(index=build.add(Largest(outer)), classes=fitted.classes, probabilities=shares)


def _of_shares(estimator: Any, shares: int, build: Builder) -> Fitted:
    classes = classes_of(estimator)
    if list(classes) != list(range(build.width(shares))):
        raise NotCompiled("it was trained without one of its classes, 0, 1, 2, ...")
    return Fitted(index=build.add(Largest(shares)), classes=classes, probabilities=shares)


def linear_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The second of two classes, unless the sum is below 0; a logistic one has probabilities."""
    bias = np.ravel(estimator.b_).astype(np.float64)
    total = build.add(Matmul(build.matrix(x), np.asarray(estimator.w_, np.float64), bias))
    # Not above or equal to 0: a sum that is NaN isn't below 0 either.
    is_below = build.add(Elementwise((total,), "less", (0, -1), np.zeros((1, 1))))
    index = build.add(Above(build.scale(is_below, multiply=-1.0), -0.5))
    shares = None
    if hasattr(estimator, "predict_proba"):
        shares = build.add(Pair(build.add(Link(total, "sigmoid"))))
    return Fitted(index=index, classes=(0, 1), probabilities=shares)


def linear_regression(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A weighted sum."""
    return Fitted(values=build.linear(x, np.asarray(estimator.w_).T, np.ravel(estimator.b_)))


def one_rule(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class that goes with the value of one column."""
    rules: dict[Label, int] = {float(k): int(v) for k, v in _rules(estimator).items()}
    labels = [int(label) for label in estimator.class_labels_]
    others = list(set(estimator.class_labels_) - set(rules.values()))  # as it takes the first
    default = int(others[0]) if others else 0
    classes = sorted({*labels, default})
    codes = {value: float(classes.index(label)) for value, label in rules.items()}
    unknown = float(classes.index(default))
    column = x[int(estimator.feature_idx_)]
    register = build.codes((column,), [Codes(codes, unknown, unknown)])
    index = build.add(Largest(build.add(Lookup(register, np.eye(len(classes))))))
    return Fitted(index=index, classes=tuple(classes))


def _rules(estimator: Any) -> Any:
    return estimator.prediction_dict_["rules (value: class)"]


def column_selector(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns by place or by name."""
    if estimator.drop_axis:
        raise NotCompiled("it returns a vector instead of a matrix (drop_axis)")
    cols = estimator.cols
    cols = [cols] if isinstance(cols, (int, str)) else list(cols)
    return tuple(x[place] for place in places_of(build, x, cols))


def selected(estimator: Any, _build: Builder, x: Features) -> Features:
    """The columns that a search has found best."""
    best = getattr(estimator, "k_feature_idx_", None)
    best = estimator.best_idx_ if best is None else best
    return tuple(x[int(place)] for place in best)


def same(_estimator: Any, _build: Builder, x: Features) -> Features:
    """The columns as they are."""
    return x


def projection(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns times the directions that it found, as they are (not centred)."""
    weights = np.asarray(estimator.w_)
    if np.iscomplexobj(weights):
        raise NotCompiled("its directions are complex numbers; those of fewer columns may be real")
    if getattr(estimator, "whitening", False):
        weights = weights / np.sqrt(np.real(estimator.e_vals_[: weights.shape[1]]))
    weights = np.ascontiguousarray(weights, np.float64)
    return build.features(build.add(Matmul(build.matrix(x), weights)))


def k_means(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The number of the nearest centre."""
    centres = np.asarray(estimator.centroids_, np.float64)
    away = build.add(Distance(build.matrix(x), centres))
    index = build.add(Largest(build.scale(away, multiply=-1.0)))
    return Fitted(index=index, classes=tuple(range(len(centres))))


TRANSFORMERS = {
    "mlxtend.ColumnSelector": column_selector,
    "mlxtend.CopyTransformer": same,
    "mlxtend.DenseTransformer": same,
    "mlxtend.ExhaustiveFeatureSelector": selected,
    "mlxtend.LinearDiscriminantAnalysis": projection,
    "mlxtend.PrincipalComponentAnalysis": projection,
    "mlxtend.SequentialFeatureSelector": selected,
}
MODELS = {
    "mlxtend.Adaline": linear_classifier,
    "mlxtend.EnsembleVoteClassifier": voting_classifier,
    "mlxtend.Kmeans": k_means,
    "mlxtend.LinearRegression": linear_regression,
    "mlxtend.LogisticRegression": linear_classifier,
    "mlxtend.MultiLayerPerceptron": multilayer_perceptron,
    "mlxtend.OneRClassifier": one_rule,
    "mlxtend.Perceptron": linear_classifier,
    "mlxtend.SoftmaxRegression": softmax_regression,
    "mlxtend.StackingCVClassifier": stacking_classifier,
    "mlxtend.StackingCVRegressor": stacking_regressor,
    "mlxtend.StackingClassifier": stacking_classifier,
    "mlxtend.StackingRegressor": stacking_regressor,
}
