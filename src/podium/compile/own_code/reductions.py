"""Sums, means and their like over the columns of each row, or over several arrays at each place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np

from podium.compile.own_code.recorded import Untraceable
from podium.program.operations import Largest, Link, Lookup

# Columns or arrays of recorded numbers; whether missing ones are skipped; and options.
_Reduction: TypeAlias = Callable[..., Any]


class Reductions(ABC):
    """Methods that make one number of several.

    Attributes:
        skips_missing: whether they skip missing numbers, as pandas does.
    """

    skips_missing = False

    @abstractmethod
    def reduced_parts(self, how: str, axis: Any) -> Sequence[Any]:
        """The numbers of which one is made.

        Raises:
            Untraceable: they come from other rows.
        """

    def reduced(self, how: str, axis: Any = None, **options: Any) -> Any:
        """What a function of `REDUCTIONS` makes of them."""
        if "numeric_only" in options:
            options.pop("numeric_only")
        keeps_dimension = options.pop("keepdims", False)
        skips = options.pop("skipna", self.skips_missing)
        parts = self.reduced_parts(how, axis)
        if options.keys() - {"ddof"}:
            raise Untraceable(f"its {how} has the option {min(options)}, which can't be recorded")
        found = REDUCTIONS[how](parts, skips, **options)
        return found.like(found.register, found.kind, ndim=2) if keeps_dimension else found


def _method(how: str) -> Callable[..., Any]:
    def method(self: Reductions, axis: Any = None, **options: Any) -> Any:
        return self.reduced(how, axis, **options)

    method.__name__, method.__doc__ = how, f"Its {how} in each row."
    return method


def _folded(name: Any, parts: Sequence[Any]) -> Any:
    return reduce(lambda one, other: one.compute(name, one, other), parts)


def _counted(part: Any) -> Any:
    """Truths as the numbers that are added up."""
    return part.like(part.register, "integer") if part.kind == "boolean" else part


def _sum(parts: Sequence[Any], skips: bool) -> Any:
    return _folded("add", [_counted(one.fillna(0) if skips else one) for one in parts])


def _prod(parts: Sequence[Any], skips: bool) -> Any:
    return _folded("multiply", [_counted(one.fillna(1) if skips else one) for one in parts])


def _count(parts: Sequence[Any]) -> Any:
    return _folded("add", [_counted(one.notna()) for one in parts])


def _mean(parts: Sequence[Any], skips: bool) -> Any:
    return _sum(parts, skips) / (_count(parts) if skips else len(parts))


def _var(parts: Sequence[Any], skips: bool, ddof: Any = None) -> Any:
    ddof = (1 if skips else 0) if ddof is None else ddof
    mean = _mean(parts, skips)
    squares = [(one - mean) ** 2 for one in parts]
    return _sum(squares, skips) / ((_count(parts) if skips else len(parts)) - ddof)


def _std(parts: Sequence[Any], skips: bool, ddof: Any = None) -> Any:
    return _var(parts, skips, ddof).link("sqrt")


def _extreme(name: str, parts: Sequence[Any], skips: bool) -> Any:
    return _folded(f"f{name[:3]}" if skips else name, parts)


def _any(parts: Sequence[Any], skips: bool) -> Any:
    return _folded("logical_or", _truths(parts, skips))


def _all(parts: Sequence[Any], _skips: bool) -> Any:
    return _folded("logical_and", _truths(parts, False))


def _truths(parts: Sequence[Any], skips: bool) -> Sequence[Any]:
    return [(one.fillna(0) if skips else one) != 0 for one in parts]


def _matrix(parts: Sequence[Any]) -> Any:
    """Columns side by side."""
    first = parts[0]
    if any(one.width != 1 for one in parts):
        raise Untraceable("it compares matrices place by place")
    columns = tuple(column for one in parts for column in one.columns_of_plan)
    return first.like(first.build.matrix(columns), "float", ndim=2)


def _median(parts: Sequence[Any], skips: bool) -> Any:
    if skips:
        raise Untraceable("a median that skips missing numbers can't be recorded")
    matrix = _matrix(parts)
    in_order = matrix.like(matrix.build.add(Link(matrix.register, "sort")), "float")
    high = in_order[:, len(parts) // 2]
    middle = high if len(parts) % 2 else (in_order[:, len(parts) // 2 - 1] + high) / 2
    return middle.compute("where", _any([one.isna() for one in parts], False), np.nan, middle)


def _argmax(parts: Sequence[Any], skips: bool) -> Any:
    if skips:
        raise Untraceable("the place of the largest can't be recorded for frames; take an array")
    matrix = _matrix(parts)
    build = matrix.build
    places = np.arange(float(len(parts)))[:, None]
    register = build.add(Lookup(build.add(Largest(matrix.register)), places))
    return matrix.like(register, "integer", ndim=1)


def _argmin(parts: Sequence[Any], skips: bool) -> Any:
    return _argmax([-one for one in parts], skips)


REDUCTIONS: Mapping[str, _Reduction] = {
    "sum": _sum,
    "prod": _prod,
    "mean": _mean,
    "var": _var,
    "std": _std,
    "max": partial(_extreme, "maximum"),
    "min": partial(_extreme, "minimum"),
    "any": _any,
    "all": _all,
    "median": _median,
    "argmax": _argmax,
    "argmin": _argmin,
}
for _how in REDUCTIONS:
    setattr(Reductions, _how, _method(_how))
