"""`pd.to_datetime` of recorded texts."""

from __future__ import annotations

import re
import warnings
from typing import Any

from podium.compile.features import Input
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.moments import Moments
from podium.compile.own_code.recorded import Untraceable
from podium.program.operations import ReadTimes
from podium.program.operations.reading.moments import DIRECTIVES

# Names of zones mean what the machine knows.
_KNOWN = DIRECTIVES - {"Z"}
_UNIT = re.compile(r"datetime64\[(\w+)(?:, UTC)?\]")


def to_datetime(
    arg: Any,
    errors: str = "raise",
    dayfirst: bool = False,
    yearfirst: bool = False,
    utc: bool = False,
    format: str | None = None,  # noqa: A002 - as pandas calls it
    **options: Any,
) -> Moments:
    """In place of pandas' function, for times and for texts in one format.

    Raises:
        Untraceable: the format depends on the rows, or isn't known.
    """
    if isinstance(arg, Moments):
        return arg.copy()
    if not isinstance(arg, Labels):
        raise Untraceable(
            f"pd.to_datetime of a {arg.noun} can't be recorded, only that of texts and times"
        )
    if options or yearfirst:
        raise Untraceable("pd.to_datetime with options other than format, errors and utc")
    if format is None:
        format = _usual(arg, dayfirst=dayfirst)  # noqa: A001 - as pandas calls it
        if errors != "raise":
            raise Untraceable(
                "pandas guesses the format of times from the first row of each batch; add "
                f"format={format!r}"
            )
    _check(format, utc=utc)
    operation = ReadTimes(arg.texts, format, is_strict=errors == "raise", is_pandas=True)
    unit = _unit_of(arg, format, utc=utc)
    return Moments(arg.build, arg.build.add(operation), unit, "UTC" if utc else "")


def _check(form: str, *, utc: bool) -> None:
    """Raise Untraceable unless texts in this format are read as pandas reads them."""
    found = set(re.findall("%(.?)", form.replace("%%", "")))
    if not found or not found <= _KNOWN:
        raise Untraceable(
            f"pd.to_datetime with format={form!r} can't be recorded; name one format, such as '%Y-%m-%d'"
        )
    if "z" in found and not utc:
        raise Untraceable("it reads times of several offsets from UTC; add utc=True")


def _usual(labels: Labels, *, dayfirst: bool) -> str:
    """The format of the training data's texts.

    Raises:
        Untraceable: there is none.
    """
    from pandas.tseries.api import guess_datetime_format

    build, column = labels.build, labels.column
    if not isinstance(column, Input):
        raise Untraceable("pandas guesses the format of times from the first row; add format=")
    field = build.field(column)
    rows = (row.get(field.name) for row in build.signature.examples)
    texts = [one for one in (*field.labels, *rows) if isinstance(one, str)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guessed = {guess_datetime_format(one, dayfirst=dayfirst) for one in texts}
    form = guessed.pop() if len(guessed) == 1 else None
    if form is None:
        raise Untraceable(
            f"pandas finds no single format for times such as {texts[:1]}, and lets dateutil guess at "
            "each of them; add format="
        )
    return str(form)


def _unit_of(labels: Labels, form: str, *, utc: bool) -> str:
    """The unit in which this pandas counts times of a format."""
    import pandas as pd

    text = pd.Timestamp("2024-03-05T13:07:09.25", tz="UTC").strftime(form)
    dtype = pd.to_datetime(pd.Series([text], dtype="object"), format=form, utc=utc).dtype
    match = _UNIT.fullmatch(str(dtype))
    if match is None or match[1] == "ns":
        raise Untraceable(f"pd.to_datetime makes {dtype} of {labels.noun}; update to pandas 3")
    return match[1]
