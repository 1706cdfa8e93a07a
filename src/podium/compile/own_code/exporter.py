"""Exporters of one's own functions and transformers: their code is run once, and recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Any

from podium.compile.builder import Builder
from podium.compile.features import Features, Input, NotCompiled
from podium.compile.own_code.arithmetic import Kind
from podium.compile.own_code.checks import recorded_checks
from podium.compile.own_code.dummies import Dummies
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.nested import exported_estimators
from podium.compile.own_code.pandas_functions import recorded_functions
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.series import series_of
from podium.compile.own_code.tables import with_tables
from podium.compile.own_code.values import Numbers
from podium.compile.own_code.watch import is_own_code, line_of, watched


def recorded(build: Builder, x: Features, estimator: Any, call: Callable[[Any], Any]) -> Features:
    """The columns that code computes from these.

    Whether it does the same at each call is left to verification, which calls the original.

    Args:
        call: the code, as a function of an array or a frame.

    Raises:
        NotCompiled: it does what can't be recorded; with the line where.
    """
    found = recorded_by(build, x, estimator, call)
    if isinstance(found, Labels):  # a vectorizer takes a column of texts
        return found.columns_of_plan
    if isinstance(found, Dummies):
        found.refuse()
    if not isinstance(found, (Frame, Numbers)) or found.ndim != 2:
        raise NotCompiled("its code doesn't return a frame or a matrix made of what it was given")
    return found.columns_of_plan


def recorded_by(build: Builder, x: Features, estimator: Any, call: Callable[[Any], Any]) -> Any:
    """What code returns for these columns: a stand-in, or a constant.

    Args:
        call: the code, as a function of an array or a frame.

    Raises:
        NotCompiled: it does what can't be recorded; with the line where.
    """
    return _first(call, _data(build, x, estimator))


def _first(call: Callable[[Any], Any], stand_ins: Sequence[Callable[[], Any]]) -> Any:
    """What the code returns for the first stand-in with which it can be recorded."""
    first, *others = stand_ins
    try:
        return run_recorded(partial(_called, call, first))
    except NotCompiled:
        for other in others:
            with suppress(NotCompiled):
                return run_recorded(partial(_called, call, other))
        raise


def _called(call: Callable[[Any], Any], stand_in: Callable[[], Any]) -> Any:
    return call(stand_in())


def run_recorded(call: Callable[[], Any]) -> Any:
    """What code returns that computes with recorded data.

    Raises:
        NotCompiled: it does what can't be recorded; with the line where.
    """
    try:
        with recorded_functions(), recorded_checks(), exported_estimators(), watched():
            return call()
    except Exception as error:  # one's own code may raise anything
        number, text = line_of(error.__traceback__)
        where = f"line {number}, `{text}`: " if text else ""
        inner = _innermost(error)
        if isinstance(inner, NotCompiled):  # of a fitted estimator that the code calls
            raise NotCompiled(
                f"{where}{inner.why}", step=inner.step, estimator=inner.estimator
            ) from error
        why = str(inner) if isinstance(inner, Untraceable) else f"{type(inner).__name__}: {inner}"
        if isinstance(inner, TypeError) and "unhashable" in why:
            why = "it looks a value up in a set or a dictionary; `isin` and `map` can be recorded"
        elif isinstance(inner, TypeError) and "OneText" in why:
            why = "it gives each text to code that takes real ones; the methods under `.str` can be recorded"
        raise NotCompiled(f"{where}{why}") from error


def _innermost(error: BaseException) -> BaseException:
    """What a library wrapped into errors of its own."""
    while error.__cause__ is not None and not isinstance(error, (NotCompiled, Untraceable)):
        error = error.__cause__
    return error


def _data(build: Builder, x: Features, estimator: Any) -> Sequence[Callable[[], Any]]:
    """What may stand in for the data: a frame, where the estimator was fitted with one.

    If it doesn't tell, a frame is tried before an array.
    """

    def frame(names: Sequence[Any]) -> Frame:
        pairs = zip(map(str, names), x, strict=True)
        return Frame({name: series_of(build, column) for name, column in pairs}, build=build)

    def array() -> Numbers:
        kinds = {_kind(build, column) for column in x}
        kind: Kind = kinds.pop() if len(kinds) == 1 else "float"
        return Numbers(build, build.matrix(x), kind, ndim=2)

    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return [lambda: frame(names)]
    if build.signature.frame != "pandas" or not all(isinstance(one, Input) for one in x):
        return [array]
    if build.signature.is_series:
        return [lambda: series_of(build, x[0])]
    known = [build.field(one).name for one in x if isinstance(one, Input)]
    return [lambda: frame(known), array]


def _kind(build: Builder, column: Any) -> Kind:
    series = series_of(build, column)
    return series.kind if isinstance(series, Numbers) else "float"


def transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """A transformer of a class that nobody knows, by its `transform`."""
    method = getattr(type(estimator), "transform", None)
    if method is None:
        raise NotCompiled("it has no `transform`")
    method = getattr(method, "__wrapped__", method)  # without scikit-learn's choice of a container
    apart = with_tables(copy(estimator))  # whatever its code keeps for itself isn't kept
    return recorded(build, x, estimator, lambda data: method(apart, data))


def is_own(estimator: Any, name: str) -> bool:
    """Whether a method comes from one's own code rather than from an installed library."""
    method = getattr(type(estimator), name, None)
    method = getattr(method, "__wrapped__", method)
    code = getattr(method, "__code__", None)
    return code is not None and is_own_code(code)
