"""Models of statsmodels: a linear predictor, of columns or of a formula, and a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.formulas import predictor
from podium.compile.exporters.model_specs import matrix_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Elementwise, Largest, Link, Matmul, Pair
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.runtimes.formulas import design_of


def formula_model(model: Any, build: Builder, x: Features) -> Fitted:
    """The results inside."""
    return build.model(model.results, x, type(model.results).__name__)


def choice_model(model: Any, build: Builder, x: Features) -> Fitted:
    """The most probable class."""
    share = build.model(model.results, x, "results").values
    assert share is not None
    classes = classes_of(model)
    if len(classes) == 2 and build.width(share) == 1:
        index = build.add(Above(share, 0.5))
        return Fitted(index=index, classes=classes, probabilities=build.add(Pair(share)))
    return Fitted(index=build.add(Largest(share)), classes=classes, probabilities=share)


def statistical_model(results: Any, build: Builder, x: Features) -> Fitted:
    """What `results.predict` gives: a mean, a quantile, or probabilities."""
    name = type(results.model).__name__
    if name not in _PREDICTIONS:
        raise NotCompiled(f"models of the class {name} aren't known")
    return Fitted(values=_PREDICTIONS[name](results, build, x))


def _linear(results: Any, build: Builder, x: Features) -> int:
    """Least squares of all kinds, robust, quantile and mixed regression: the predictor itself."""
    return _predictor(results, build, x, results.params)


def _generalized(results: Any, build: Builder, x: Features) -> int:
    """The mean, by the inverse of the link."""
    family = getattr(results.model, "family", results.model)
    return inverse(family.link, build, _predictor(results, build, x, results.params))


def _logit(results: Any, build: Builder, x: Features) -> int:
    return _link(build, _predictor(results, build, x, results.params), "sigmoid")


def _probit(results: Any, build: Builder, x: Features) -> int:
    return _normal(build, _predictor(results, build, x, results.params))


def _count(results: Any, build: Builder, x: Features) -> int:
    """The mean of a count, which is that of all its distributions."""
    return _link(build, _predictor(results, build, x, results.params), "exp")


def _zero_inflated(results: Any, build: Builder, x: Features) -> int:
    """The mean of a count, times the probability that it isn't an extra zero."""
    model, params = results.model, np.asarray(results.params, np.float64)
    if not model._no_exog_infl:  # noqa: SLF001 - as in its predict
        raise NotCompiled("its share of zeros depends on columns, which its predict doesn't get")
    share = 1 - float(model.model_infl.predict(params[:1], np.ones((1, 1)))[0])
    mean = _link(build, _predictor(results, build, x, params[1:]), "exp")
    return build.scale(mean, multiply=share)


def _multinomial(results: Any, build: Builder, x: Features) -> int:
    """The probability of each class, of which the first one has the predictor 0."""
    params = np.asarray(results.params, np.float64)
    scores = _predictor(results, build, x, np.column_stack([np.zeros(len(params)), params]))
    # As its predict does, which refuses what overflows.
    return _link(build, _link(build, scores, "exp"), "share")


def _ordered(results: Any, build: Builder, x: Features) -> int:
    """The probability of each of some ordered classes: that of lying between two thresholds."""
    model, params = results.model, np.asarray(results.params, np.float64)
    thresholds = model.transform_threshold_params(params)[1:-1]
    linear = _predictor(results, build, x, params[: -len(thresholds)])
    name = getattr(model.distr, "name", "")
    if name not in ("logistic", "norm"):
        raise NotCompiled(f"its distribution {name!r} isn't known")
    scores = build.add(Matmul(linear, np.full((1, len(thresholds)), -1.0), thresholds))
    below = _link(build, scores, "sigmoid") if name == "logistic" else _normal(build, scores)
    parts = build.features(below)
    last = build.features(_complement(build, build.matrix(parts[-1:])))
    if len(parts) == 1:
        return build.matrix((*parts, *last))
    pair = (build.matrix(parts[1:]), build.matrix(parts[:-1]))
    between = build.features(build.add(Elementwise(pair, "subtract", (0, 1), np.empty((0, 1)))))
    shares = build.matrix((parts[0], *between, *last))
    return _computed(build, "maximum", shares, 0.0)


def _predictor(results: Any, build: Builder, x: Features, params: Any) -> int:
    """The design matrix times its parameters, which may be followed by others."""
    weights = np.asarray(params, np.float64)
    weights = weights[:, None] if weights.ndim == 1 else weights
    design = design_of(results)
    if design is not None:
        parts = matrix_of(design, build, x)
        return predictor(parts, weights[: sum(part.width for part in parts)], build)
    if len(weights) < len(x):
        raise NotCompiled(f"it has {len(weights)} parameters for {len(x)} columns")
    # A missing number makes the prediction NaN, as in the original: nothing is refused here.
    return build.add(Matmul(build.matrix(x), np.ascontiguousarray(weights[: len(x)])))


def _computed(
    build: Builder, name: ElementwiseName, x: int, constant: float, *, is_first: bool = False
) -> int:
    """A function of numbers and a constant, which is its first argument or its second."""
    places = (-1, 0) if is_first else (0, -1)
    return build.add(Elementwise((x,), name, places, np.array([[constant]])))


def _link(build: Builder, x: int, name: Any) -> int:
    return build.add(Link(x, name))


def _normal(build: Builder, x: int) -> int:
    """The normal distribution function."""
    scaled = build.scale(x, divide=np.sqrt(2.0))
    return build.scale(_link(build, scaled, "erf"), multiply=0.5, add=0.5)


def _complement(build: Builder, x: int) -> int:
    return _computed(build, "subtract", x, 1.0, is_first=True)


def inverse(link: Any, build: Builder, x: int) -> int:
    """The mean for a linear predictor.

    Raises:
        NotCompiled: the link isn't known.
    """
    name = _name(link)
    if name not in _INVERSES:
        raise NotCompiled(f"its link {type(link).__name__} isn't known")
    return _INVERSES[name](link, build, x)


def _name(link: Any) -> str:
    """The link's class; those that aliases and shortcuts derive are their base's."""
    kinds = [kind.__name__ for kind in type(link).__mro__]
    return next((kind for kind in kinds if kind in _INVERSES), "")


def _power(link: Any, build: Builder, x: int) -> int:
    power = float(link.power)
    return x if power == 1 else _computed(build, "power", x, 1.0 / power)


def _distribution(link: Any, build: Builder, x: int) -> int:
    """A link that is the quantile function of a distribution."""
    name = getattr(link.dbn, "name", "")
    if name == "norm":
        return _normal(build, x)
    if name == "cauchy":
        return build.scale(_link(build, x, "arctan"), divide=np.pi, add=0.5)
    raise NotCompiled(f"its link is of the distribution {name!r}, which isn't known")


def _clog_log(_: Any, build: Builder, x: int) -> int:
    rate = _link(build, x, "exp")
    return _complement(build, _link(build, build.scale(rate, multiply=-1.0), "exp"))


def _log_log(_: Any, build: Builder, x: int) -> int:
    rate = _link(build, build.scale(x, multiply=-1.0), "exp")
    return _link(build, build.scale(rate, multiply=-1.0), "exp")


def _negative_binomial(link: Any, build: Builder, x: int) -> int:
    falling = _complement(build, _link(build, build.scale(x, multiply=-1.0), "exp"))
    scaled = build.scale(falling, multiply=float(link.alpha))
    return _computed(build, "divide", scaled, -1.0, is_first=True)


_INVERSES: Mapping[str, Callable[[Any, Builder, int], int]] = {
    "Logit": lambda _, build, x: _link(build, x, "sigmoid"),
    "Power": _power,
    "Log": lambda _, build, x: _link(build, x, "exp"),
    "LogC": lambda _, build, x: _complement(build, _link(build, x, "exp")),
    "CDFLink": _distribution,
    "CLogLog": _clog_log,
    "LogLog": _log_log,
    "NegativeBinomial": _negative_binomial,
}
_PREDICTIONS: Mapping[str, Callable[[Any, Builder, Features], int]] = {
    **dict.fromkeys(("OLS", "WLS", "GLS", "GLSAR", "QuantReg", "RLM", "MixedLM"), _linear),
    **dict.fromkeys(("GLM", "GEE", "BetaModel"), _generalized),
    **dict.fromkeys(
        ("Poisson", "NegativeBinomial", "NegativeBinomialP", "GeneralizedPoisson"), _count
    ),
    **dict.fromkeys(("ZeroInflatedPoisson", "ZeroInflatedNegativeBinomialP"), _zero_inflated),
    "Logit": _logit,
    "Probit": _probit,
    "MNLogit": _multinomial,
    "OrderedModel": _ordered,
}
# What fitting returns: the class of the model inside decides.
_RESULTS = (
    "Beta",
    "Binary",
    "Count",
    "GEE",
    "GLM",
    "GeneralizedPoisson",
    "L1Binary",
    "L1Count",
    "L1GeneralizedPoisson",
    "L1Multinomial",
    "L1NegativeBinomial",
    "L1Poisson",
    "MixedLM",
    "Multinomial",
    "NegativeBinomial",
    "NegativeBinomialP",
    "Ordered",
    "Poisson",
    "RLM",
    "Regression",
    "Regularized",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
)
MODELS = {
    "podium.ChoiceModel": choice_model,
    "podium.FormulaModel": formula_model,
    **{f"statsmodels.{name}ResultsWrapper": statistical_model for name in _RESULTS},
}
