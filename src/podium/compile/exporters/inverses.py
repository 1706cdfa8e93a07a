"""Inverse transformations of a target: from what a model predicts to what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import NotCompiled
from podium.program.operations import Elementwise, Interpolate, Link
from podium.program.operations.numbers.links import LinkName
from podium.program.operations.rows.elementwise import ElementwiseName

# The inverses of target transformations, as links.
INVERSES: dict[Any, LinkName] = {
    np.exp: "exp",
    np.expm1: "expm1",
    np.log: "log",
    np.log1p: "log1p",
    np.square: "square",
    np.sqrt: "sqrt",
}
# Shares this close to 0 or 1 are 0 or 1.
_NEAR_BOUNDS = 1e-7
_EPSILON = float(np.spacing(1.0))


def inverted(transformer: Any, build: Builder, values: int) -> int:
    """The register of the values before a fitted transformer.

    Raises:
        NotCompiled: it isn't known how it is inverted.
    """
    inverse = _INVERTED.get(type(transformer).__name__)
    if inverse is None or not type(transformer).__module__.startswith("sklearn."):
        raise NotCompiled(f"{type(transformer).__name__} can't be inverted")
    return inverse(transformer, build, values)


def function_inverted(
    function: Callable[..., Any], build: Builder, values: int, options: Any = None
) -> int:
    """The register of a function of the values: one of numpy's, or one's own, which is recorded.

    Raises:
        NotCompiled: it can't be recorded.
    """
    if function in INVERSES and not options:
        return build.add(Link(values, INVERSES[function]))
    from sklearn.preprocessing import FunctionTransformer

    step = FunctionTransformer(function, kw_args=options)
    after = build.transform(step, build.features(values), "inverse function")
    if len(after) != build.width(values):
        raise NotCompiled("its inverse function changes the number of columns")
    return build.matrix(after)


def _standard(scaler: Any, build: Builder, values: int) -> int:
    scale = scaler.scale_ if scaler.with_std else None
    return build.scale(values, multiply=scale, add=scaler.mean_ if scaler.with_mean else None)


def _min_max(scaler: Any, build: Builder, values: int) -> int:
    return build.scale(values, subtract=scaler.min_, divide=scaler.scale_)


def _robust(scaler: Any, build: Builder, values: int) -> int:
    scale = scaler.scale_ if scaler.with_scaling else None
    return build.scale(
        values, multiply=scale, add=scaler.center_ if scaler.with_centering else None
    )


def _max_abs(scaler: Any, build: Builder, values: int) -> int:
    return build.scale(values, multiply=scaler.scale_)


def _function(transformer: Any, build: Builder, values: int) -> int:
    if transformer.inverse_func is None:
        return values
    return function_inverted(transformer.inverse_func, build, values, transformer.inv_kw_args)


def _pipeline(pipeline: Any, build: Builder, values: int) -> int:
    for _, step in reversed(pipeline.steps):
        if step is not None and not isinstance(step, str):
            values = inverted(step, build, values)
    return values


def _quantile(transformer: Any, build: Builder, values: int) -> int:
    """Quantiles of the training data; of shares near 0 and 1, their ends."""
    shares, is_normal = values, transformer.output_distribution == "normal"
    if is_normal:
        tail = build.add(Link(build.scale(values, divide=np.sqrt(2.0)), "erf"))
        shares = build.scale(tail, multiply=0.5, add=0.5)
    heights = np.ascontiguousarray(transformer.quantiles_[:, 0], np.float64)
    knots = np.ascontiguousarray(transformer.references_, np.float64)
    line = build.add(Interpolate(shares, knots, heights))
    if not is_normal:
        return line
    line = _where(build, shares, "less", _NEAR_BOUNDS, heights[0], line)
    return _where(build, shares, "greater", 1.0 - _NEAR_BOUNDS, heights[-1], line)


def _power(transformer: Any, build: Builder, values: int) -> int:
    """Powers of numbers, one for positive and one for negative ones."""
    if transformer.standardize:
        values = _standard(transformer._scaler, build, values)  # noqa: SLF001 - as in its inverse
    power = float(transformer.lambdas_[0])
    if transformer.method == "box-cox":
        if power == 0:
            return build.add(Link(values, "exp"))
        logs = build.add(Link(build.scale(values, multiply=power), "log1p"))
        return build.add(Link(build.scale(logs, divide=power), "exp"))
    above = _root(build, values, power)
    below = build.scale(
        _root(build, build.scale(values, multiply=-1.0), 2.0 - power), multiply=-1.0
    )
    is_above = _of(build, "greater_equal", values, 0.0)
    zeros = np.zeros((1, 1))
    return build.add(Elementwise((is_above, above, below), "where", (0, 1, 2), zeros))


def _root(build: Builder, values: int, power: float) -> int:
    """(values * power + 1) ** (1 / power) - 1, which is exp(values) - 1 at a power of 0."""
    if abs(power) <= _EPSILON:
        return build.scale(build.add(Link(values, "exp")), add=-1.0)
    inside = build.scale(values, multiply=power, add=1.0)
    return build.scale(_of(build, "power", inside, 1.0 / power), add=-1.0)


def _where(
    build: Builder, x: int, comparison: ElementwiseName, edge: float, then: float, otherwise: int
) -> int:
    is_beyond = _of(build, comparison, x, edge)
    constant = np.array([[float(then)]])
    return build.add(Elementwise((is_beyond, otherwise), "where", (0, -1, 1), constant))


def _of(build: Builder, function: ElementwiseName, x: int, constant: float) -> int:
    return build.add(Elementwise((x,), function, (0, -1), np.array([[constant]])))


_INVERTED: Mapping[str, Callable[[Any, Builder, int], int]] = {
    "FunctionTransformer": _function,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "Pipeline": _pipeline,
    "PowerTransformer": _power,
    "QuantileTransformer": _quantile,
    "RobustScaler": _robust,
    "StandardScaler": _standard,
}
