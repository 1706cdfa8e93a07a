"""What pandas' functions do with recorded columns, while code is recorded."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np

from podium.compile.own_code import dummies
from podium.compile.own_code.dates import to_datetime
from podium.compile.own_code.frames import Frame, beside
from podium.compile.own_code.labels import Labels, named
from podium.compile.own_code.numpy_functions import (
    ARRAYS,
    OF_LISTS,
    OF_SHAPES,
    ColumnStacker,
    array_of,
)
from podium.compile.own_code.recorded import Recorded, Rows, Untraceable
from podium.compile.own_code.single_texts import OneText, OneTextParts
from podium.compile.own_code.stacks import Stacked
from podium.compile.own_code.values import Numbers, computed
from podium.compile.own_code.watch import is_called_as
from podium.program.operations import Bin

_recording = RLock()


@contextmanager
def recorded_functions() -> Iterator[None]:
    """Functions of pandas, those of numpy that make arrays, and `re` know recorded data meanwhile.

    For these there is no protocol, as there is for most of numpy; nor for `len`. Calls with anything else are
    passed on. One thread at a time: two would each put back what the other one had changed.
    """
    with _recording:
        yield from _changed()


def _changed() -> Iterator[None]:
    import pandas as pd

    changes: list[tuple[Any, str, Any]] = [
        *((pd, name, _either(getattr(pd, name), own)) for name, own in _FUNCTIONS.items()),
        *((np, name, _either(getattr(np, name), array_of)) for name in ARRAYS),
        *((np, name, _either(getattr(np, name), own)) for name, own in OF_LISTS.items()),
        *((np, name, _of_shape(getattr(np, name), own)) for name, own in OF_SHAPES.items()),
        (pd, "Categorical", _class(pd.Categorical, _made_categories)),
        (pd, "DataFrame", _class(pd.DataFrame, _made_frame)),
        (pd, "Series", _class(pd.Series, _made_series)),
        (np, "c_", ColumnStacker(np.c_)),
        *((re, name, _of_texts(getattr(re, name))) for name in _LOOKING),
        (builtins, "len", _length(len)),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    try:
        for module, name, new in changes:
            setattr(module, name, new)
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _either(original: Callable[..., Any], recorded: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        if not args:
            name = next((one for one in _DATA if one in options), None)
            if name is None:
                return original(**options)
            args = (options.pop(name),)
        first, *others = args
        parts = list(first.values()) if isinstance(first, Mapping) else first
        some = parts if isinstance(parts, (list, tuple)) else [parts]
        if any(isinstance(one, Recorded) for one in some):
            return recorded(first, *others, **options)
        return original(*args, **options)

    return call


# Of Python's `re`: what is given each text.
_LOOKING = ("sub", "search", "match", "fullmatch", "findall")


def _of_texts(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        text = next((one for one in (*args, *options.values()) if isinstance(one, OneText)), None)
        if text is None:
            return original(*args, **options)
        if original.__name__ == "sub":
            return text.substituted(*args, **options)
        if original.__name__ == "findall":
            raise Untraceable("it calls re.findall for each text; `.str.findall` can be recorded")
        pattern, _, *flags = (*args, *options.values())
        how: Any = original.__name__
        return text.found(how, pattern, *flags)

    return call


# How pandas' functions call their first argument.
_DATA = ("data", "objs", "x", "obj", "arg", "values")


def _length(original: Callable[[Any], int]) -> Callable[[Any], Any]:
    """Python's `len` insists on a number."""

    def length(data: Any) -> Any:
        if type(data) in (OneText, OneTextParts):  # a text says to `isinstance` that it is a `str`
            return data.length()
        has_rows = isinstance(data, Recorded) and not isinstance(data, Stacked)
        return data.shape[0] if has_rows and hasattr(data, "shape") else original(data)

    return length


def _of_shape(original: Callable[..., Any], recorded: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        shape = args[0] if args else options.get("shape")
        some = shape if isinstance(shape, tuple) else (shape,)
        if not any(isinstance(one, Rows) for one in some):
            return original(*args, **options)
        if not is_called_as(original.__name__):
            raise Untraceable(
                "it asks compiled code for as many numbers as there are rows, as np.random does"
            )
        return recorded(*args, **options)

    return call


def _class(original: Any, made: Callable[..., Any]) -> Any:
    """A class that makes something recorded of recorded columns, and is pandas' own otherwise.

    Args:
        made: returns what is made of these arguments, or None.
    """

    class Kind(type(original)):  # type: ignore[misc]
        def __call__(cls, data: Any = None, *args: Any, **options: Any) -> Any:
            found = made(data, *args, **options)
            return original(data, *args, **options) if found is None else found

        def __instancecheck__(cls, one: Any) -> bool:
            return isinstance(one, original)

    return Kind(original.__name__, (original,), {})


def _made_frame(data: Any, index: Any = None, columns: Any = None, *_: Any, **__: Any) -> Any:
    if isinstance(data, Frame):
        return _renamed(data.copy(), columns)
    if isinstance(data, Numbers):
        return _of_array(data, columns)
    if isinstance(data, Mapping) and any(isinstance(one, Recorded) for one in data.values()):
        return _of_columns(data)
    if isinstance(index, Rows):
        frame = Frame({}, build=index.source().build, source=index.source)
        names = data if isinstance(data, Mapping) else dict.fromkeys(columns or (), data)
        return frame.assign(**names)
    return None


def _made_series(
    data: Any, index: Any = None, dtype: Any = None, name: Any = None, *_: Any, **__: Any
) -> Any:
    if isinstance(data, Numbers):
        found: Any = data.like(data.register, data.kind, ndim=1, is_pandas=True)
    elif isinstance(data, Recorded) and hasattr(data, "copy"):
        found = data.copy()
    elif isinstance(index, Rows):
        found = Frame({}, build=index.source().build, source=index.source).assign(one=data)["one"]
    else:
        return None
    if dtype is not None:
        found = found.astype(dtype)
    found.name = name or ""
    return found


def _renamed(frame: Frame, names: Any) -> Frame:
    if names is None:
        return frame
    if frame.is_array:
        pairs = zip(names, frame.series.values(), strict=True)
        return Frame(dict(pairs), build=frame.build)
    return frame.selected(names)


def _of_array(data: Numbers, names: Any) -> Frame:
    names = range(data.width) if names is None else list(names)
    columns = [data] if data.ndim == 1 else [data[:, n] for n in range(data.width)]
    pairs = zip(names, columns, strict=True)
    series = {name: one.like(one.register, one.kind, is_pandas=True) for name, one in pairs}
    return Frame(series, build=data.build)


def _of_columns(data: Mapping[str, Any]) -> Frame:
    build = next(one.build for one in data.values() if hasattr(one, "build"))
    recorded = {name: one for name, one in data.items() if isinstance(one, Recorded)}
    frame = Frame({}, build=build)
    for name, one in recorded.items():
        frame[name] = one
    for name, one in data.items():
        if name not in recorded:
            frame[name] = one
    return frame.selected(data)


def _concat(parts: Any, *, axis: Any = 0, **_: Any) -> Any:
    if axis not in (1, "columns"):
        raise Untraceable("it puts rows below each other")
    some = list(parts.values()) if isinstance(parts, Mapping) else list(parts)
    if any(isinstance(one, dummies.Dummies) for one in some):
        return dummies.beside(some)
    build = next(one.build for one in some if hasattr(one, "build"))
    return beside(some, build)


def _cut(x: Numbers, bins: Any, *, right: bool = True, labels: Any = None, **options: Any) -> Any:
    if options or not np.iterable(bins) or isinstance(bins, Recorded):
        raise Untraceable("its bins depend on the other rows")
    edges = np.asarray(bins, np.float64)
    if labels is None:
        raise Untraceable("pd.cut that returns intervals can't be recorded; give it labels")
    starts = np.array([0, len(edges)], np.int32)
    place = x.like(x.build.add(Bin(x.register, edges, starts, or_equal=not right)), "float") - 1
    is_inside = (place >= 0) & (place < len(edges) - 1)
    if labels is False:
        return computed("where", is_inside & x.notna(), place, np.nan)
    if all(isinstance(one, str) for one in labels):
        found_texts = named(computed("where", is_inside & x.notna(), place, np.nan), labels)
        found_texts.categories = tuple(labels)
        return found_texts
    found = computed("where", is_inside & x.notna(), np.nan, np.nan)
    for n, label in enumerate(labels):
        found = computed("where", (place == n) & x.notna(), label, found)
    return found


def _qcut(*_: Any, **__: Any) -> Any:
    raise Untraceable(
        "pd.qcut depends on the other rows; find the edges in `fit`, with pd.qcut(..., retbins=True), "
        "and use pd.cut with them"
    )


def _made_categories(x: Any, categories: Any = None, *_: Any, dtype: Any = None, **__: Any) -> Any:
    if not isinstance(x, Recorded):
        return None
    if not isinstance(x, Labels):
        raise Untraceable("pd.Categorical of a column that isn't texts can't be recorded")
    if categories is None:
        return x.astype("category" if dtype is None else dtype)
    return x.set_categories(categories)


def _to_numeric(x: Any, errors: str = "raise", downcast: Any = None, **options: Any) -> Any:
    if options or (downcast and isinstance(x, Labels)):
        raise Untraceable("pd.to_numeric to another type of numbers can't be recorded")
    if isinstance(x, Labels):
        return x.numbers("numeric" if errors == "raise" else "numeric_or_missing")
    return x.copy()


def _merge(left: Any, right: Any, *args: Any, **options: Any) -> Any:
    if not isinstance(left, Recorded):
        raise Untraceable("it merges a constant frame with the rows; merge the rows with it")
    return left.merge(right, *args, **options)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": _concat,
    "cut": _cut,
    "get_dummies": dummies.get_dummies,
    "qcut": _qcut,
    "merge": _merge,
    "isna": lambda x: x.isna(),
    "isnull": lambda x: x.isna(),
    "notna": lambda x: x.notna(),
    "notnull": lambda x: x.notna(),
    "to_datetime": to_datetime,
    "to_numeric": _to_numeric,
}
