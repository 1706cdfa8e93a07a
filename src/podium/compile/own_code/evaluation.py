"""Expressions of `DataFrame.eval`: arithmetic and comparisons of columns."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.own_code.recorded import Untraceable

_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "cos": np.cos,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


def evaluated(expression: str, columns: Mapping[Any, Any]) -> tuple[str | None, Any]:
    """The name that an expression is assigned to, if any, and its recorded value.

    Raises:
        Untraceable: it contains what can't be recorded.
    """
    try:
        tree = ast.parse(expression.strip()).body
    except SyntaxError:  # backticks, `@` and more lines
        tree = []
    if len(tree) != 1:
        raise Untraceable(f"the expression {expression!r} can't be recorded; write it in Python")
    (first,) = tree
    if isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name):
        return first.targets[0].id, _value(first.value, columns)
    if isinstance(first, ast.Expr):
        return None, _value(first.value, columns)
    raise Untraceable(f"the expression {expression!r} can't be recorded; write it in Python")


def _value(node: ast.expr, columns: Mapping[Any, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in columns:
        return columns[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left, columns), _value(node.right, columns)
        return _BINARY[type(node.op)](left, right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _BINARY:
        left, right = _value(node.left, columns), _value(node.comparators[0], columns)
        return _BINARY[type(node.ops[0])](left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, columns)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        function = _FUNCTIONS.get(node.func.id)
        if function is not None:
            return function(_value(node.args[0], columns))
    raise Untraceable(f"`{ast.unparse(node)}` in `eval` can't be recorded; write it in Python")
