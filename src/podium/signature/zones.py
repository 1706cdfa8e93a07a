"""Times, and the time zones in which people read them.

A table holds times in UTC, without a zone. If the training data had a zone, times without an offset
are local times in that zone.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

# How pandas, Arrow and polars write the type of a column of times.
_ZONED = re.compile(
    r"datetime64\[\w+, (?P<pandas>[^\]]+)\]"
    r"|timestamp\[\w+, tz=(?P<arrow>[^\]]+)\](\[pyarrow\])?"
    r"|Datetime\(.*time_zone='(?P<polars>[^']+)'\)"
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", re.ASCII)
_WRITTEN_OFFSET = re.compile(r"(Z|[+-]\d{2}(:?\d{2})?)\s*", re.ASCII)


def zone_name(dtype: str) -> str:
    """The zone in the type of a column, or "" if it has none."""
    match = _ZONED.fullmatch(dtype)
    return "" if match is None else next(filter(None, match.group("pandas", "arrow", "polars")))


@lru_cache(maxsize=64)
def zone_of(name: str) -> dt.tzinfo | None:
    """The zone with this name or offset; None if there is no such zone."""
    offset = _OFFSET.fullmatch(name)
    try:
        if offset is None:
            return ZoneInfo(name)
        sign = -1 if offset[1] == "-" else 1
        return dt.timezone(sign * dt.timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    except (ValueError, OSError):  # raised for unknown names
        return None
    except KeyError:  # ZoneInfoNotFoundError
        return None


def utc_of(moment: dt.datetime, zone: str) -> dt.datetime:
    """The UTC time, without a zone, of a local time.

    Raises:
        ValueError: it doesn't exist or is ambiguous, when clocks change.
    """
    local_zone = zone_of(zone)
    first = moment.replace(tzinfo=local_zone, fold=0).utcoffset()
    second = moment.replace(tzinfo=local_zone, fold=1).utcoffset()
    if first is None or second is None:
        return moment
    if first < second:
        raise ValueError(f"doesn't exist in {zone}, where the clocks went forward")
    if first > second:
        both = " or ".join(f"{moment.replace(tzinfo=dt.timezone(o))}"[-6:] for o in (first, second))
        raise ValueError(f"happened twice in {zone}: add {both}")
    return moment - first


def local_text(moment: dt.datetime, zone: str) -> str:
    """A table's time as local time with its offset; unchanged without a zone."""
    if not zone:
        return moment.isoformat()
    return moment.replace(tzinfo=dt.UTC).astimezone(zone_of(zone)).isoformat()


def clock_text(text: str, zone: str) -> str:
    """A time that `local_text` wrote, without its offset, if that is redundant."""
    try:
        moment = dt.datetime.fromisoformat(text)
        bare = moment.replace(tzinfo=None)
        is_plain = (
            zone
            and moment.tzinfo
            and bare - (moment.utcoffset() or dt.timedelta()) == utc_of(bare, zone)
        )
    except ValueError:
        return text
    return bare.isoformat() if is_plain else text


def moment_of(text: str, zone: str) -> dt.datetime:
    """A bound of a field as a time in a table."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return moment.astimezone(dt.UTC).replace(tzinfo=None)
    try:
        return utc_of(moment, zone) if zone else moment
    except ValueError:
        return moment


def has_offset(value: object) -> bool:
    """Whether a time, as it was sent, has an offset from UTC."""
    if isinstance(value, str):
        return _WRITTEN_OFFSET.search(value, 11) is not None
    return isinstance(value, dt.datetime) and value.tzinfo is not None
