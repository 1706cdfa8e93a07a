"""Networks of skorch: layers of PyTorch, read from a trace of their module."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.program.operations import Above, Elementwise, Finite, Largest, Link, Matmul, Pair, Scale
from podium.program.operations.numbers.links import LinkName
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.table import Array

# A value in a trace: the register of a matrix, or a constant.
_Value = int | Array
# Layers, functions and methods that are the same: `nn.ReLU`, `torch.relu`, `F.relu` and `x.relu()`.
_LINKS: Mapping[str, LinkName] = {
    "relu": "relu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "exp": "exp",
    "softmax": "softmax",
}
_ARITHMETIC: Mapping[str, ElementwiseName] = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "div": "divide",
}
# What changes no number of a matrix of single precision in prediction.
_UNCHANGED = frozenset(
    {"alphadropout", "contiguous", "dropout", "flatten", "float", "identity", "squeeze"}
)


def classifier(net: Any, build: Builder, x: Features) -> Fitted:
    """The column with the largest probability is the class."""
    claims = _answers(net, build, x)
    link = _nonlinearity(net)
    if link == "pair":
        raise NotCompiled("it has a criterion of two classes: make it a NeuralNetBinaryClassifier")
    claims = claims if link is None else build.add(Link(claims, "softmax"))
    classes = tuple(range(build.width(claims)))
    return Fitted(index=build.add(Largest(claims)), classes=classes, probabilities=claims)


def binary_classifier(net: Any, build: Builder, x: Features) -> Fitted:
    """One column: more than its threshold is the second class."""
    claims, link = _answers(net, build, x), _nonlinearity(net)
    if build.width(claims) != 1 or link != "pair":
        raise NotCompiled("it has another criterion than BCEWithLogitsLoss or BCELoss")
    if _criterion(net) == "BCEWithLogitsLoss":
        claims = build.add(Link(claims, "sigmoid"))
    index = build.add(Above(claims, float(net.threshold)))
    return Fitted(index=index, classes=(0, 1), probabilities=build.add(Pair(claims)))


def regressor(net: Any, build: Builder, x: Features) -> Fitted:
    """The last layer's numbers."""
    if _nonlinearity(net) is not None:
        raise NotCompiled("its predictions pass through a criterion's function")
    return Fitted(values=_answers(net, build, x))


def _criterion(net: Any) -> str:
    return type(getattr(net, "criterion_", None)).__name__


def _nonlinearity(net: Any) -> str | None:
    """What skorch does to the module's numbers before it predicts."""
    if net.predict_nonlinearity is None:
        return None
    if net.predict_nonlinearity != "auto":
        raise NotCompiled("it has a predict_nonlinearity of its own: leave it at 'auto'")
    kinds = {"CrossEntropyLoss": "softmax", "BCEWithLogitsLoss": "pair", "BCELoss": "pair"}
    return kinds.get(_criterion(net))


def _answers(net: Any, build: Builder, x: Features) -> int:
    """The register of what the module returns."""
    from torch import fx

    module = net.module_
    module.eval()  # as skorch does before it predicts: a dropout in its code asks whether it is trained
    try:
        graph = fx.symbolic_trace(module).graph
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise NotCompiled(
            f"the forward() of {type(module).__name__} can't be traced ({why}); let no step of it "
            "depend on the values or the number of rows"
        ) from error
    trace = _Trace(build, module)
    return trace.follow(graph, build.add(Finite(build.matrix(x))))


class _Trace:
    """The nodes of a traced module as operations."""

    def __init__(self, build: Builder, module: Any) -> None:
        self._build, self._module = build, module
        self._layers = dict(module.named_modules())
        self._values: dict[Any, _Value] = {}

    def follow(self, graph: Any, rows: int) -> int:
        """The register of its output."""
        for node in graph.nodes:
            if node.op == "output":
                return self._matrix(node.args[0])
            if node.op == "placeholder":
                if not self._values:
                    self._values[node] = rows
            elif node.op == "get_attr":
                self._values[node] = self._constant(node.target)
            else:
                self._values[node] = self._called(node)
        raise NotCompiled("its module returns nothing")

    def _constant(self, path: str) -> Array:
        value = self._module
        for name in path.split("."):
            value = getattr(value, name)
        return _numbers(value)

    def _called(self, node: Any) -> int:
        layer = self._layers[node.target] if node.op == "call_module" else None
        name = type(layer).__name__ if layer is not None else node.target
        name = name if isinstance(name, str) else name.__name__
        name = name.strip("_").replace("_", "").lower()
        if name in _ARITHMETIC and len(node.args) == 2 and not node.kwargs:
            one, other = map(self._operand, node.args)
            return self._elementwise(_ARITHMETIC[name], one, other)
        x = self._matrix(node.args[0] if node.args else node.kwargs.get("input"))
        if name in _UNCHANGED:
            return x
        options = node.kwargs if layer is None else vars(layer)
        if name in _LINKS:
            dim = options.get("dim", node.args[1] if len(node.args) > 1 else -1)
            if name == "softmax" and dim not in (-1, 1):
                raise NotCompiled(f"its {name} is over the dimension {dim}, not over each row")
            return self._build.add(Link(x, _LINKS[name]))
        if layer is not None and name in _LAYERS:
            return _LAYERS[name](self, layer, x)
        if name in _ACTIVATIONS and len(node.args) < 2:
            return _ACTIVATIONS[name](self, options, x)
        raise NotCompiled(f"its module calls {name}, which has no operation here")

    def linear(self, layer: Any, x: int) -> int:
        """Rows times weights."""
        bias = None if layer.bias is None else _numbers(layer.bias)
        return self._build.add(Matmul(x, _numbers(layer.weight).T.copy(), bias))

    def normalized(self, layer: Any, x: int) -> int:
        """By the means and variances of training."""
        if layer.running_mean is None:
            raise NotCompiled("its BatchNorm1d has no running statistics: it depends on the batch")
        spread = np.sqrt(_numbers(layer.running_var) + np.float32(layer.eps))
        weight = None if layer.weight is None else _numbers(layer.weight)
        bias = None if layer.bias is None else _numbers(layer.bias)
        return self._build.add(Scale(x, _numbers(layer.running_mean), spread, weight, bias))

    def leaky(self, options: Mapping[str, Any], x: int) -> int:
        """Negative numbers times a slope."""
        slope = float(options.get("negative_slope", 0.01))
        if not 0 <= slope <= 1:
            raise NotCompiled(f"its slope is {slope:g}, which isn't between 0 and 1")
        return self._elementwise("maximum", x, self._elementwise("multiply", x, _scalar(slope)))

    def elu(self, options: Mapping[str, Any], x: int) -> int:
        """Negative numbers as an exponential that ends at -alpha."""
        alpha = float(options.get("alpha", 1.0))
        below = self._elementwise("minimum", x, _scalar(0.0))
        below = self._elementwise("multiply", self._build.add(Link(below, "expm1")), _scalar(alpha))
        return self._elementwise("add", self._build.add(Link(x, "relu")), below)

    def silu(self, _options: Mapping[str, Any], x: int) -> int:
        """Numbers times their sigmoid."""
        return self._elementwise("multiply", x, self._build.add(Link(x, "sigmoid")))

    def gelu(self, options: Mapping[str, Any], x: int) -> int:
        """Numbers times the share of a normal distribution below them."""
        if options.get("approximate", "none") != "none":
            raise NotCompiled("its GELU is approximate: leave it at approximate='none'")
        scaled = self._elementwise("multiply", x, _scalar(math.sqrt(0.5)))
        share = self._elementwise("add", self._build.add(Link(scaled, "erf")), _scalar(1.0))
        half = self._elementwise("multiply", x, _scalar(0.5))
        return self._elementwise("multiply", half, share)

    def _elementwise(self, function: ElementwiseName, one: _Value, other: _Value) -> int:
        """A function of two matrices, or of one and a constant."""
        registers = tuple(value for value in (one, other) if isinstance(value, int))
        constants = [value for value in (one, other) if not isinstance(value, int)]
        if not registers:
            raise NotCompiled("its module computes with constants alone")
        arguments, n_read = [], 0
        for value in (one, other):
            arguments.append(n_read if isinstance(value, int) else -1)
            n_read += isinstance(value, int)
        table: Any = constants[0].reshape(1, -1) if constants else np.zeros((0, 1), np.float32)
        return self._build.add(Elementwise(registers, function, tuple(arguments), table))

    def _operand(self, argument: Any) -> _Value:
        if isinstance(argument, (int, float)) and not isinstance(argument, bool):
            return _scalar(float(argument))
        value = None if isinstance(argument, (list, tuple)) else self._values.get(argument)
        if value is None:
            raise NotCompiled("its forward() takes or returns more than one tensor")
        return value

    def _matrix(self, argument: Any) -> int:
        value = self._operand(argument)
        if not isinstance(value, int):
            raise NotCompiled("its module computes with constants alone")
        return value


def _numbers(tensor: Any) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array


def _scalar(number: float) -> Array:
    return np.array([number], np.float32)


_LAYERS: Mapping[str, Callable[[_Trace, Any, int], int]] = {
    "batchnorm1d": _Trace.normalized,
    "linear": _Trace.linear,
}
_ACTIVATIONS: Mapping[str, Callable[[_Trace, Mapping[str, Any], int], int]] = {
    "elu": _Trace.elu,
    "gelu": _Trace.gelu,
    "leakyrelu": _Trace.leaky,
    "silu": _Trace.silu,
}


MODELS = {
    "skorch.NeuralNetBinaryClassifier": binary_classifier,
    "skorch.NeuralNetClassifier": classifier,
    "skorch.NeuralNetRegressor": regressor,
}
