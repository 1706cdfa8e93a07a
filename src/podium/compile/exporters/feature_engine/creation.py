"""feature_engine's new columns: made from several others, or from cycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import numbers_of
from podium.compile.exporters.feature_engine.columns import (
    Columns,
    named,
    numbers,
    remaining_columns,
    with_numbers,
)
from podium.compile.exporters.feature_engine.discretisers import rounded, tree_values
from podium.compile.exporters.refused import refused
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Elementwise, Finite, Impute, Link, Missing, Select
from podium.program.operations.rows.elementwise import ElementwiseName

_NONE = np.empty((0, 1))
Aggregate: TypeAlias = Literal["sum", "mean", "min", "max", "prod", "var", "std", "median"]
_FOLDS: dict[str, ElementwiseName] = {
    "sum": "add",
    "prod": "multiply",
    "min": "fmin",
    "max": "fmax",
}
_EMPTY = {"sum": 0.0, "prod": 1.0}
_NAMES = {"amin": "min", "amax": "max", "product": "prod"}


def math_features(estimator: Any, build: Builder, x: Features) -> Features:
    """Statistics of several columns of a row."""
    columns, variables = named(estimator, x), list(estimator.variables)
    refuses = estimator.missing_values == "raise"
    register = numbers(build, columns, variables, refuses_missing=refuses)
    if refuses:
        columns = with_numbers(build, columns, variables, register)
    functions = estimator.func if isinstance(estimator.func, list) else [estimator.func]
    new = [_aggregated(build, register, one, refuses_missing=refuses) for one in functions]
    made = tuple(column for one in new for column in build.features(one))
    return (*remaining_columns(columns, variables if estimator.drop_original else ()), *made)


def _aggregated(build: Builder, x: int, function: Any, *, refuses_missing: bool) -> int:
    """A statistic of each row; missing numbers are skipped, as in pandas."""
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    name = _NAMES.get(name, name)
    if name in _FOLDS:
        full = x
        if name in _EMPTY and not refuses_missing:
            full = build.add(Impute(x, np.full(build.width(x), _EMPTY[name])))
        return _folded(build, _FOLDS[name], full)
    if name == "mean":
        return _divided(build, _sum(build, x), _count(build, x))
    if name in ("var", "std") and isinstance(function, str):
        return _spread(build, x, is_root=name == "std")
    if name == "median" and refuses_missing:
        return _median(build, x)
    raise NotCompiled(
        f"its function {name or function!r} isn't known to programs; sum, mean, min, max, prod, "
        "var, std and, without missing values, median are, by these names"
    )


def _folded(build: Builder, function: ElementwiseName, x: int) -> int:
    """The columns of a matrix, combined from the first to the last."""
    first, *others = (
        build.add(Select(x, np.array([place], np.int32))) for place in range(build.width(x))
    )
    for other in others:
        first = build.add(Elementwise((first, other), function, (0, 1), _NONE))
    return first


def _sum(build: Builder, x: int) -> int:
    return _folded(build, "add", build.add(Impute(x, np.zeros(build.width(x)))))


def _count(build: Builder, x: int) -> int:
    """How many numbers of each row aren't missing."""
    missing = _folded(build, "add", build.add(Missing(x)))
    return build.scale(missing, multiply=-1.0, add=float(build.width(x)))


def _divided(build: Builder, one: int, other: int) -> int:
    return build.add(Elementwise((one, other), "divide", (0, 1), _NONE))


def _spread(build: Builder, x: int, *, is_root: bool) -> int:
    """The variance, or its root, with n - 1 degrees of freedom."""
    count = _count(build, x)
    mean = _divided(build, _sum(build, x), count)
    off = build.add(Link(build.add(Elementwise((x, mean), "subtract", (0, 1), _NONE)), "square"))
    variance = _divided(build, _sum(build, off), build.scale(count, add=-1.0))
    return build.add(Link(variance, "sqrt")) if is_root else variance


def _median(build: Builder, x: int) -> int:
    in_order, width = build.add(Link(x, "sort")), build.width(x)
    middle = sorted({(width - 1) // 2, width // 2})
    total = _folded(build, "add", build.add(Select(in_order, np.array(middle, np.int32))))
    return build.scale(total, divide=float(len(middle)))


_OPERATORS: dict[str, ElementwiseName] = {
    "add": "add",
    "mul": "multiply",
    "sub": "subtract",
    "div": "divide",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
}


def relative_features(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns beside a reference: their differences, ratios and others."""
    columns = named(estimator, x)
    variables, references = list(estimator.variables), list(estimator.reference)
    if estimator.missing_values == "raise":
        both = list(dict.fromkeys((*variables, *references)))
        register = numbers(build, columns, both, refuses_missing=True)
        columns = with_numbers(build, columns, both, register)
    made: list[Features] = []
    for function in estimator.func:
        for name in references:
            register = build.matrix(tuple(columns[one] for one in variables))
            reference = build.matrix((columns[name],))
            register = _related(build, register, reference, function, estimator.fill_value)
            made.append(build.features(register))
    dropped = (*variables, *references) if estimator.drop_original else ()
    return (*remaining_columns(columns, dropped), *(column for one in made for column in one))


def _related(build: Builder, x: int, reference: int, function: str, fill: Any) -> int:
    related = build.add(Elementwise((x, reference), _OPERATORS[function], (0, 1), _NONE))
    if function not in ("div", "truediv", "floordiv", "mod"):
        return related
    zero, filled = np.array([[0.0]]), np.array([[np.nan if fill is None else float(fill)]])
    is_zero = build.add(Elementwise((reference,), "equal", (0, -1), zero))
    related = build.add(Elementwise((is_zero, related), "where", (0, -1, 1), filled))
    return build.add(Finite(related)) if fill is None else related


def cyclical_features(estimator: Any, build: Builder, x: Features) -> Features:
    """The sine and the cosine of each column's place in its cycle."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    register = numbers(build, columns, variables, refuses_missing=True)
    columns = with_numbers(build, columns, variables, register)
    turns = [2.0 * np.pi / float(estimator.max_values_[name]) for name in variables]
    angle = build.scale(register, multiply=turns)
    sides = [build.features(build.add(Link(angle, side))) for side in ("sin", "cos")]
    made = (column for pair in zip(*sides, strict=True) for column in pair)
    return (*remaining_columns(columns, variables if estimator.drop_original else ()), *made)


def tree_features(estimator: Any, build: Builder, x: Features) -> Features:
    """The predictions of trees of some columns each."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    register = numbers(build, columns, variables, refuses_missing=True)
    columns = with_numbers(build, columns, variables, register)
    made: list[Features] = []
    for some, trees in zip(estimator.input_features_, estimator.estimators_, strict=True):
        names = [some] if isinstance(some, str) else list(some)
        made.append(_tree_feature(estimator, build, trees, columns, names))
    dropped = variables if estimator.drop_original else ()
    return (*remaining_columns(columns, dropped), *(column for one in made for column in one))


def _tree_feature(
    estimator: Any, build: Builder, trees: Any, columns: Columns, names: Sequence[Any]
) -> Features:
    x = tuple(columns[name] for name in names)
    if estimator.regression or estimator._is_binary == "binary":  # noqa: SLF001 - as in its transform
        return tree_values(build, trees, x, estimator)
    labels = numbers_of(build, build.model(trees, x, "tree"))
    return build.features(rounded(build, labels, None))


# The radius of the Earth, and the length of a degree in kilometres, as its module has them.
_RADIUS = {"km": 6371.0, "miles": 3958.8, "meters": 6371000.0, "feet": 20902231.0}
_DEGREE_KM = 111.0


def geo_distance(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by the distance between two places."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    register = numbers(build, columns, variables, refuses_missing=True)
    columns = with_numbers(build, columns, variables, register)
    places = np.array([[0, 1], [2, 3]], np.int32)
    first, second = (build.add(Select(register, place)) for place in places)
    radius = _RADIUS[estimator.output_unit]
    if estimator.method == "haversine":
        away = build.scale(_central_angle(build, first, second), multiply=2 * radius)
    else:
        away = build.scale(_between(build, first, second), multiply=_DEGREE_KM)
        is_straight = estimator.method == "euclidean"
        away = build.add(Link(away, "square" if is_straight else "abs"))
        away = _folded(build, "add", away)
        away = build.add(Link(away, "sqrt")) if is_straight else away
        away = build.scale(away, multiply=radius / _RADIUS["km"])
    dropped = variables if estimator.drop_original else ()
    return (*remaining_columns(columns, dropped), *build.features(away))


def _between(build: Builder, first: int, second: int) -> int:
    return build.add(Elementwise((second, first), "subtract", (0, 1), _NONE))


def _central_angle(build: Builder, first: int, second: int) -> int:
    """Half the angle between two places, as seen from the centre of the Earth: the haversine."""
    both = [build.scale(one, multiply=np.pi / 180.0) for one in (first, second)]
    halves = build.scale(_between(build, *both), divide=2.0)
    squares = build.add(Link(build.add(Link(halves, "sin")), "square"))
    latitude, longitude = np.array([0], np.int32), np.array([1], np.int32)
    cosines = [build.add(Link(build.add(Select(one, latitude)), "cos")) for one in both]
    across = build.add(Elementwise(tuple(cosines), "multiply", (0, 1), _NONE))
    wide = build.add(Select(squares, longitude))
    across = build.add(Elementwise((across, wide), "multiply", (0, 1), _NONE))
    tall = build.add(Select(squares, latitude))
    total = build.add(Elementwise((tall, across), "add", (0, 1), _NONE))
    return build.add(Link(build.add(Link(total, "sqrt")), "arcsin"))


_OTHER_ROWS = "it takes numbers from other rows, which a prediction doesn't have; compute {} before"

TRANSFORMERS = {
    "feature_engine.CyclicalFeatures": cyclical_features,
    "feature_engine.DecisionTreeFeatures": tree_features,
    "feature_engine.ExpandingWindowFeatures": refused(_OTHER_ROWS.format("its windows")),
    "feature_engine.GeoDistanceFeatures": geo_distance,
    "feature_engine.LagFeatures": refused(_OTHER_ROWS.format("the lags")),
    "feature_engine.MathFeatures": math_features,
    "feature_engine.RelativeFeatures": relative_features,
    "feature_engine.WindowFeatures": refused(_OTHER_ROWS.format("its windows")),
}
