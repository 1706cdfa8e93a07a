"""Moments and durations as people write them: `7d`, `2026-01-31`, `2026-01-31T12:00`."""

from __future__ import annotations

import datetime as dt
import re

from podium.errors import SetupError

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_HINT = "write 30m, 12h, 7d or 2w"


def duration_s(text: str) -> int:
    """The seconds of a duration such as `12h` or `7d`.

    Raises:
        SetupError: it isn't one.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise SetupError(f"{text!r} isn't a duration", hint=_HINT)
    return int(found[1]) * _UNITS_S[found[2]]


def moment_us(text: str, now_us: int) -> int:
    """A moment in microseconds since 1970: so long ago, or a date or a time, in UTC by default.

    Raises:
        SetupError: it isn't one.
    """
    if _DURATION.fullmatch(text.strip()):
        return now_us - duration_s(text) * 1_000_000
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SetupError(
            f"{text!r} is neither a duration nor a time", hint=f"{_HINT}, or 2026-01-31"
        ) from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
