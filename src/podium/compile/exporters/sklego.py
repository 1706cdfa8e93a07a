"""Transformers and models of scikit-lego."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import (
    index_of,
    numbers_of,
    probabilities_of,
    scores_of,
    values_of,
)
from podium.compile.exporters.formulas import whole_matrix
from podium.compile.exporters.model_specs import matrix_of
from podium.compile.exporters.selection import places_of
from podium.compile.features import Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of, label_of
from podium.compile.registers import Codes
from podium.program.operations import (
    Above,
    Blank,
    Clip,
    Elementwise,
    Finite,
    Interpolate,
    Join,
    Largest,
    Link,
    Lookup,
    Matmul,
    Pair,
    Product,
    Select,
)


def column_selector(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns by name."""
    names = list(getattr(estimator, "columns_", ())) if estimator.columns else []
    return tuple(x[place] for place in places_of(build, x, names)) if names else x


def column_dropper(estimator: Any, build: Builder, x: Features) -> Features:
    """All columns but those of these names."""
    dropped = set(places_of(build, x, list(estimator.columns_)))
    return tuple(column for place, column in enumerate(x) if place not in dropped)


def type_selector(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns of the types that it selects."""
    for column in x:
        if isinstance(column, Input):
            field = build.field(column)
            # A gap would turn them into floats or objects, whose type isn't that of training.
            if field.missing != "refuse" and field.dtype.startswith(("int", "uint", "bool")):
                raise NotCompiled("it refuses missing values in columns of whole numbers")
    return tuple(x[place] for place in places_of(build, x, list(estimator.feature_names_)))


def same(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns as they are; finite numbers if it checks them."""
    if not getattr(estimator, "check_X", False):
        return x
    return build.features(build.add(Finite(build.matrix(x))))


def column_capper(estimator: Any, build: Builder, x: Features) -> Features:
    """Numbers within quantiles of the training data."""
    register, width = build.matrix(x), len(x)
    if estimator.discard_infs:
        for infinity in (np.inf, -np.inf):
            bound = np.full(width, infinity)
            register = build.add(Blank(register, bound, bound))
    low, high = np.asarray(estimator.quantiles_, np.float64)
    return build.features(build.add(Clip(register, low, high)))


def dict_mapper(estimator: Any, build: Builder, x: Features) -> Features:
    """The number of each value, or the default."""
    default = None if estimator.default is None else float(int(estimator.default))
    of = {}
    for key, value in estimator.mapper.items():
        label = label_of(key)
        if label is None:
            raise NotCompiled("it maps missing values to numbers")
        of[label] = float(int(value))
    return build.features(build.codes(x, [Codes(of, default, default)] * len(x)))


def interval_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """The mean of the target near each number."""
    register = build.add(Finite(build.matrix(x)))
    parts = []
    for place, (knots, heights) in enumerate(
        zip(estimator.quantiles_, estimator.heights_, strict=True)
    ):
        one = build.add(Select(register, np.array([place], np.int32)))
        parts.append(build.add(Interpolate(one, np.array(knots), np.array(heights))))
    return build.features(build.add(Join(tuple(parts))))


def monotonic_splines(estimator: Any, build: Builder, x: Features) -> Features:
    """Sums of the splines of each column, from the last one on."""
    made: list[int] = []
    for place, spline in estimator.spline_transformer_.items():
        columns = build.transform(spline, (x[place],), f"column {place}")
        sums = np.tril(np.ones((len(columns), len(columns))))[:, ::-1]
        made.append(build.add(Matmul(build.matrix(columns), np.ascontiguousarray(sums))))
    return build.features(build.add(Join(tuple(made))))


def relevant(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns that it selected."""
    register = build.add(Finite(build.matrix(x)))
    places = np.flatnonzero(estimator.get_support()).astype(np.int32)
    return build.features(build.add(Select(register, places)))


def outlier_remover(_estimator: Any, build: Builder, x: Features) -> Features:
    """The columns as they are: only training rows that are outliers are dropped."""
    return build.features(build.add(Finite(build.matrix(x))))


def formula(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns of a formula of formulaic."""
    if x != build.inputs():
        raise NotCompiled("its formula reads columns that an earlier step made")
    return build.features(whole_matrix(matrix_of(estimator.model_spec_, build, x), build))


def linear_embedder(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns times the coefficients of a linear model."""
    register = build.matrix(x)
    if estimator.check_input:
        register = build.add(Finite(register))
    return build.features(build.scale(register, multiply=np.ravel(estimator.coef_)))


def repeating_basis(estimator: Any, build: Builder, x: Features) -> Features:
    """How near a column is to each of some points on a circle."""
    return build.transform(estimator.pipeline_, x, "columns")


def basis(estimator: Any, build: Builder, x: Features) -> Features:
    """The same, of the only column."""
    low, high = (float(bound) for bound in estimator.input_range)
    bases = np.asarray(estimator.bases_, np.float64)
    position = build.scale(build.add(Finite(build.matrix(x))), subtract=low, divide=high - low)
    spread = build.add(Select(position, np.zeros(len(bases), np.int32)))
    away = build.add(Link(build.scale(spread, subtract=bases), "abs"))
    around = build.scale(away, multiply=-1.0, add=1.0)
    nearest = build.add(Elementwise((away, around), "minimum", (0, 1), np.zeros((1, 1))))
    square = build.add(Link(build.scale(nearest, divide=float(estimator.width_)), "square"))
    return build.features(build.add(Link(build.scale(square, multiply=-1.0), "exp")))


def orthogonal(estimator: Any, build: Builder, x: Features) -> Features:
    """A projection onto columns that are orthogonal in the training data."""
    register = build.add(Finite(build.matrix(x)))
    product = build.add(Matmul(register, np.asarray(estimator.inv_R_, np.float64)))
    return build.features(build.scale(product, divide=estimator.normalization_vector_))


def information_filter(estimator: Any, build: Builder, x: Features) -> Features:
    """A projection onto what some columns don't show, without these columns."""
    register = build.add(Finite(build.matrix(x)))
    rest = np.array([i for i in range(len(x)) if i not in estimator.col_ids_], np.int32)
    fair = np.asarray(estimator.projection_, np.float64)[:, rest] * float(estimator.alpha)
    fair[rest, np.arange(len(rest))] += 1.0 - float(estimator.alpha)
    return build.features(build.add(Matmul(register, np.ascontiguousarray(fair))))


def estimator_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """The predictions of a model as columns."""
    if estimator.check_input:
        x = build.features(build.add(Finite(build.matrix(x))))
    fitted = build.model(estimator.estimator_, x, "model")
    if estimator.predict_func == "predict":
        return build.features(numbers_of(build, fitted))
    if estimator.predict_func == "decision_function":
        return build.features(scores_of(fitted))
    raise NotCompiled(f"its result of {estimator.predict_func} can't be exported")


def thresholder(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The second class wins above a threshold of one's own."""
    fitted = build.model(estimator.estimator_, x, "model")
    shares = probabilities_of(fitted)
    second = build.add(Select(shares, np.array([1], np.int32)))
    classes = classes_of(estimator)
    if len(classes) != 2:
        raise NotCompiled("it has more than two classes")
    index = build.add(Above(second, float(estimator.threshold)))
    return Fitted(index=index, classes=classes, probabilities=shares)


def decay_estimator(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model that was trained on weighted rows, without its probabilities."""
    return build.model(estimator.estimator_, x, "model")


def zero_inflated(estimator: Any, build: Builder, x: Features) -> Fitted:
    """0 where a classifier says so, else what a regressor says."""
    x = build.features(build.add(Finite(build.matrix(x))))
    is_any = build.model(estimator.classifier_, x, "classifier")
    truth = np.array([[float(bool(label))] for label in is_any.classes or ()])
    chosen = build.add(Lookup(index_of(is_any), truth))
    values = values_of(build.model(estimator.regressor_, x, "regressor"))
    only = np.zeros(1, np.int32)
    return Fitted(values=build.add(Product((values, chosen), only, only)))


def linear_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A weighted sum, plus the intercept if there is one."""
    return Fitted(values=build.linear(x, estimator.coef_, getattr(estimator, "intercept_", 0.0)))


def ordinal_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Differences between the probabilities of at most each class."""
    x = build.features(build.add(Finite(build.matrix(x))))
    second = np.array([1], np.int32)
    parts = [
        build.add(Select(probabilities_of(build.model(one, x, f"at most {label}")), second))
        for label, one in estimator.estimators_.items()
    ]
    n = len(parts)
    differences = np.eye(n, n + 1) - np.eye(n, n + 1, 1)
    above = (np.arange(n + 1) == n).astype(np.float64)
    shares = build.add(Matmul(build.add(Join(tuple(parts))), differences, above))
    index = build.add(Largest(shares))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=shares)


def outlier_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """1 for an outlier, else 0, with a probability by the outlier's score."""
    x = build.features(build.add(Finite(build.matrix(x))))
    fitted = build.model(estimator.estimator_, x, "detector")
    table = np.array([[float(label != -1), float(label == -1)] for label in fitted.classes or ()])
    sigmoid = estimator._predict_proba_sigmoid  # noqa: SLF001 - as in its predict_proba
    score = build.scale(scores_of(fitted), multiply=float(sigmoid.a_), add=float(sigmoid.b_))
    share = build.add(Link(build.scale(score, multiply=-1.0), "sigmoid"))
    return Fitted(
        index=build.add(Largest(build.add(Lookup(index_of(fitted), table)))),
        classes=(0, 1),
        probabilities=build.add(Pair(share)),
    )


def mixture_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class under whose mixture the row is most likely."""
    parts = [
        scores_of(build.model(estimator.gmms_[label], x, str(label)))
        for label in estimator.classes_
    ]
    shares = build.add(Link(build.add(Join(tuple(parts))), "softmax"))
    index = build.add(Largest(shares))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=shares)


def mixture_detector(estimator: Any, build: Builder, x: Features) -> Fitted:
    """-1 where a row is less likely than a threshold."""
    likely = scores_of(build.model(estimator.gmm_, x, "mixture"))
    scores = build.scale(likely, subtract=float(estimator.offset_))
    index = build.add(Above(scores, or_equal=True))
    return Fitted(index=index, classes=(-1, 1), scores=scores)


TRANSFORMERS = {
    "sklego.ColumnCapper": column_capper,
    "sklego.ColumnDropper": column_dropper,
    "sklego.ColumnSelector": column_selector,
    "sklego.DictMapper": dict_mapper,
    "sklego.EstimatorTransformer": estimator_transformer,
    "sklego.FormulaicTransformer": formula,
    "sklego.IdentityTransformer": same,
    "sklego.InformationFilter": information_filter,
    "sklego.IntervalEncoder": interval_encoder,
    "sklego.LinearEmbedder": linear_embedder,
    "sklego.MaximumRelevanceMinimumRedundancy": relevant,
    "sklego.MonotonicSplineTransformer": monotonic_splines,
    "sklego.OrthogonalTransformer": orthogonal,
    "sklego.OutlierRemover": outlier_remover,
    "sklego.PandasTypeSelector": type_selector,
    "sklego.RandomAdder": same,
    "sklego.RepeatingBasisFunction": repeating_basis,
    "sklego.TypeSelector": type_selector,
    "sklego._RepeatingBasisFunction": basis,
}
MODELS = {
    "sklego.BayesianGMMClassifier": mixture_classifier,
    "sklego.BayesianGMMOutlierDetector": mixture_detector,
    "sklego.DeadZoneRegressor": linear_regressor,
    "sklego.DecayEstimator": decay_estimator,
    "sklego.GMMClassifier": mixture_classifier,
    "sklego.GMMOutlierDetector": mixture_detector,
    "sklego.ImbalancedLinearRegression": linear_regressor,
    "sklego.LADRegression": linear_regressor,
    "sklego.OrdinalClassifier": ordinal_classifier,
    "sklego.OutlierClassifier": outlier_classifier,
    "sklego.ProbWeightRegression": linear_regressor,
    "sklego.QuantileRegression": linear_regressor,
    "sklego.Thresholder": thresholder,
    "sklego.ZeroInflatedRegressor": zero_inflated,
}
