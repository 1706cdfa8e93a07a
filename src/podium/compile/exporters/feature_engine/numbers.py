"""feature_engine's functions of numbers: outliers, logarithms, powers, scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.feature_engine.columns import (
    Columns,
    named,
    numbers,
    remaining_columns,
    with_numbers,
)
from podium.compile.features import Features
from podium.program.operations import Clip, Elementwise, Finite, Link, Power
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.table import Array


def _bounds(estimator: Any) -> tuple[Array, Array]:
    """The least and the greatest value of each variable."""
    left, right, names = estimator.left_tail_caps_, estimator.right_tail_caps_, estimator.variables_
    low = np.array([float(left.get(name, -np.inf)) for name in names])
    return low, np.array([float(right.get(name, np.inf)) for name in names])


def _uncapped(estimator: Any, build: Builder, columns: Columns) -> int:
    refuses = estimator.missing_values == "raise"
    return numbers(build, columns, list(estimator.variables_), refuses_missing=refuses)


def capper(estimator: Any, build: Builder, x: Features) -> Features:
    """Numbers within bounds; then, if asked for, 1 for each that was beyond one."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    before = _uncapped(estimator, build, columns)
    after = build.add(Clip(before, *_bounds(estimator)))
    capped = remaining_columns(with_numbers(build, columns, variables, after))
    if not getattr(estimator, "add_indicators", False):
        return capped
    sides: list[ElementwiseName] = []
    sides += ["greater"] if estimator.tail in ("left", "both") else []
    sides += ["less"] if estimator.tail in ("right", "both") else []
    beyond = [
        build.features(build.add(Elementwise((after, before), side, (0, 1), np.empty((0, 1)))))
        for side in sides
    ]
    return (*capped, *(column for pair in zip(*beyond, strict=True) for column in pair))


def trimmer(estimator: Any, build: Builder, x: Features) -> Features:
    """A row that it drops can't be predicted."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    before = _uncapped(estimator, build, columns)
    within = build.add(Clip(before, *_bounds(estimator)))
    is_within = build.add(Elementwise((before, within), "equal", (0, 1), np.empty((0, 1))))
    missing = np.array([[np.nan]])
    inliers = build.add(Elementwise((is_within, before), "where", (0, 1, -1), missing))
    return remaining_columns(with_numbers(build, columns, variables, build.add(Finite(inliers))))


def _function(
    change: Callable[[Any, Builder, int], int],
) -> Callable[[Any, Builder, Features], Features]:
    """The exporter of a function of the variables; what isn't finite before it is refused.

    Args:
        change: from the estimator and the register of the variables to that of the new ones.
    """

    def export(estimator: Any, build: Builder, x: Features) -> Features:
        columns, variables = named(estimator, x), list(estimator.variables_)
        before = numbers(build, columns, variables, refuses_missing=True)
        return remaining_columns(
            with_numbers(build, columns, variables, change(estimator, build, before))
        )

    return export


def _log(estimator: Any, build: Builder, x: int) -> int:
    # The logarithm of what it refuses, of 0 and below, isn't finite.
    return build.add(Finite(build.add(Link(x, "log10" if estimator.base == "10" else "log"))))


def _log_plus(estimator: Any, build: Builder, x: int) -> int:
    constants = estimator.C_
    if isinstance(constants, dict):
        constants = [float(constants[name]) for name in estimator.variables_]
    return _log(estimator, build, build.scale(x, add=constants))


def _reciprocal(_estimator: Any, build: Builder, x: int) -> int:
    return build.add(Finite(build.add(Link(x, "reciprocal"))))


def _power(estimator: Any, build: Builder, x: int) -> int:
    exponent = np.array([[float(estimator.exp)]])
    return build.add(Elementwise((x,), "power", (0, -1), exponent))


def _lambdas(estimator: Any) -> Array:
    return np.array([float(estimator.lambda_dict_[name]) for name in estimator.variables_])


def _box_cox(estimator: Any, build: Builder, x: int) -> int:
    return build.add(Power(x, _lambdas(estimator), "box_cox"))


def _yeo_johnson(estimator: Any, build: Builder, x: int) -> int:
    return build.add(Power(x, _lambdas(estimator), "yeo_johnson"))


def _arcsin(_estimator: Any, build: Builder, x: int) -> int:
    # Beyond 0 and 1, which it refuses, one of these isn't a number.
    return build.add(Finite(build.add(Link(build.add(Link(x, "sqrt")), "arcsin"))))


def _arcsinh(estimator: Any, build: Builder, x: int) -> int:
    scaled = build.scale(x, subtract=estimator.loc, divide=estimator.scale)
    return build.add(Link(scaled, "arcsinh"))


def _normalized(estimator: Any, build: Builder, x: int) -> int:
    means, ranges = (
        [float(one[name]) for name in estimator.variables_]
        for one in (estimator.mean_, estimator.range_)
    )
    return build.scale(x, subtract=means, divide=ranges)


TRANSFORMERS = {
    "feature_engine.ArbitraryOutlierCapper": capper,
    "feature_engine.ArcSinhTransformer": _function(_arcsinh),
    "feature_engine.ArcsinTransformer": _function(_arcsin),
    "feature_engine.BoxCoxTransformer": _function(_box_cox),
    "feature_engine.LogCpTransformer": _function(_log_plus),
    "feature_engine.LogTransformer": _function(_log),
    "feature_engine.MeanNormalizationScaler": _function(_normalized),
    "feature_engine.OutlierTrimmer": trimmer,
    "feature_engine.PowerTransformer": _function(_power),
    "feature_engine.ReciprocalTransformer": _function(_reciprocal),
    "feature_engine.Winsorizer": capper,
    "feature_engine.YeoJohnsonTransformer": _function(_yeo_johnson),
}
