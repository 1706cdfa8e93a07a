"""The design matrix of a formula that formulaic read: its factors are recorded, as patsy's are."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import partial, reduce
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.formulas import (
    Part,
    categories_of_factor,
    coded,
    design_matrix,
    numbers_of_factor,
)
from podium.compile.exporters.smooth import Beyond, b_splines, cubic_splines, products
from podium.compile.features import Features, Input, NotCompiled
from podium.compile.own_code.exporter import run_recorded
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.series import series_of
from podium.compile.own_code.values import Numbers, computed, joined
from podium.program.operations import Digest, Elementwise, Select
from podium.program.operations.reading.digest import place_of


def matrix_of(design: Any, build: Builder, x: Features) -> tuple[Part, ...]:
    """The columns of a design matrix, whichever library read the formula.

    Raises:
        NotCompiled: a factor can't be recorded.
    """
    return (design_matrix if hasattr(design, "factor_infos") else _spec_matrix)(design, build, x)


def _spec_matrix(spec: Any, build: Builder, x: Features) -> tuple[Part, ...]:
    """The columns of a design matrix of formulaic, in their order."""
    names = build.signature.names
    series = {name: series_of(build, column) for name, column in zip(names, x, strict=True)}
    found: dict[str, Any] = {}
    parts = []
    for term in spec.structure:
        for scoped in term.scoped_terms:
            registers = []
            for one in scoped.factors:
                name = one.factor.factor.expr
                if name not in found:
                    found[name] = _evaluated(name, spec, series)
                registers.append(_matrix(name, found[name], one.reduced, spec, build))
            parts.append(_product(registers, float(scoped.scale), build))
    return tuple(parts)


def _matrix(name: str, found: Any, reduced: bool, spec: Any, build: Builder) -> int:
    """A factor as a matrix of numbers; a category that training lacked has none but zeros."""
    kind, state = spec.encoder_state[name]
    if isinstance(found, _Hashed):
        return found.matrix(build, reduced=reduced)
    if kind.value != "categorical":
        register = numbers_of_factor(name, found)
        if not reduced:
            return register
        # Splines with an intercept beside another one: the first of them is dropped.
        return build.add(Select(register, np.arange(1, build.width(register), dtype=np.int32)))
    if len(state["categories"]) < 2:  # a prediction changed those of truths: formulaic keeps none
        raise NotCompiled(f"`{name}` in its formula has lost its categories; C({name}) keeps them")
    x, labels = categories_of_factor(name, found, state["categories"])
    matrix = state["contrasts"].get_coding_matrix(reduced_rank=reduced)
    return coded(x, labels, np.asarray(matrix, np.float64), build, unknown=-1.0)


def _product(registers: list[int], scale: float, build: Builder) -> Part:
    if not registers:
        if scale != 1:
            raise NotCompiled("its formula has a constant other than 1")
        return Part(None, 1)
    register = reduce(partial(products, build), registers)
    register = register if scale == 1 else build.scale(register, multiply=scale)
    return Part(register, build.width(register))


def _evaluated(name: str, spec: Any, series: Mapping[str, Any]) -> Any:
    """What a factor's expression gives for recorded columns.

    Raises:
        NotCompiled: it can't be recorded; with the expression.
    """
    if name in series:
        return series[name]
    states = {_normal(key): state for key, state in spec.transform_state.items()}
    tree = _Standing(states).visit(ast.parse(name, mode="eval"))
    known: Mapping[str, Any] = import_module("formulaic.transforms").TRANSFORMS
    marks = {"C": _first, "I": _first, "Q": series.__getitem__, "hashed": _hashed, "lag": _lag}
    space = {**known, **marks, "_standing": partial(_standing, states), **series}
    code = compile(ast.fix_missing_locations(tree), name, "eval")
    try:
        return run_recorded(lambda: eval(code, space))  # noqa: S307 - as formulaic does
    except NotCompiled as error:
        raise NotCompiled(f"`{name}` in its formula: {error.why}") from error


def _normal(code: str) -> str:
    return ast.unparse(ast.parse(code, mode="eval"))


class _Standing(ast.NodeTransformer):
    """Puts stand-ins in the place of calls that learned something from the training data."""

    def __init__(self, states: Mapping[str, Any]) -> None:
        self._states = states

    def visit_Call(self, node: ast.Call) -> ast.AST:
        key = ast.unparse(node)
        self.generic_visit(node)
        if key not in self._states or ast.unparse(node.func) in ("C", "I", "Q"):
            return node
        arguments = [ast.Constant(ast.unparse(node.func)), ast.Constant(key), *node.args]
        return ast.Call(ast.Name("_standing", ast.Load()), arguments, node.keywords)


def _standing(
    states: Mapping[str, Any], name: str, key: str, x: Any, *args: Any, **options: Any
) -> Numbers:
    if name not in _TRANSFORMS or not isinstance(x, Numbers):
        raise Untraceable(f"{name} can't be recorded")
    return _TRANSFORMS[name](states[key], x, *args, **options)


def _first(x: Any, *_: Any, **__: Any) -> Any:
    return x


def _scaled(state: Mapping[str, Any], x: Numbers, *_: Any, **__: Any) -> Numbers:
    x = x.astype(np.float64)
    if state.get("center") is not None:
        x = computed("subtract", x, state["center"])
    return x if state.get("scale") is None else computed("divide", x, state["scale"])


def _splines(state: Mapping[str, Any], x: Numbers, *args: Any, **options: Any) -> Numbers:
    given = dict(zip(_OF_SPLINES, args, strict=False)) | options
    degree, beyond = int(given.get("degree", 3)), str(given.get("extrapolation", "raise"))
    if beyond not in _BEYOND:
        raise Untraceable(f"splines with extrapolation={beyond!r} can't be recorded")
    knots = state["knots"]
    found = b_splines(x, knots, degree, given.get("include_intercept", False), _BEYOND[beyond])
    return _zero_beyond(x, found, knots) if beyond == "zero" else found


def _zero_beyond(x: Numbers, found: Numbers, knots: Any) -> Numbers:
    low, high = float(knots[0]), float(knots[-1])
    is_beyond = computed("logical_or", computed("less", x, low), computed("greater", x, high))
    chosen = Elementwise((is_beyond.register, found.register), "where", (0, -1, 1), _ZERO)
    return found.like(found.build.add(chosen), "float", ndim=2)


def _cubic(
    is_cyclic: bool, state: Mapping[str, Any], x: Numbers, *args: Any, **options: Any
) -> Numbers:
    beyond = str((*args, *([None] * 6))[5] or options.get("extrapolation", "extend"))
    if beyond not in ("clip", "extend", "zero"):
        raise Untraceable(f"splines with extrapolation={beyond!r} can't be recorded")
    original = import_module("formulaic.transforms.cubic_spline").cubic_spline
    knots = state["knots"]

    def values_at(points: Any) -> Any:
        columns = original(points, _state=dict(state))
        return np.stack([np.asarray(columns[key]) for key in columns], axis=1)

    within = x.clip(float(knots[0]), float(knots[-1])) if beyond == "clip" else x
    found = cubic_splines(within, knots, values_at, is_cyclic=is_cyclic)
    return _zero_beyond(x, found, knots) if beyond == "zero" else found


def _polynomials(
    state: Mapping[str, Any], x: Numbers, degree: int = 1, raw: bool = False
) -> Numbers:
    x = x.astype(np.float64)
    if raw:
        return joined([computed("power", x, float(n)) for n in range(1, degree + 1)])
    alpha, norms = state["alpha"], state["norms2"]
    powers = [computed("subtract", x, float(alpha[0]))]
    for n in range(1, degree):
        next_one = computed("multiply", computed("subtract", x, float(alpha[n])), powers[-1])
        beta = float(norms[n] / norms[n - 1])
        before = beta if n == 1 else computed("multiply", powers[-2], beta)
        powers.append(computed("subtract", next_one, before))
    roots = [float(np.sqrt(norms[n])) for n in range(1, degree + 1)]
    return joined([computed("divide", one, root) for one, root in zip(powers, roots, strict=True)])


class _Hashed(NamedTuple):
    """A column whose texts are spread over so many levels by their hash."""

    labels: Any
    levels: int

    def matrix(self, build: Builder, *, reduced: bool) -> int:
        """A one at the level; without the first one beside an intercept.

        Raises:
            NotCompiled: the column holds something else than texts.
        """
        (column,) = getattr(self.labels, "columns_of_plan", (None,))
        field = build.field(column) if isinstance(column, Input) else None
        kinds = {str} if field is None or field.type == "text" else field.label_types
        if not isinstance(column, Input) or kinds != {str}:
            raise NotCompiled("its formula hashes something else than a column of texts")
        missing = place_of("nan", self.levels, "md5")
        register = build.add(Digest(column.column, self.levels, "md5", missing))
        if not reduced:
            return register
        return build.add(Select(register, np.arange(1, self.levels, dtype=np.int32)))


def _hashed(labels: Any, levels: int, **options: Any) -> _Hashed:
    if options:
        raise Untraceable(f"hashed() with {' and '.join(options)} can't be recorded")
    return _Hashed(labels, levels)


def _lag(*_: Any, **__: Any) -> Any:
    raise Untraceable("lag() takes numbers from other rows; compute it before fitting")


_ZERO = np.zeros((1, 1))
_OF_SPLINES = (
    "df",
    "knots",
    "degree",
    "include_intercept",
    "lower_bound",
    "upper_bound",
    "extrapolation",
)
_BEYOND: Mapping[str, Beyond] = {
    "clip": "stay",
    "extend": "continue",
    "raise": "refuse",
    "zero": "stay",
}
_TRANSFORMS: Mapping[str, Callable[..., Numbers]] = {
    "bs": _splines,
    "cc": partial(_cubic, True),
    "center": _scaled,
    "cr": partial(_cubic, False),
    "cs": partial(_cubic, False),
    "poly": _polynomials,
    "scale": _scaled,
    "standardize": _scaled,
}
