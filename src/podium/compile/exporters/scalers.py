"""Transformers of numbers, column by column: functions, bins, powers, quantiles, splines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.preprocess import standard_scaler
from podium.compile.features import Features, Input, NotCompiled
from podium.compile.own_code.exporter import recorded
from podium.program.operations import (
    Bin,
    Finite,
    Indicate,
    Join,
    Link,
    Normalize,
    Power,
    Product,
    Quantile,
    Select,
    Single,
    Spline,
)
from podium.program.operations.numbers.links import LinkName

# Functions that can be stored, each by its name.
FUNCTIONS: Mapping[Any, LinkName] = {
    np.abs: "abs",
    np.arcsinh: "arcsinh",
    np.arctan: "arctan",
    np.cbrt: "cbrt",
    np.ceil: "ceil",
    np.cos: "cos",
    np.cosh: "cosh",
    np.exp: "exp",
    np.exp2: "exp2",
    np.expm1: "expm1",
    np.floor: "floor",
    np.log: "log",
    np.log10: "log10",
    np.log1p: "log1p",
    np.log2: "log2",
    np.reciprocal: "reciprocal",
    np.sign: "sign",
    np.sin: "sin",
    np.sinh: "sinh",
    np.sqrt: "sqrt",
    np.square: "square",
    np.tan: "tan",
    np.tanh: "tanh",
}
# Kinds of numbers for which numpy's functions return a precision that programs support.
USUAL = ("", "float", "float32", "float64", "int", "int64", "uint64", "Float32", "Float64")


def function_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns through one of numpy's functions, or unchanged."""
    if estimator.validate:
        x = build.features(build.add(Finite(build.matrix(x))))
    if estimator.func is None:
        return x
    function = FUNCTIONS.get(estimator.func) if callable(estimator.func) else None
    if function is None or estimator.kw_args:
        options = estimator.kw_args or {}
        return recorded(build, x, estimator, lambda data: estimator.func(data, **options))
    if not estimator.validate:
        _refuse_unusual(build, x, function)
    return build.features(build.add(Link(build.matrix(x), function)))


def _refuse_unusual(build: Builder, x: Features, function: LinkName) -> None:
    """Refuse dtypes for which numpy returns half precision or integers: small integers, booleans."""
    fields = [build.field(column) for column in x if isinstance(column, Input)]
    for field in fields:
        kind = field.dtype
        if field.type == "boolean" or kind.lower() not in {usual.lower() for usual in USUAL}:
            raise NotCompiled(f"its function answers {field.name!r} as {kind or field.type} would")
        if function in ("reciprocal", "square") and field.type == "integer":
            raise NotCompiled(f"its function answers {field.name!r} with whole numbers")
    if len({field.dtype.lower() == "float32" for field in fields}) > 1:
        raise NotCompiled("its function answers some columns in single precision")


def binarizer(estimator: Any, build: Builder, x: Features) -> Features:
    """1 above the threshold, else 0."""
    register = build.add(Finite(build.matrix(x)))
    kind = np.float32 if build.is_single(register) else np.float64
    edges = np.full(len(x), estimator.threshold, kind).astype(np.float64)
    return build.features(build.add(Bin(register, edges, np.arange(len(x) + 1, dtype=np.int32))))


def bins(estimator: Any, build: Builder, x: Features) -> Features:
    """The index of each bin, or one column for each bin."""
    register = build.add(Finite(build.matrix(x)))
    if estimator.dtype is not None and np.dtype(estimator.dtype) != _kind(build, register):
        if np.dtype(estimator.dtype) != np.float32:
            raise NotCompiled("it converts single to double precision")
        register = build.add(Single(register))
    is_single = build.is_single(register)
    inner = [np.asarray(edges, np.float64)[1:-1] for edges in estimator.bin_edges_]
    starts = np.cumsum([0, *map(len, inner)]).astype(np.int32)
    register = build.add(Bin(register, np.concatenate(inner), starts, or_equal=True))
    if estimator.encode != "ordinal":
        widths = np.cumsum([0, *estimator.n_bins_]).astype(np.int32)
        register = build.add(Indicate(register, widths[:-1], int(widths[-1])))
        register = build.add(Single(register)) if is_single else register
    return build.features(register)


def _kind(build: Builder, register: int) -> Any:
    return np.dtype(np.float32 if build.is_single(register) else np.float64)


def normalizer(estimator: Any, build: Builder, x: Features) -> Features:
    """Rows with a norm of 1."""
    return build.features(build.add(Normalize(build.add(Finite(build.matrix(x))), estimator.norm)))


def polynomial_features(estimator: Any, build: Builder, x: Features) -> Features:
    """Products of columns: those of each degree are columns times those of the previous degree."""
    degree = estimator.degree
    lowest, highest = (0, degree) if isinstance(degree, int) else degree
    register = build.add(Finite(build.matrix(x)))
    parts: list[int] = []
    if estimator.include_bias:
        first = build.add(Select(register, np.zeros(1, np.int32)))
        parts.append(build.scale(first, multiply=0.0, add=1.0))
    choose = combinations if estimator.interaction_only else combinations_with_replacement
    products = register
    places: dict[tuple[int, ...], int] = {(i,): i for i in range(len(x))}
    for n in range(1, highest + 1):
        chosen = list(choose(range(len(x)), n))
        if n > 1 and chosen:
            # As the original multiplies: the rest of the columns, times the first one.
            rest = np.array([places[one[1:]] for one in chosen], np.int32)
            first_ones = np.array([one[0] for one in chosen], np.int32)
            products = build.add(Product((products, register), rest, first_ones))
            places = {one: i for i, one in enumerate(chosen)}
        if n >= max(lowest, 1) and chosen:
            parts.append(products)
    if not parts:
        raise NotCompiled("it returns no columns")
    return build.features(parts[0] if len(parts) == 1 else build.add(Join(tuple(parts))))


def power_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """Powers, then standard scaling."""
    method = estimator.method.replace("-", "_")
    powers = np.asarray(estimator.lambdas_)
    after = build.features(build.add(Power(build.matrix(x), powers, method)))
    if not estimator.standardize:
        return after
    return standard_scaler(estimator._scaler, build, after)  # noqa: SLF001 - as in its transform


def quantile_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """Shares of the training data."""
    quantiles = np.ascontiguousarray(estimator.quantiles_)
    shares = np.asarray(estimator.references_, np.float64)
    is_normal = estimator.output_distribution == "normal"
    return build.features(build.add(Quantile(build.matrix(x), quantiles, shares, is_normal)))


BEYOND = {
    "constant": "stay",
    "continue": "continue",
    "error": "refuse",
    "linear": "stay",
    "periodic": "periodic",
}


def spline_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """Splines of each column."""
    splines, degree, how = estimator.bsplines_, estimator.degree, estimator.extrapolation
    if degree == 0 and how == "constant":
        raise NotCompiled("of degree 0 it knows nothing beyond its knots")
    if degree < 2 and how == "linear" and len(splines) > 1:
        # scikit-learn 1.9 raises the degree for one column, and keeps it for the following ones.
        raise NotCompiled("below degree 2 its columns go on straight from different knots")
    register = build.matrix(x)
    if getattr(estimator, "handle_missing", "error") != "zeros":
        register = build.add(Finite(register))
    is_single = build.is_single(register)
    knots = np.stack([np.asarray(spline.t, np.float64) for spline in splines])
    slopes = _slopes(splines, degree) if how == "linear" else None
    register = build.add(Spline(register, knots, degree, BEYOND[how], slopes))  # type: ignore[arg-type]
    if is_single:
        register = build.add(Single(register))
    if estimator.include_bias:
        return build.features(register)
    n_splines = splines[0].c.shape[1]
    return tuple(column for i, column in enumerate(build.features(register)) if (i + 1) % n_splines)


def _slopes(splines: Any, degree: int) -> Any:
    """The slopes of each column's splines at both ends: only the outermost ones have any."""
    n_splines = splines[0].c.shape[1]
    slopes = np.zeros((2, len(splines), n_splines))
    n = degree + 1 if degree <= 1 else degree
    for i, spline in enumerate(splines):
        slopes[0, i, :n] = spline(spline.t[degree], nu=1)[:n]
        slopes[1, i, -n:] = spline(spline.t[-degree - 1], nu=1)[-n:]
    return slopes


TRANSFORMERS: Mapping[str, Callable[[Any, Builder, Features], Features]] = {
    "sklearn.Binarizer": binarizer,
    "sklearn.FunctionTransformer": function_transformer,
    "sklearn.KBinsDiscretizer": bins,
    "sklearn.Normalizer": normalizer,
    "sklearn.PolynomialFeatures": polynomial_features,
    "sklearn.PowerTransformer": power_transformer,
    "sklearn.QuantileTransformer": quantile_transformer,
    "sklearn.SplineTransformer": spline_transformer,
}
