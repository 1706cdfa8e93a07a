"""feature_engine's parts of times, and the time between two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.clocks import Clocks, read_times
from podium.compile.exporters.feature_engine.columns import (
    Columns,
    is_never_missing,
    named,
    remaining_columns,
)
from podium.compile.features import Column, Features, Input, NotCompiled, Relabelled
from podium.program.operations import Elementwise, Finite, Link
from podium.program.operations.reading.times import DAY, CalendarPart
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.signature import TIMES

_NONE = np.empty((0, 1))
# The ordinal of the first of January 1970, as Python counts days.
_EPOCH = 719_163
# Texts that pandas reads as no time at all, whatever the format.
_NOTHING = tuple((text, None) for text in ("", "NAN", "NAT", "NaN", "NaT", "nan", "nat"))
_PARTS: Mapping[str, CalendarPart] = {
    "day_of_month": "day",
    "day_of_week": "dayofweek",
    "day_of_year": "dayofyear",
    "days_in_month": "days_in_month",
    "hour": "hour",
    "minute": "minute",
    "month": "month",
    "quarter": "quarter",
    "second": "second",
    "week": "week",
    "year": "year",
}


def _checked(build: Builder, x: int, name: ElementwiseName, number: float) -> int:
    return build.add(Elementwise((x,), name, (0, -1), np.array([[number]])))


def _same(build: Builder, one: int, other: int) -> int:
    return build.add(Elementwise((one, other), "equal", (0, 1), _NONE))


def _both(build: Builder, one: int, other: int) -> int:
    return build.add(Elementwise((one, other), "logical_and", (0, 1), _NONE))


def _first_of(build: Builder, clocks: Clocks) -> int:
    return _checked(build, clocks.part("day"), "equal", 1.0)


def _last_of(build: Builder, clocks: Clocks) -> int:
    return _same(build, clocks.part("day"), clocks.part("days_in_month"))


def _of_quarter(build: Builder, clocks: Clocks, after: float) -> int:
    """Whether it is the month that comes so long after a quarter's begin."""
    rest = _checked(build, clocks.part("month"), "remainder", 3.0)
    return _checked(build, rest, "equal", (1.0 + after) % 3.0)


def _semester(build: Builder, clocks: Clocks) -> int:
    is_first = _checked(build, clocks.part("month"), "less_equal", 6.0)
    return build.scale(is_first, multiply=-1.0, add=2.0)


def _weekend(build: Builder, clocks: Clocks) -> int:
    is_workday = _checked(build, clocks.part("dayofweek"), "less_equal", 4.0)
    return build.scale(is_workday, multiply=-1.0, add=1.0)


_COMPUTED: Mapping[str, Callable[[Builder, Clocks], int]] = {
    "leap_year": lambda build, c: _checked(build, c.part("days_in_year"), "equal", 366.0),
    "month_end": _last_of,
    "month_start": _first_of,
    "quarter_end": lambda build, c: _both(build, _last_of(build, c), _of_quarter(build, c, 2.0)),
    "quarter_start": lambda build, c: _both(build, _first_of(build, c), _of_quarter(build, c, 0.0)),
    "semester": _semester,
    "weekend": _weekend,
    "year_end": lambda build, c: _same(build, c.part("dayofyear"), c.part("days_in_year")),
    "year_start": lambda build, c: _checked(build, c.part("dayofyear"), "equal", 1.0),
}


def _clocks(estimator: Any, build: Builder, column: Column) -> Clocks:
    """The times of a column, which may be written as texts."""
    if isinstance(column, Input) and build.field(column).type in TIMES:
        return Clocks(build, column, is_utc=bool(estimator.utc))
    if estimator.format is None or estimator.utc:
        raise NotCompiled(
            "it guesses the format of times anew for each batch of rows; tell it the format"
        )
    if estimator.missing_values == "raise" and not is_never_missing(build, column):
        raise NotCompiled("it refuses missing texts of times, but not those that say nothing")
    texts = Relabelled(base=column, labels=_NOTHING, keeps_unknown=True)
    return Clocks(build, read_times(build, texts, estimator.format, is_strict=True))


def _checked_times(estimator: Any, build: Builder, x: int, column: Column) -> int:
    """Numbers made of times; a missing time is refused where the original refuses it.

    It looks at the column as it comes, in which a text that says nothing isn't missing.
    """
    is_time = isinstance(column, Input) and build.field(column).type in TIMES
    refuses = is_time and estimator.missing_values == "raise"
    return build.add(Finite(x)) if refuses else x


def datetime_features(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by parts of the times."""
    if estimator.variables == "index":
        raise NotCompiled("it takes the index of the frame; make a column of it")
    columns, variables = named(estimator, x), list(estimator.variables_)
    made: list[Features] = []
    for name in variables:
        clocks = _clocks(estimator, build, columns[name])
        for feature in estimator.features_to_extract_:
            register = (
                clocks.part(_PARTS[feature])
                if feature in _PARTS
                else _COMPUTED[feature](build, clocks)
            )
            register = _checked_times(estimator, build, register, columns[name])
            made.append(build.features(register))
    return _with(columns, variables if estimator.drop_original else (), made)


def datetime_subtraction(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by the time between some and others."""
    columns = named(estimator, x)
    variables, references = list(estimator.variables_), list(estimator.reference_)
    unit = np.timedelta64(1, estimator.output_unit).astype("timedelta64[ns]")
    length = float(unit.astype(np.int64)) / 1000.0
    moments = {
        name: _clocks(estimator, build, columns[name]).moments
        for name in dict.fromkeys((*variables, *references))
    }
    made: list[Features] = []
    for reference in references:
        for name in variables:
            pair = (moments[name], moments[reference])
            register = build.add(Elementwise(pair, "subtract", (0, 1), _NONE))
            for one in (name, reference):
                register = _checked_times(estimator, build, register, columns[one])
            made.append(build.features(build.scale(register, divide=length)))
    dropped = (*variables, *references) if estimator.drop_original else ()
    return _with(columns, dropped, made)


def datetime_ordinal(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by the number of each day."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    made: list[Features] = []
    start = estimator.start_date_ordinal_
    for name in variables:
        shown = Clocks(build, columns[name]).shown
        days = build.add(Link(build.scale(shown, divide=float(DAY)), "floor"))
        days = _checked_times(estimator, build, days, columns[name])
        offset = _EPOCH if start is None else _EPOCH - start + 1
        made.append(build.features(build.scale(days, add=float(offset))))
    return _with(columns, variables if estimator.drop_original else (), made)


def _with(columns: Columns, dropped: Sequence[Any], made: Sequence[Features]) -> Features:
    return (*remaining_columns(columns, dropped), *(column for one in made for column in one))


TRANSFORMERS = {
    "feature_engine.DatetimeFeatures": datetime_features,
    "feature_engine.DatetimeOrdinal": datetime_ordinal,
    "feature_engine.DatetimeSubtraction": datetime_subtraction,
}
