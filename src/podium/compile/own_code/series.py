"""Columns of a recorded frame."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Input, Relabelled
from podium.compile.own_code.arithmetic import Kind
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.moments import Moments, Spans
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers
from podium.signature import NUMBERS, TIMES, Field

# Numbers as the program computes with them, by the dtype of the column in training.
USUAL = ("", "int", "int64", "float", "float64", "float32", "bool")


class Other(Recorded):
    """A column whose values can't be recorded; it may be passed on or dropped.

    Such are numbers of few bits, which overflow, and times that aren't of pandas' own type.
    """

    ndim = 1

    def __init__(self, column: Column, noun: str) -> None:
        self.column, self.noun = column, noun

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        return (self.column,)

    def copy(self, *_: Any, **__: Any) -> Other:
        """The same."""
        return self

    def _no_operator(self, _: Any) -> Any:
        raise Untraceable(f"it computes with a {self.noun}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_operator
    __truediv__ = __rtruediv__ = __lt__ = __le__ = __gt__ = __ge__ = _no_operator
    __eq__ = __ne__ = _no_operator
    __hash__ = None


Series: TypeAlias = Numbers | Labels | Moments | Spans | Other
# pandas' own types of times, and their unit.
_TIMES = re.compile(r"datetime64\[(s|ms|us|ns)(?:, .*)?\]")


def series_of(build: Builder, column: Column) -> Series:
    """A column of a frame, which stands in for the plan's."""
    if build.is_text(column):
        return Labels(build, column, "str")
    if isinstance(column, Computed):
        return Numbers(build, build.matrix((column,)), "float", is_pandas=True)
    if isinstance(column, Relabelled):
        return Other(column, "column of labels that an earlier step made")
    field = build.field(column)
    if field.type in NUMBERS and field.dtype not in USUAL:
        return Other(column, f"column of {field.dtype}")
    if field.type in ("float", "integer", "boolean"):
        kind: Kind = field.type
        found = Numbers(build, build.matrix((column,)), kind, is_pandas=True)
        found.source = column
        return found
    if field.type in TIMES:
        return _moments(build, column, field)
    return Labels(build, column)


def _moments(build: Builder, column: Input, field: Field) -> Series:
    match = _TIMES.fullmatch(field.dtype)
    if match is None:
        return Other(column, f"column of times of type {field.dtype or 'object'}")
    return Moments(build, build.times(column), match[1], field.zone, column)
