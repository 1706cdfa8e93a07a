"""What numpy's functions do with recorded numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from podium.compile.own_code.arithmetic import product
from podium.compile.own_code.branches import branched, of_each_row
from podium.compile.own_code.dummies import tags
from podium.compile.own_code.expressions import expression_of, replacing
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels, choose, named
from podium.compile.own_code.moments import Moments, Spans
from podium.compile.own_code.recorded import Recorded, Rows, Untraceable
from podium.compile.own_code.reductions import REDUCTIONS
from podium.compile.own_code.single_texts import of_each_text
from podium.compile.own_code.stacks import Stacked, average
from podium.compile.own_code.text_methods import TextMethods
from podium.compile.own_code.values import Numbers, always, computed, joined
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


def _boxcox(x: Numbers, power: float) -> Numbers:
    return (x.link("log") * power).link("expm1") / power if power else x.link("log")


def _inv_boxcox(x: Numbers, power: float) -> Numbers:
    return ((x * power).link("log1p") / power).link("exp") if power else x.link("exp")


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
    "matmul": product,
    "expit": lambda x: x.link("sigmoid"),
    "logit": lambda x: (x / (1 - x)).link("log"),
    "boxcox": _boxcox,
    "inv_boxcox": _inv_boxcox,
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
    if isinstance(data, (list, tuple)):
        numbers: Any = Stacked(data)
    elif isinstance(data, (Frame, Numbers, Stacked)):
        numbers = data.to_numpy()
    else:
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


def _stack(parts: Sequence[Any], axis: int = 0) -> Any:
    if axis == 0:
        return Stacked(parts)
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


def _searched(edges: Any, x: Any, side: str = "left", **options: Any) -> Numbers:
    if not isinstance(x, Numbers) or isinstance(edges, Recorded) or options:
        raise Untraceable("np.searchsorted in recorded data can't be recorded")
    return _digitize(x, edges, right=side == "left")


def _digitize(x: Numbers, bins: Any, right: bool = False) -> Numbers:
    edges = np.asarray(bins, np.float64)
    if edges.ndim != 1 or x.width != 1 or not (np.diff(edges) >= 0).all():
        raise Untraceable("np.digitize of several columns or descending bins can't be recorded")
    starts = np.array([0, len(edges)], np.int32)
    return x.like(x.build.add(Bin(x.register, edges, starts, or_equal=not right)), "integer")


def _like(value: Any) -> Callable[..., Numbers]:
    def like(x: Numbers, *values: Any, dtype: Any = None, **_: Any) -> Numbers:
        width = None if x.ndim == 1 else x.width
        found = always(x, values[0] if values else value, width)
        wanted: Any = x.dtype if dtype is None else dtype
        return found if found.kind == "integer" and wanted == np.int64 else found.astype(wanted)

    return like


def filled(value: Any) -> Callable[..., Any]:
    """In place of `np.zeros` and its like: a constant for as many rows as there are.

    Args:
        value: the constant; None if it is an argument, as in `np.full`.
    """

    def fill(shape: Any, dtype: Any = float, **_: Any) -> Numbers:
        return _full(shape, value, dtype)

    def full(shape: Any, fill_value: Any, dtype: Any = None, **_: Any) -> Numbers:
        return _full(shape, fill_value, dtype)

    return full if value is None else fill


def _full(shape: Any, value: Any, dtype: Any) -> Numbers:
    rows, *widths = shape if isinstance(shape, tuple) else (shape,)
    if len(widths) > 1 or not isinstance(rows, Rows):
        raise Untraceable("it moves numbers from row to row")
    found = always(rows.source(), value, *widths)
    return found if dtype is None else found.astype(dtype)


def _reduced(how: str) -> Callable[..., Any]:
    def reduce(x: Any, axis: Any = None, **options: Any) -> Any:
        return _reducible(x).reduced(how, axis, **options)

    return reduce


def _reduced_present(how: str) -> Callable[..., Any]:
    """`np.nanmean` and its like."""

    def reduce(x: Any, axis: Any = None, **options: Any) -> Any:
        return _reducible(x).reduced(how, axis, skipna=True, **options)

    return reduce


def _reducible(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return Stacked(x)
    if not isinstance(x, (Numbers, Frame, Stacked)):
        raise Untraceable("it computes with columns that aren't numbers")
    return x


def _norm(x: Numbers, order: Any = None, axis: Any = None, **options: Any) -> Numbers:
    if order not in (None, 1, 2):
        raise Untraceable("only the norms 1 and 2 can be recorded")
    sizes = x.link("abs") if order == 1 else x * x
    total: Numbers = sizes.reduced("sum", axis, **options)
    return total if order == 1 else total.link("sqrt")


def _deleted(x: Numbers, places: Any, axis: Any = None) -> Numbers:
    if axis not in (1, -1) or x.ndim != 2:
        raise Untraceable("it drops rows")
    return x[:, np.delete(np.arange(x.width), places).tolist()]


def _appended(x: Numbers, others: Any, axis: Any = None) -> Numbers:
    return _beside([x, others], axis=axis)


def _taken(x: Numbers, places: Any, axis: Any = None) -> Numbers:
    if axis not in (1, -1) or x.ndim != 2:
        raise Untraceable("it selects rows")
    return x[:, np.atleast_1d(places).tolist() if np.ndim(places) else int(places)]


def _stacked(parts: Sequence[Any]) -> Stacked:
    if any(isinstance(one, Numbers) and one.ndim != 1 for one in parts):
        raise Untraceable("it puts rows below each other")
    return Stacked(parts)


_SKIPPING = ("sum", "mean", "max", "min", "std", "var")
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
    "zeros_like": _like(0),
    "ones_like": _like(1),
    "empty_like": _like(0),
    "full_like": _like(np.nan),
    "dot": product,
    "norm": _norm,
    "delete": _deleted,
    "append": _appended,
    "take": _taken,
    "searchsorted": _searched,
    "expand_dims": lambda x, axis: x.reshape(-1, 1) if axis in (1, -1) else x.reshape(axis),
    "vstack": _stacked,
    "average": average,
    **{name: _reduced(name) for name in REDUCTIONS},
    **{f"nan{name}": _reduced_present(name) for name in _SKIPPING},
    "amax": _reduced("max"),
    "amin": _reduced("min"),
}
# numpy asks nobody about lists, nor about the numbers of rows in a shape.
OF_LISTS = {name: _FUNCTIONS[name] for name in (*REDUCTIONS, "amax", "amin", "average")}
OF_SHAPES = {
    "zeros": filled(0),
    "ones": filled(1),
    "empty": filled(0),
    "full": filled(None),
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
