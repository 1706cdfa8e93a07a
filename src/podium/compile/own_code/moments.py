"""Dates and times, and the time between them, that stand in for a column while code is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Input
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import Calendar, Clock, Missing
from podium.program.operations.reading.times import DAY, SECOND, CalendarPart
from podium.program.operations.rows.elementwise import COMPARISONS, ElementwiseName

_PARTS: Mapping[str, CalendarPart] = {
    **{name: name for name in ("year", "quarter", "month", "day", "hour", "minute", "second")},
    **{name: name for name in ("microsecond", "dayofyear", "days_in_month", "dayofweek")},
    "day_of_week": "dayofweek",
    "weekday": "dayofweek",
    "day_of_year": "dayofyear",
    "daysinmonth": "days_in_month",
}
_UNITS = {"D": DAY, "h": 3600 * SECOND, "min": 60 * SECOND, "s": SECOND, "ms": 1000}
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


class Moments(Operators):
    """A column of dates and times, in microseconds since 1970.

    Attributes:
        register: of the plan: in UTC if there is a zone, otherwise as the clock showed them.
        zone: the name of the time zone, or "".
        unit: in which pandas counts them.
    """

    noun = "column of times"
    ndim = 1

    def __init__(
        self, build: Builder, register: int, unit: str, zone: str = "", source: Input | None = None
    ) -> None:
        self.build, self.register, self.unit, self.zone = build, register, unit, zone
        self.source, self.name = source, ""

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        if self.source is None:
            raise Untraceable("it returns a column of times; take their parts")
        return (self.source,)

    def like(self, register: int, zone: str | None = None) -> Moments:
        """Other moments in the same form."""
        return Moments(self.build, register, self.unit, self.zone if zone is None else zone)

    @property
    def numbers(self) -> Numbers:
        """In microseconds."""
        return Numbers(self.build, self.register, "float", is_pandas=True)

    @property
    def clock(self) -> Numbers:
        """What the clock showed, in microseconds since 1970."""
        if not self.zone:
            return self.numbers
        register = self.build.add(Clock(self.register, self.zone))
        return Numbers(self.build, register, "float", is_pandas=True)

    @property
    def dt(self) -> MomentParts:
        """Parts of the times."""
        return MomentParts(self)

    def copy(self, *_: Any, **__: Any) -> Moments:
        """The same."""
        return Moments(self.build, self.register, self.unit, self.zone, self.source)

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self.numbers.like(self.build.add(Missing(self.register)), "boolean")

    def notna(self) -> Numbers:
        """Whether each is there."""
        return ~self.isna()

    isnull, notnull = isna, notna

    def fillna(self, value: Any) -> Moments:
        """Missing times replaced by one, or by those of another column."""
        found = self.numbers.fillna(self._other(value))
        return self.like(found.register)

    def astype(self, to: Any, **_: Any) -> Any:
        """The same times, or their number in the unit in which pandas counts them."""
        name = str(to)
        if name.startswith("datetime64["):
            return Moments(self.build, self.register, name[11:-1], self.zone)
        if name in ("int64", "int", "<class 'int'>", "<class 'numpy.int64'>") and self.unit == "us":
            return self.numbers.astype(int)
        raise Untraceable(f"it converts times to {to}; subtract a time, and take total_seconds()")

    def between(self, left: Any, right: Any, inclusive: str = "both") -> Numbers:
        """Whether each lies between two times."""
        return self.numbers.between(self._other(left), self._other(right), inclusive)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Any:
        """A comparison, a difference, or times that come later."""
        if name in COMPARISONS:
            if one is self:
                return computed(name, self.numbers, self._other(other))
            return computed(name, self._other(one), self.numbers)
        second = other if one is self else one
        if name in ("add", "subtract") and _is_span(second) and (one is self or name == "add"):
            span = second.numbers if isinstance(second, Spans) else _span(second)
            return self.like(computed(name, self.numbers, span).register)
        if name != "subtract":
            raise Untraceable(f"it computes with times: {name.replace('_', ' ')}")
        pair = (
            (self.numbers, self._other(other)) if one is self else (self._other(one), self.numbers)
        )
        return Spans(self.build, computed(name, *pair).register, self.unit)

    def _other(self, value: Any) -> Any:
        """The numbers of other times, or the number of a constant."""
        if isinstance(value, Moments):
            if bool(value.zone) != bool(self.zone):
                raise Untraceable("it computes with times with and without a zone")
            return value.numbers
        return _moment(value, self.zone)


class MomentParts(Recorded):
    """`.dt` of a column of times."""

    noun = "column of times"

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def __getattr__(self, name: str) -> Any:
        if name in _PARTS:
            return self.part(_PARTS[name])
        if name in _TRUTHS:
            return _TRUTHS[name](self)
        return self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise Untraceable(f"`.dt.{name}` of a column of times can't be recorded")

    def part(self, part: CalendarPart) -> Numbers:
        """One of them as numbers."""
        clock = self._moments.clock
        # Whole numbers of pandas, unless some are missing.
        return clock.like(self._moments.build.add(Calendar(clock.register, part)), "float")

    def isocalendar(self) -> Any:
        """Year, week and day of ISO 8601, as the columns of a frame."""
        parts: dict[str, Any] = {
            "year": self.part("isoyear"),
            "week": self.part("week"),
            "day": self.part("dayofweek") + 1,
        }
        return Recorded.frame_of(parts, build=self._moments.build)

    def normalize(self) -> Moments:
        """Midnight of each day."""
        return self.floor("D")

    def floor(self, freq: Any) -> Moments:
        """The last whole unit before each."""
        if self._moments.zone:
            self._refuse("floor")
        unit = _frequency(freq)
        units = computed("floor_divide", self._moments.numbers, unit)
        return self._moments.like(computed("multiply", units, unit).register)

    def tz_convert(self, zone: Any) -> Moments:
        """The same times in another zone; None is UTC, without a zone."""
        if not self._moments.zone:
            self._refuse("tz_convert")
        return self._moments.like(self._moments.register, "" if zone is None else str(zone))

    def tz_localize(self, zone: Any, **_: Any) -> Moments:
        """Without a zone, or in UTC."""
        if zone is None:
            return self._moments.like(self._moments.clock.register, "")
        if self._moments.zone or str(zone) != "UTC":
            self._refuse("tz_localize")
        return self._moments.like(self._moments.register, "UTC")

    def day_name(self, *locale: Any) -> Any:
        """In English."""
        return self._named(_DAYS, "dayofweek", 0.0, locale)

    def month_name(self, *locale: Any) -> Any:
        """In English."""
        return self._named(_MONTHS, "month", 1.0, locale)

    def _named(self, names: tuple[str, ...], part: CalendarPart, first: float, locale: Any) -> Any:
        if locale:
            raise Untraceable("it asks for names in another language")
        return Recorded.texts_by_number(self.part(part) - first, names)


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _is_first(part: CalendarPart, months: int = 1) -> Callable[[MomentParts], Numbers]:
    def truth(parts: MomentParts) -> Numbers:
        first = computed("equal", parts.part(part), 1)
        month = parts.part("month") - 1
        return computed("logical_and", first, computed("equal", month % months, 0))

    return truth


def _is_last(months: int) -> Callable[[MomentParts], Numbers]:
    def truth(parts: MomentParts) -> Numbers:
        last = computed("equal", parts.part("day"), parts.part("days_in_month"))
        return computed("logical_and", last, computed("equal", parts.part("month") % months, 0))

    return truth


_TRUTHS: Mapping[str, Callable[[MomentParts], Numbers]] = {
    "is_month_start": _is_first("day"),
    "is_quarter_start": _is_first("day", 3),
    "is_year_start": _is_first("day", 12),
    "is_month_end": _is_last(1),
    "is_quarter_end": _is_last(3),
    "is_year_end": _is_last(12),
    "is_leap_year": lambda parts: computed("equal", parts.part("days_in_year"), 366),
}


class Spans(Operators):
    """The time between two moments, in microseconds."""

    noun = "column of time spans"
    ndim = 1

    def __init__(self, build: Builder, register: int, unit: str) -> None:
        self.build, self.register, self.unit = build, register, unit
        self.name = ""

    @property
    def columns_of_plan(self) -> Features:
        """There is no field of such a type."""
        raise Untraceable("it returns a column of time spans; take their `.dt.total_seconds()`")

    @property
    def numbers(self) -> Numbers:
        """In microseconds."""
        return Numbers(self.build, self.register, "float", is_pandas=True)

    @property
    def dt(self) -> SpanParts:
        """Parts of the time spans."""
        return SpanParts(self)

    def copy(self, *_: Any, **__: Any) -> Spans:
        """The same."""
        return Spans(self.build, self.register, self.unit)

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self.numbers.like(self.build.add(Missing(self.register)), "boolean")

    def notna(self) -> Numbers:
        """Whether each is there."""
        return ~self.isna()

    def fillna(self, value: Any) -> Spans:
        """Missing ones replaced."""
        return self._like(self.numbers.fillna(_other_span(value)))

    def abs(self) -> Spans:
        """Without their sign."""
        return self._like(self.numbers.abs())

    def _like(self, numbers: Numbers) -> Spans:
        return Spans(self.build, numbers.register, self.unit)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Any:
        """A comparison, a sum, or how many units of time they are."""
        if name in (*COMPARISONS, "divide", "floor_divide") and one is self and _is_span(other):
            return computed(name, self.numbers, _other_span(other))
        if name in COMPARISONS and _is_span(one):
            return computed(name, _other_span(one), self.numbers)
        if name in ("add", "subtract") and _is_span(one) and _is_span(other):
            return self._like(computed(name, _other_span(one), _other_span(other)))
        raise Untraceable(f"it computes with time spans: {name.replace('_', ' ')}")


class SpanParts(Recorded):
    """`.dt` of a column of time spans."""

    noun = "column of time spans"

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def total_seconds(self) -> Numbers:
        """As doubles; in the units in which pandas counts them, they are rounded."""
        per_second = _PER_SECOND[self._spans.unit]
        counted = self._spans.numbers
        if per_second > SECOND:
            counted = computed("multiply", counted, per_second // SECOND)
        elif per_second < SECOND:
            counted = computed("divide", counted, SECOND // per_second)
        return computed("divide", counted, per_second)

    @property
    def days(self) -> Numbers:
        """Whole days."""
        return computed("floor_divide", self._spans.numbers, DAY)

    @property
    def seconds(self) -> Numbers:
        """Whole seconds of the last day."""
        return computed("floor_divide", computed("remainder", self._spans.numbers, DAY), SECOND)


def _is_span(value: Any) -> bool:
    if isinstance(value, Spans):
        return True
    return isinstance(value, np.timedelta64) or type(value).__name__ in ("timedelta", "Timedelta")


def _other_span(value: Any) -> Any:
    return value.numbers if isinstance(value, Spans) else _span(value)


def _span(value: Any) -> float:
    """A constant span in microseconds."""
    import pandas as pd

    if not _is_span(value):
        raise Untraceable(f"it computes with time spans and a {type(value).__name__}")
    return float(pd.Timedelta(value) / pd.Timedelta(microseconds=1))


def _moment(value: Any, zone: str) -> float:
    """A constant moment in microseconds since 1970."""
    import pandas as pd

    if isinstance(value, Recorded):
        raise Untraceable(f"it computes with times and a {value.noun}")
    try:
        moment = pd.Timestamp(value)
    except (TypeError, ValueError) as error:
        raise Untraceable(f"it computes with times and a {type(value).__name__}") from error
    if zone and moment.tzinfo is None and isinstance(value, str):
        moment = moment.tz_localize(zone)  # as pandas reads texts beside times with a zone
    if bool(zone) != (moment.tzinfo is not None):
        raise Untraceable("it computes with times with and without a zone")
    begin = pd.Timestamp(0, tz="UTC") if zone else pd.Timestamp(0)
    return float((moment - begin) / pd.Timedelta(microseconds=1))


def _frequency(freq: Any) -> int:
    match = re.fullmatch(r"(\d*)([A-Za-z]+)", str(freq))
    if match is None or match[2] not in _UNITS:
        raise Untraceable(f"it rounds times to {freq!r}")
    return int(match[1] or 1) * _UNITS[match[2]]
