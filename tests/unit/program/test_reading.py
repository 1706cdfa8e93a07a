"""Times that are written as texts are read, and what is no format is refused with the plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import ReadTimes, Shape, Shapes, Texts

DAY = 86_400_000_000


def shapes():
    found = Shapes(1)
    found.add(Texts(0).check(found))
    return found


def read(form, texts, **options):
    operation = ReadTimes(0, form, **options)
    assert operation.check(shapes()) == Shape(1)
    return operation.prepare(shapes())([], [texts]).ravel()


def test_texts_are_read_and_what_is_written_otherwise_is_missing():
    found = read("%d/%m/%Y", ["02/01/1970", "31/12/1969", "1970-01-02", "30/02/1970", None])

    np.testing.assert_array_equal(found, [DAY, -DAY, np.nan, np.nan, np.nan])


def test_offsets_lead_to_utc():
    found = read("%Y-%m-%d %H:%M%z", ["1970-01-01 02:00+01:00"])

    assert found.tolist() == [3_600_000_000]


def test_another_format_is_refused_where_the_original_refuses_it():
    assert np.isnan(read("%Y", [None], is_strict=True)).all()
    with pytest.raises(ModelError, match="another format"):
        read("%Y", ["1970", "last year"], is_strict=True)


@pytest.mark.parametrize("form", ["%Y %Y", "%Q", "now", "", "%", "%Y" + " " * 100, "%-d"])
def test_a_format_that_is_none_is_refused(form):
    with pytest.raises(BundleError):
        ReadTimes(0, form).check(shapes())


def test_numbers_are_no_texts():
    numbers = Shapes(1)
    numbers.add(Shape(1))

    with pytest.raises(BundleError):
        ReadTimes(0, "%Y").check(numbers)


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%d/%m/%Y %H:%M", "%b %d, %Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S%z"]
)
def test_texts_are_read_as_pandas_reads_them(form: str):
    moment = pd.Timestamp("2024-02-29 13:07", tz="UTC")
    text = moment.strftime(form)
    others = [
        text.upper(),
        f" {text}",
        f"{text} ",
        text[:-1],
        "",
        "NaT",
        "nan",
        "None",
        "?",
        text.replace("29", "30"),
    ]

    for one in (text, *others):
        theirs = pd.to_datetime(pd.Series([one]), format=form, errors="coerce", utc=True)
        expected = np.nan if theirs.isna()[0] else theirs[0].as_unit("us")._value
        try:
            found = read(form, [one], is_pandas=True)
        except ModelError:  # an offset that both read, but not alike
            assert "%z" in form
        else:
            np.testing.assert_array_equal(found, [expected], one)


def test_what_pandas_reads_in_its_own_way_is_refused():
    nothing = read("%Y", ["", "NaT", "nan"], is_strict=True, is_pandas=True)

    assert np.isnan(nothing).all()
    for form, text in (
        *(("%Y-%m-%d", "now"), ("%Y-%m-%d", "today"), ("%H:%M:%S.%f", "01:02:03.1234567")),
        *(("%S.%f", "03."), ("%Y%z", "2024+01")),
    ):
        with pytest.raises(ModelError):
            read(form, [text], is_pandas=True)
