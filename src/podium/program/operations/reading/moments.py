"""Dates and times that are written as texts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)

# What a format may contain, each once: the rest of it is taken letter by letter.
DIRECTIVES = frozenset("aAbBdfHIjmMpSyYz")
FORMAT_MAX = 100
# What pandas takes for a missing time.
_NOTHING = frozenset({"", "NaT", "nat", "NAT", "nan", "NaN", "NAN"})
# Offsets that Python and pandas understand alike; seconds without digits, or with many.
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\s*$", re.IGNORECASE)
_FRACTION = re.compile(r"\.(?:\D|$)|\.\d{7}")
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH = _EPOCH_UTC.replace(tzinfo=None)
_MICROSECOND = dt.timedelta(microseconds=1)


class ReadTimes(Operation, frozen=True, tag="read_times"):
    """Texts as dates and times, in microseconds since 1970; in UTC if the format has an offset.

    Attributes:
        format: as in Python's `strptime`.
        is_strict: whether a text in another format is an error; by default it is missing.
        is_pandas: whether the texts that pandas takes for no time are missing in any case, and those
            that pandas reads otherwise than `strptime` are errors.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    format: str
    is_strict: bool = False
    is_pandas: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        shapes.texts(self.x)
        directives = re.findall("%(.?)", self.format.replace("%%", ""))
        fits = len(self.format) <= FORMAT_MAX and set(directives) <= DIRECTIVES
        require(fits, f"{self.format[:FORMAT_MAX]!r} isn't a known format of times")
        is_once = len(directives) == len(set(directives)) > 0
        require(is_once, f"{self.format!r} has no part of a time, or one twice")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text, each different one once."""
        x, read = self.x, self._read

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            texts = values[x]
            moments = {text: read(text) for text in dict.fromkeys(texts)}
            return np.array([moments[text] for text in texts], np.float64)[:, None]

        return run

    def _read(self, text: str | None) -> float:
        if text is None or (self.is_pandas and text in _NOTHING):
            return np.nan
        try:
            moment = dt.datetime.strptime(text, self.format)  # noqa: DTZ007 - some have no zone
        except ValueError as error:
            if self.is_strict or (self.is_pandas and self._is_doubtful(text)):
                raise ModelError(
                    f"the model takes times as {self.format!r} here, not in another format"
                ) from error
            return np.nan
        if self.is_pandas and "%z" in self.format and not _OFFSET.search(text):
            raise ModelError("the model takes times with an offset such as Z or +01:00 here")
        since = moment - (_EPOCH if moment.tzinfo is None else _EPOCH_UTC)
        return float(since // _MICROSECOND)

    def _is_doubtful(self, text: str) -> bool:
        """Whether pandas may find a time where `strptime` finds none."""
        return (
            text in ("now", "today")
            or ("%f" in self.format and _FRACTION.search(text) is not None)
            or "%z" in self.format
        )
