"""scikit-learn's checks of data, as they are recorded: what they refuse is refused by the program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np

from podium.compile.own_code.frames import Frame
from podium.compile.own_code.numpy_functions import array_of
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import Finite, Impute, Select


@contextmanager
def recorded_checks() -> Iterator[None]:
    """Meanwhile, scikit-learn's checks know recorded data; calls with anything else are passed on.

    One's own code has imported these functions by name. So it is their code that is exchanged: each
    step leaves a function that another thread can call.
    """
    changed = [(function, function.__code__, own) for function, own in _functions()]
    before = [function.__kwdefaults__ for function, _, _ in changed]
    try:
        for function, _, own in changed:
            either = _either(_copy_of(function), own)
            function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), "__either__": either}
            function.__code__ = _forward.__code__
        yield
    finally:
        for (function, code, _), defaults in zip(changed, before, strict=True):
            function.__code__ = code
            function.__kwdefaults__ = defaults


def _forward(*args: Any, __either__: Any, **options: Any) -> Any:
    return __either__(*args, **options)


def _functions() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """scikit-learn's functions, as far as this version has them, and what is recorded instead."""
    module = sys.modules.get("sklearn.utils.validation")
    if module is None:
        return
    base = sys.modules["sklearn.base"].BaseEstimator
    for owner, name, own in (
        (module, "check_array", _check_array),
        (module, "validate_data", _validate_data),
        (module, "assert_all_finite", _assert_all_finite),
        (base, "_validate_data", _validate_data),  # before version 1.6
    ):
        function = getattr(owner, name, None)
        if isinstance(function, FunctionType) and function.__closure__ is None:
            yield function, own


def _copy_of(function: Any) -> Any:
    copied = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied


def _either(original: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        some = (*args[:2], options.get("X"), options.get("array"))
        chosen = own if any(isinstance(one, Recorded) for one in some) else original
        return chosen(*args, **options)

    return call


def _check_array(
    array: Any,
    _accept_sparse: Any = False,
    *,
    dtype: Any = "numeric",
    ensure_all_finite: Any = True,
    force_all_finite: Any = None,
    ensure_non_negative: bool = False,
    ensure_2d: bool = True,
    ensure_min_samples: int = 1,
    **_: Any,
) -> Any:
    numbers = array_of(array)
    if ensure_2d and numbers.ndim != 2:
        raise Untraceable("it checks a single column as a matrix")
    if ensure_min_samples > 1:
        raise Untraceable("it asks for the number of rows")
    is_finite = ensure_all_finite if force_all_finite is None else force_all_finite
    if is_finite is not False:
        numbers = _refusing(array, numbers, may_miss=is_finite == "allow-nan")
    if ensure_non_negative:
        numbers = numbers.like(numbers.build.add(Finite(numbers.register, 0.0)), numbers.kind)
    return _converted(numbers, dtype).copy()


def _validate_data(
    estimator: Any,
    X: Any = "no_validation",  # noqa: N803 - scikit-learn's name
    y: Any = "no_validation",
    reset: bool = True,
    _validate_separately: Any = False,
    skip_check_array: bool = False,
    **params: Any,
) -> Any:
    if y is not None and not isinstance(y, str):
        raise Untraceable("it checks a target, which isn't there at prediction")
    found = X if skip_check_array else _check_array(X, **params)
    n_expected = getattr(estimator, "n_features_in_", found.shape[1])
    if not reset and found.shape[1] != n_expected:
        raise Untraceable(f"it was fitted with {n_expected} columns and gets {found.shape[1]}")
    return found


def _assert_all_finite(rows: Any, *, allow_nan: bool = False, **_: Any) -> None:
    _refusing(rows, array_of(rows), may_miss=allow_nan)


def _refusing(checked: Any, numbers: Numbers, *, may_miss: bool) -> Numbers:
    """The numbers, refused where they aren't finite; from now on, what was checked is refused, too.

    Code needn't go on with what a check returns.
    """
    build = numbers.build
    if may_miss:
        there = build.add(Finite(build.add(Impute(numbers.register, np.zeros(numbers.width)))))
        checked_numbers = numbers.like(there, numbers.kind)
        found = computed("where", numbers.isna(), np.nan, checked_numbers)
    else:
        found = numbers.like(build.add(Finite(numbers.register)), numbers.kind)
    if isinstance(checked, Numbers):
        checked.become(found)
    elif isinstance(checked, Frame):
        for place, (name, one) in enumerate(checked.series.items()):
            register = build.add(Select(found.register, np.array([place], np.int32)))
            checked.series[name] = one.like(register, one.kind)
    return found


def _converted(numbers: Numbers, dtype: Any) -> Numbers:
    """As `dtype` wants them: a type, several that are as good, or "numeric"."""
    if dtype is None or (isinstance(dtype, str) and dtype == "numeric"):
        return numbers
    types = dtype if isinstance(dtype, (list, tuple)) else [dtype]
    own = np.float32 if numbers.build.is_single(numbers.register) else numbers.dtype
    return numbers if any(own == np.dtype(one) for one in types) else numbers.astype(types[0])
