"""Which columns of a frame the formula of a statistical model reads, and as what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from podium.runtimes.lifetimes import LifetimeModel

# Functions of patsy and formulaic that mark their first argument as categories, or pass it on.
_MARKS = ("C", "Q", "I")


def design_of(results: Any) -> Any:
    """The design of a model of statsmodels that was fitted with a formula, else None.

    It is the DesignInfo of patsy, or the ModelSpec of formulaic.
    """
    results = getattr(results, "results", results)  # inside a model of labels or intervals
    if not type(results).__module__.startswith("statsmodels."):
        return None
    model = getattr(results, "model", None)
    if getattr(model, "formula", None) is None:
        return None
    design = getattr(model, "model_spec", None)
    if design is None:
        design = getattr(getattr(model, "data", None), "model_spec", None)
    return design


def words_of(results: Any) -> str:
    """A model of statsmodels in a few words, `OLS: price ~ area`, or of lifelines; of others none."""
    if isinstance(results, LifetimeModel):
        return type(results.fitter).__name__
    results = getattr(results, "results", results)
    if not type(results).__module__.startswith("statsmodels.") or not hasattr(results, "model"):
        return ""
    name, formula = type(results.model).__name__, getattr(results.model, "formula", None)
    return name if formula is None else f"{name}: {formula}"


def variables_of(results: Any) -> tuple[str, ...]:
    """The columns of its training frame that a formula reads; none without a formula."""
    design = design_of(results)
    if design is None:
        return ()
    frame = getattr(getattr(results, "results", results).model.data, "frame", None)
    if frame is None:
        return ()
    named = {name for factor in _factors(design) for name in _names(_code(factor))}
    return tuple(str(name) for name in frame.columns if str(name) in named)


def categories_of(results: Any) -> dict[str, tuple[Any, ...]]:
    """The levels of the columns that a formula uses as categories only, by column."""
    found: dict[str, tuple[Any, ...]] = {}
    others: set[str] = set()
    if isinstance(results, LifetimeModel):  # it has a formula for each of its parameters
        designs = results.designs
        found |= results.strata
    else:
        design = design_of(results)
        designs = [] if design is None else [design]
    for factor, levels in (pair for one in designs for pair in _levels(one)):
        code = _code(factor)
        marked = _marked(code)
        if levels is not None and marked is not None:
            found[marked] = levels
        else:
            others.update(_names(code))
    return {name: levels for name, levels in found.items() if name not in others}


def _factors(design: Any) -> Iterator[Any]:
    return (factor for factor, _ in _levels(design))


def _levels(design: Any) -> Iterator[tuple[Any, tuple[Any, ...] | None]]:
    """Each factor, and its levels if it is one of categories."""
    if hasattr(design, "factor_infos"):  # patsy
        for factor, kind in design.factor_infos.items():
            yield factor, kind.categories
    else:  # formulaic
        for factor in sorted(design.factors, key=str):
            kind, state = design.encoder_state.get(str(factor), (None, {}))
            is_category = kind is not None and kind.value == "categorical" and "categories" in state
            yield factor, tuple(state["categories"]) if is_category else None


def _code(factor: Any) -> str:
    """The expression that a factor evaluates."""
    for name in ("code", "expr"):  # patsy, formulaic
        if hasattr(factor, name):
            return str(getattr(factor, name))
    return str(factor.name())


def _names(code: str) -> Iterator[str]:
    """The names that an expression reads; texts too, because `Q("a b")` reads a column."""
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _marked(code: str) -> str | None:
    """The column of `a`, `C(a, ...)` or `Q("a")`; None for any other expression."""
    node: ast.AST = ast.parse(code, mode="eval").body
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        if node.func.id not in _MARKS:
            return None
        node = node.args[0]
    if isinstance(node, ast.Name):
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
