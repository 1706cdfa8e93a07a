"""Dates and times as numbers: moments, the clocks of time zones, and parts of the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Column,
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.signature.zones import zone_of

CalendarPart: TypeAlias = Literal[
    "year",
    "quarter",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "microsecond",
    "dayofweek",
    "dayofyear",
    "days_in_month",
    "days_in_year",
    "week",
    "isoyear",
]

SECOND = 1_000_000
DAY = 86_400 * SECOND
# Every whole number up to this one is a double; so is every whole second up to the year 10,000.
_EXACT = 1 << 53
# Moments that are computed may lie outside of any calendar.
_FARTHEST = 1 << 60
_NEVER = np.iinfo(np.int64).min
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_Whole: TypeAlias = NDArray[np.int64]


class Times(Operation, frozen=True, tag="times"):
    """Columns of dates and times as microseconds since 1970, as the table has them; NaN is missing.

    That is in UTC where the field has a time zone, and otherwise what the clock showed.
    """

    may_warn: ClassVar[bool] = False

    columns: tuple[Column, ...]

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """All of them."""
        return self.columns

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of columns."""
        shapes.columns(self.columns)
        require(len(self.columns) > 0, "no column is read")
        return Shape(len(self.columns))

    def prepare(self, _shapes: Shapes) -> Step:
        """The columns side by side."""
        selected = self.columns
        return lambda columns, _: np.array([_moments(columns[c]) for c in selected]).T


def _moments(cells: Any) -> Floats:
    whole = np.asarray(cells, "datetime64[us]").view(np.int64)
    numbers = whole.astype(np.float64)
    holes = whole == _NEVER
    if holes.any():
        numbers[holes] = np.nan
    far = ~holes & (np.abs(whole) > _EXACT)
    if far.any() and (numbers[far].astype(np.int64) != whole[far]).any():
        raise ModelError("the model takes no fractions of seconds in times that far away")
    return numbers


class Clock(Operation, frozen=True, tag="clock"):
    """Moments in UTC as what the clock shows in a time zone at that moment.

    Attributes:
        zone: its name or offset, as in `Europe/Berlin`.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    zone: str

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what it reads."""
        require(zone_of(self.zone) is not None, f"{self.zone[:50]!r} isn't a known time zone")
        return Shape(shapes.matrix(self.x).width)

    def prepare(self, _shapes: Shapes) -> Step:
        """Each different moment once."""
        x, zone = self.x, zone_of(self.zone)

        def shift(moment: float) -> float:
            if moment != moment:
                return moment
            there = (_EPOCH + dt.timedelta(microseconds=moment)).astimezone(zone)
            offset = there.utcoffset() or dt.timedelta()
            return moment + float(offset // dt.timedelta(microseconds=1))

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            numbers = values[x]
            if numbers.size == 1:
                return np.array([[shift(numbers.item())]])
            moments, places = np.unique(numbers, return_inverse=True)
            shifted = np.array([shift(moment) for moment in moments.tolist()], np.float64)
            return shifted[places].reshape(numbers.shape)

        return run


class Calendar(Operation, frozen=True, tag="calendar"):
    """A part of dates and times, each given in microseconds since 1970; NaN stays.

    Attributes:
        part: which; Monday is day 0 of a week, and weeks are those of ISO 8601.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    part: CalendarPart

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what it reads."""
        return Shape(shapes.matrix(self.x).width)

    def prepare(self, _shapes: Shapes) -> Step:
        """In whole numbers."""
        x, part = self.x, _PARTS[self.part]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            numbers = values[x]
            known = np.abs(numbers) < _FARTHEST
            if known.all():
                return part(numbers.astype(np.int64)).astype(np.float64)
            found = part(np.where(known, numbers, 0.0).astype(np.int64))
            return np.where(known, found, np.nan)

        return run


def _days(moments: _Whole) -> _Whole:
    return moments // DAY


def _starts(days: _Whole, unit: str, ahead: int = 0) -> _Whole:
    """The day on which the month or year of each day begins, or one that comes later."""
    begin = days.view("datetime64[D]").astype(f"datetime64[{unit}]") + ahead
    return begin.astype("datetime64[D]").view(np.int64)


def _of_time(unit: int, n_units: int) -> Callable[[_Whole], _Whole]:
    return lambda moments: moments // unit % n_units


def _year(days: _Whole) -> _Whole:
    return days.view("datetime64[D]").astype("datetime64[Y]").view(np.int64) + 1970


def _month(days: _Whole) -> _Whole:
    return days.view("datetime64[D]").astype("datetime64[M]").view(np.int64) % 12 + 1


def _length(unit: str) -> Callable[[_Whole], _Whole]:
    return lambda days: _starts(days, unit, 1) - _starts(days, unit)


def _thursday(days: _Whole) -> _Whole:
    """Of the same week: it lies in the year to which ISO 8601 counts the week."""
    return days - (days + 3) % 7 + 3


def _week(days: _Whole) -> _Whole:
    thursday = _thursday(days)
    return (thursday - _starts(thursday, "Y")) // 7 + 1


_OF_DAYS: dict[CalendarPart, Callable[[_Whole], _Whole]] = {
    "year": _year,
    "quarter": lambda days: (_month(days) + 2) // 3,
    "month": _month,
    "day": lambda days: days - _starts(days, "M") + 1,
    "dayofweek": lambda days: (days + 3) % 7,
    "dayofyear": lambda days: days - _starts(days, "Y") + 1,
    "days_in_month": _length("M"),
    "days_in_year": _length("Y"),
    "week": _week,
    "isoyear": lambda days: _year(_thursday(days)),
}
_PARTS: dict[CalendarPart, Callable[[_Whole], _Whole]] = {
    "hour": _of_time(3600 * SECOND, 24),
    "minute": _of_time(60 * SECOND, 60),
    "second": _of_time(SECOND, 60),
    "microsecond": _of_time(1, SECOND),
    **{name: lambda moments, part=part: part(_days(moments)) for name, part in _OF_DAYS.items()},  # type: ignore[misc]
}
