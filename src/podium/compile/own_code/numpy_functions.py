"""What numpy's functions do with recorded numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from podium.compile.own_code.branches import branched, of_each_row
from podium.compile.own_code.dummies import tags
from podium.compile.own_code.expressions import expression_of, replacing
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels, choose, named
from podium.compile.own_code.moments import Moments, Spans
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.single_texts import of_each_text
from podium.compile.own_code.text_methods import TextMethods
from podium.compile.own_code.values import Numbers, computed, joined
from podium.program.operations import Bin
from podium.program.operations.numbers.links import LinkName
from podium.program.operations.rows.elementwise import ElementwiseName

_LINKED = {**{name: name for name in get_args(LinkName)}, "absolute": "abs", "fabs": "abs"}
# Functions of a whole row, or of no ufunc's name.
for _name in ("softmax", "share", "tie", "sort", "sigmoid", "relu", "erf"):
    del _LINKED[_name]
_COMPUTED = {name: name for name in get_args(ElementwiseName) if name != "where"}
_BITS = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor"}


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The recorded result of a ufunc.

    Raises:
        Untraceable: it isn't known, or is called in another way.
    """
    name = ufunc.__name__
    if method != "__call__" or options:
        raise Untraceable(f"np.{name}.{method} can't be recorded")
    name = _BITS.get(name, name)
    texts_and_times = (Labels, Moments, Spans, Frame)
    operand = next((one for one in inputs if isinstance(one, texts_and_times)), None)
    if operand is not None and name in _COMPUTED:
        return operand.operated(_COMPUTED[name], *inputs)
    if isinstance(operand, Frame):
        return operand.each(lambda column: of_ufunc(ufunc, method, [column], options))
    if not all(isinstance(one, Numbers) or not isinstance(one, Recorded) for one in inputs):
        raise Untraceable(f"np.{name} of texts can't be recorded")
    if ufunc.__name__ in _BITS:
        numbers = next(one for one in inputs if isinstance(one, Numbers))
        return numbers.operated(_COMPUTED[name], *inputs)
    if name in _COMPUTED:
        return computed(_COMPUTED[name], *inputs)
    if name in _LINKED:
        return inputs[0].link(_LINKED[name])
    if name not in _UFUNCS:
        raise Untraceable(f"np.{name} can't be recorded")
    return _UFUNCS[name](*inputs)


def _isinf(x: Numbers) -> Numbers:
    return computed("equal", x.link("abs"), np.inf)


_UFUNCS: Mapping[str, Callable[..., Numbers]] = {
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "invert": lambda x: ~x,
    "logical_not": lambda x: computed("equal", x, 0),
    "isnan": lambda x: x.isna(),
    "isinf": _isinf,
    "isfinite": lambda x: computed("less", x.link("abs"), np.inf),
    "deg2rad": lambda x: x * (np.pi / 180),
    "radians": lambda x: x * (np.pi / 180),
    "rad2deg": lambda x: x * (180 / np.pi),
    "degrees": lambda x: x * (180 / np.pi),
}


def of_function(function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The recorded result of another of numpy's functions.

    Raises:
        Untraceable: it isn't known.
    """
    name = function.__name__
    if name not in _FUNCTIONS:
        raise Untraceable(f"np.{name} can't be recorded")
    return _FUNCTIONS[name](*args, **options)


class ColumnStacker:
    """In place of `np.c_`, which asks for values; passes on what isn't recorded."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getitem__(self, parts: Any) -> Any:
        parts = parts if isinstance(parts, tuple) else (parts,)
        if any(isinstance(one, Recorded) for one in parts):
            return _beside(parts, as_columns=True)
        return self._original[parts]


def array_of(data: Any, dtype: Any = None, **_: Any) -> Any:
    """In place of `np.asarray` and its like, for recorded data."""
    numbers = data.to_numpy() if isinstance(data, (Frame, Numbers)) else None
    if numbers is None:
        raise Untraceable("it makes an array of columns that aren't numbers")
    return numbers if dtype is None else numbers.astype(dtype)


ARRAYS = ("asarray", "array", "asanyarray", "ascontiguousarray")


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise Untraceable("it asks which rows there are")
    if any(isinstance(one, (Labels, str)) for one in choices):
        return choose(condition, *choices)
    if any(isinstance(one, (Moments, Spans)) for one in choices):
        raise Untraceable("np.where that returns times can't be recorded")
    return computed("where", condition, *choices)


def _select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Any:
    found = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        found = _where(condition, choice, found)
    return found


def _beside(parts: Sequence[Any], *, axis: Any = 1, as_columns: bool = False) -> Numbers:
    if not all(isinstance(one, Numbers) for one in parts):
        raise Untraceable("it puts columns beside values that aren't recorded")
    if axis not in (1, -1) or not (as_columns or all(one.ndim == 2 for one in parts)):
        raise Untraceable("it puts rows below each other")
    return joined(parts)


def _stack(parts: Sequence[Any], axis: int = 0) -> Numbers:
    if any(not isinstance(one, Numbers) or one.ndim != 1 for one in parts):
        raise Untraceable("np.stack of matrices can't be recorded")
    return _beside(parts, axis=axis, as_columns=True)


def _nan_to_num(
    x: Numbers, _copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Numbers:
    most = np.finfo(np.float64).max
    found = computed("where", x.isna(), nan, x)
    found = computed("where", x == np.inf, most if posinf is None else posinf, found)
    return computed("where", x == -np.inf, -most if neginf is None else neginf, found)


def _digitize(x: Numbers, bins: Any, right: bool = False) -> Numbers:
    edges = np.asarray(bins, np.float64)
    if edges.ndim != 1 or x.width != 1 or not (np.diff(edges) >= 0).all():
        raise Untraceable("np.digitize of several columns or descending bins can't be recorded")
    starts = np.array([0, len(edges)], np.int32)
    return x.like(x.build.add(Bin(x.register, edges, starts, or_equal=not right)), "integer")


def _constant(value: float) -> Callable[..., Numbers]:
    def like(x: Numbers, *values: Any, **_: Any) -> Numbers:
        chosen = values[0] if values else value
        return computed("where", x == 0, chosen, chosen)

    return like


def _reduced(how: Any) -> Callable[..., Numbers]:
    def reduce(x: Numbers, axis: Any = None, **_: Any) -> Numbers:
        return x.like(x.register, x.kind, is_pandas=False).reduced(how, axis)

    return reduce


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "where": _where,
    "select": _select,
    "clip": lambda x, *bounds, **options: x.clip(*bounds, **options),
    "concatenate": lambda parts, axis=0: _beside(parts, axis=axis),
    "hstack": _beside,
    "column_stack": lambda parts: _beside(parts, as_columns=True),
    "stack": _stack,
    "nan_to_num": _nan_to_num,
    "round": lambda x, decimals=0: x.round(decimals),
    "around": lambda x, decimals=0: x.round(decimals),
    "digitize": _digitize,
    "isin": lambda x, values: x.isin(values),
    "copy": lambda x, **_: x.copy(),
    "ravel": lambda x, **_: x.ravel(),
    "squeeze": lambda x, **_: x.ravel(),
    "reshape": lambda x, shape, **_: x.reshape(shape),
    "zeros_like": _constant(0.0),
    "ones_like": _constant(1.0),
    "full_like": _constant(np.nan),
    "sum": _reduced("sum"),
    "mean": _reduced("mean"),
    "max": _reduced("max"),
    "min": _reduced("min"),
    "amax": _reduced("max"),
    "amin": _reduced("min"),
}

Recorded.of_ufunc = staticmethod(of_ufunc)
Recorded.of_function = staticmethod(of_function)
Recorded.frame_of = staticmethod(Frame)
Recorded.text_methods_of = staticmethod(TextMethods)
Recorded.replacing = staticmethod(
    lambda labels, pattern, by: replacing(labels, expression_of(pattern), by)
)
Recorded.branched = staticmethod(branched)
Recorded.tags_of = staticmethod(tags)
Recorded.of_each_row = staticmethod(of_each_row)
Recorded.of_each_text = staticmethod(of_each_text)
Recorded.texts_by_number = staticmethod(named)
