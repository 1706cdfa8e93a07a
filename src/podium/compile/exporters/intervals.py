"""The bounds of intervals: of a mean, and of a new observation, from the covariance of parameters."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.formulas import whole_matrix
from podium.compile.exporters.model_specs import matrix_of
from podium.compile.exporters.statsmodels import inverse, statistical_model
from podium.compile.features import Features, Fitted, NotCompiled
from podium.program.operations import Elementwise, Link, Matmul
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.runtimes.formulas import design_of
from podium.table import Array

_SIDES: dict[str, ElementwiseName] = {"lower": "subtract", "upper": "add"}


def interval_model(model: Any, build: Builder, x: Features) -> Fitted:
    """The prediction, and the bounds that its results compute around it or around its predictor."""
    results, names = model.results, model.output_names_
    design = _design(results, build, x)
    n_columns = build.width(design)
    covariance = np.asarray(results.cov_params(), np.float64)[:n_columns, :n_columns]
    variance = _quadratic(build, design, covariance)
    weights = np.asarray(results.params, np.float64)[:n_columns, None]
    center = build.add(Matmul(design, np.ascontiguousarray(weights)))
    quantile = _quantile(results, model.level)
    link = _link_of(results)
    mean = statistical_model(results, build, x).values if link is not None else center
    assert mean is not None
    columns = {"mean": mean, "predicted": mean}
    around = {"mean": variance, "": variance}
    if "obs_ci_lower" in names:
        around["obs"] = build.scale(variance, add=_residual(results))
    for kind, spread in around.items():
        away = build.scale(build.add(Link(spread, "sqrt")), multiply=quantile)
        for side, name in _SIDES.items():
            bound = _of_two(build, name, center, away)
            bound = bound if link is None else inverse(link, build, bound)
            columns[f"{kind}_ci_{side}".lstrip("_")] = bound
    if not set(names) <= columns.keys():
        raise NotCompiled(f"its intervals have the columns {', '.join(names)}")
    return Fitted(outputs=tuple(Fitted(values=columns[name]) for name in names))


def _design(results: Any, build: Builder, x: Features) -> int:
    design = design_of(results)
    return build.matrix(x) if design is None else whole_matrix(matrix_of(design, build, x), build)


def _quadratic(build: Builder, x: int, matrix: Array) -> int:
    """Each row times a positive matrix times the row: the sum of squares of the row's projections."""
    values, vectors = np.linalg.eigh(matrix)
    root = np.ascontiguousarray(vectors * np.sqrt(np.maximum(values, 0)))
    squares = build.add(Link(build.add(Matmul(x, root)), "square"))
    return build.add(Matmul(squares, np.ones((len(values), 1))))


def _of_two(build: Builder, name: ElementwiseName, one: int, other: int) -> int:
    return build.add(Elementwise((one, other), name, (0, 1), np.empty((0, 1))))


def _quantile(results: Any, level: float) -> float:
    """Of the t distribution, or of the normal one."""
    from scipy import stats

    share = 1 - (1 - level) / 2
    use_t, df = results.use_t, getattr(results, "df_resid", None)
    return float(stats.t.ppf(share, df) if use_t else stats.norm.ppf(share))


def _residual(results: Any) -> float:
    """The variance of an observation around its mean."""
    is_fixed = results.cov_type == "fixed scale"
    return float(results.cov_kwds["scale"] if is_fixed else results.scale)


def _link_of(results: Any) -> Any:
    """The link through which the bounds of the predictor go; None if they are those of the mean."""
    model, name = results.model, type(results.model).__name__
    if name in ("OLS", "WLS", "GLS", "GLSAR", "QuantReg"):
        return None
    if name == "GLM":
        link = model.family.link
    elif name in ("Logit", "Probit", "Poisson", "NegativeBinomial", "NegativeBinomialP"):
        link = getattr(model, "link", None)
        if link is None:
            link = import_module("statsmodels.genmod.families.links").Log()
    else:
        raise NotCompiled(f"the intervals of {name} aren't known")
    is_linear = type(link).__name__ in ("Identity", "identity")
    return None if is_linear else link


MODELS = {"podium.IntervalModel": interval_model}
