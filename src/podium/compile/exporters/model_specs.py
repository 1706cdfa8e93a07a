"""The design matrix of a formula that formulaic read: its factors are recorded, as patsy's are."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import partial, reduce
from importlib import import_module
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.formulas import (
    Part,
    categories_of_factor,
    coded,
    design_matrix,
    numbers_of_factor,
    products,
)
from podium.compile.exporters.smooth import b_splines
from podium.compile.features import Features, NotCompiled
from podium.compile.own_code.exporter import run_recorded
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.series import series_of
from podium.compile.own_code.values import Numbers, computed


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
    if kind.value != "categorical":
        return numbers_of_factor(name, found)
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
    marks = {"C": _first, "I": _first, "Q": series.__getitem__}
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
    if len(args) > 1 or options.get("extrapolation", "raise") != "raise":
        raise Untraceable("splines that go on beyond the data can't be recorded")
    degree = int(options.get("degree", 3))
    return b_splines(x, state["knots"], degree, options.get("include_intercept", False))


_TRANSFORMS: Mapping[str, Callable[..., Numbers]] = {
    "bs": _splines,
    "center": _scaled,
    "scale": _scaled,
    "standardize": _scaled,
}
