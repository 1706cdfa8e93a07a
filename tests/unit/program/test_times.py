"""Dates and times as numbers: every part as pandas computes it, and nothing but times."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import Calendar, Clock, Shapes, Times
from podium.program.operations.reading.times import CalendarPart

MOMENTS = pd.to_datetime(
    [
        *("2024-02-29 23:59:59.123456", "1969-12-31 23:59:59.999999", "1900-01-01", None),
        *("2020-12-31 12:00", "2021-01-01 00:30", "2016-01-03", "9999-12-31", "0001-01-01"),
    ],
    format="ISO8601",
).as_unit("us")


def filled(cells) -> tuple[Shapes, list]:
    """A register with these times."""
    shapes, operation = Shapes(1), Times((0,))
    shapes.add(operation.check(shapes))
    return shapes, [operation.prepare(shapes)([cells], [])]


@pytest.mark.parametrize("part", get_args(CalendarPart))
def test_parts_are_those_of_pandas(part: CalendarPart):
    shapes, values = filled(MOMENTS.to_numpy())
    theirs = {
        "week": lambda: MOMENTS.isocalendar().week.to_numpy(float, na_value=np.nan),
        "isoyear": lambda: MOMENTS.isocalendar().year.to_numpy(float, na_value=np.nan),
        "days_in_year": lambda: np.where(MOMENTS.isna(), np.nan, 365.0 + MOMENTS.is_leap_year),
        "dayofweek": lambda: MOMENTS.day_of_week,
        "dayofyear": lambda: MOMENTS.day_of_year,
    }
    expected = theirs.get(part, lambda: getattr(MOMENTS, part))()

    operation = Calendar(0, part)
    found = operation.prepare(shapes)([], values).ravel()

    np.testing.assert_array_equal(found, np.asarray(expected, float))


def test_cells_of_single_rows_are_the_same_numbers():
    _, (whole,) = filled(MOMENTS.to_numpy())
    _, (plain,) = filled(tuple(None if m is pd.NaT else m.to_pydatetime() for m in MOMENTS))
    _, (days,) = filled((dt.date(2024, 2, 29), None))

    np.testing.assert_array_equal(plain, whole)
    np.testing.assert_array_equal(days, [[19782 * 86400e6], [np.nan]])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "+05:30"])
def test_the_clock_of_a_zone_is_that_of_pandas(zone: str):
    moments = pd.date_range("1950-01-01", periods=2000, freq="97h13min", tz="UTC")
    shapes, values = filled(moments.tz_localize(None).to_numpy())
    operation = Clock(0, zone)
    operation.check(shapes)

    found = operation.prepare(shapes)([], values).ravel()
    one = operation.prepare(shapes)([], [values[0][7:8]])

    local = moments.tz_convert(zone).tz_localize(None).as_unit("us")
    np.testing.assert_array_equal(found, local.asi8.astype(float))
    assert one.item() == found[7]


def test_a_time_that_no_double_holds_is_refused():
    with pytest.raises(ModelError, match="fractions of seconds"):
        filled(np.array(["3000-01-01T00:00:00.000001"], "datetime64[us]"))


def test_parts_of_no_calendar_are_missing():
    shapes, _ = filled(MOMENTS.to_numpy())

    found = Calendar(0, "year").prepare(shapes)([], [np.array([[np.inf], [-1e300], [0.0]])])

    np.testing.assert_array_equal(found, [[np.nan], [np.nan], [1970]])


@pytest.mark.parametrize("zone", ["Moon/Sea", "../../etc/passwd", ""])
def test_a_plan_with_an_unknown_zone_is_invalid(zone: str):
    shapes, _ = filled(MOMENTS.to_numpy())

    with pytest.raises(BundleError, match="time zone"):
        Clock(0, zone).check(shapes)
