"""Units that the names of columns tell: `weight_g`, `price_eur`, `petal length (cm)`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TypeVar

import msgspec

from podium.signature.fields import NUMBERS, Field, Output, Range, Signature, readable

T = TypeVar("T", Field, Output)

# What a name may end with, in lower case. Endings that mean something else as well (`min`, `in`, `mw`,
# `c`) aren't here: no unit is better than a wrong one.
_ALIKE = [
    "mm",
    "cm",
    "km",
    "nm",
    "ml",
    "mg",
    "kg",
    "lb",
    "oz",
    "ft",
    "ms",
    "psi",
    "kcal",
    "mph",
    "days",
    "hours",
    "weeks",
    "months",
    "years",
]
_CASED = [
    "hPa",
    "kPa",
    "kJ",
    "kW",
    "kWh",
    "MWh",
    "Hz",
    "kHz",
    "GHz",
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "JPY",
    "CNY",
    "INR",
]
_SPELLED = (
    "pct=% percent=% lbs=lb inches=in miles=mi sqm=m² sqft=ft² m2=m² m3=m³ cm2=cm² cm3=cm³ mm2=mm² "
    "km2=km² kmh=km/h kph=km/h celsius=°C degc=°C fahrenheit=°F degf=°F kelvin=K degrees=° "
    "minutes=min mins=min seconds=s secs=s hrs=hours"
)
_ENDINGS = {unit.lower(): unit for unit in (*_ALIKE, *_CASED)} | dict(
    pair.split("=") for pair in _SPELLED.split()
)
# Single letters are units only after words that say what is measured.
_LENGTHS = ("distance", "height", "length", "width", "depth", "altitude", "elevation", "radius")
_TIMES = ("duration", "time", "wait", "delay", "latency", "elapsed", "interval", "runtime")
_AFTER = {"m": _LENGTHS, "g": ("weight", "mass"), "s": _TIMES, "h": _TIMES}
# In brackets these are meant as units; so are all of the above.
_BRACKETED = frozenset((*_ENDINGS.values(), *_AFTER, "€", "$", "£", "W", "V", "A", "l", "L"))
_IN_BRACKETS = re.compile(r"(.+?)[\s_]*[(\[]([^()\[\]]{1,8})[)\]]\s*")
_WORDS = re.compile(r"[\s_.\-]+")
# `n_days` counts days, and `price_per_kg` is none in kilograms.
_COUNTS = frozenset({"n", "num", "number", "no", "nr", "count", "of"})


def unit_in(name: str) -> tuple[str, str]:
    """The unit that a column's name ends with, and the name without it; two times "" if none."""
    bracketed = _IN_BRACKETS.fullmatch(name)
    if bracketed:
        stem, unit = bracketed.groups()
        known = unit if unit in _BRACKETED else _ENDINGS.get(unit.lower(), "")
        return (known, stem.strip()) if known else ("", "")
    words = [word for word in _WORDS.split(name) if word]
    lower = [word.lower() for word in words]
    if len(words) < 2 or "per" in lower or lower[-2] in _COUNTS:
        return "", ""
    end, before = lower[-1], lower[:-1]
    unit = _ENDINGS.get(end, "")
    if end in _AFTER and set(before) & set(_AFTER[end]):
        unit = end
    return (unit, " ".join(words[:-1])) if unit else ("", "")


def with_units(signature: Signature) -> Signature:
    """The signature with the units that names tell; names shown without them, where those differ.

    Only numbers have units, and none that are only 0 and 1: those say whether something is there.
    """
    fields = [_proposed(one) if one.type in NUMBERS else one for one in signature.fields]
    outputs = [_proposed(one) if one.task == "regression" else one for one in signature.outputs]
    return msgspec.structs.replace(
        signature, fields=tuple(_distinct(fields)), outputs=tuple(_distinct(outputs))
    )


def proposed_units(signature: Signature) -> list[str]:
    """The columns whose units are those of their names, each with it: `weight_g in g`."""
    columns = [(one.name, one.unit) for one in signature.fields]
    columns += [(one.name, one.unit) for one in signature.outputs]
    return [f"{name} in {unit}" for name, unit in columns if unit and unit_in(name)[0] == unit]


def _proposed(one: T) -> T:
    unit, stem = unit_in(one.name)
    if not unit or one.unit or _is_indicator(one.seen):
        return one
    return msgspec.structs.replace(one, unit=unit, title=one.title or readable(stem))


def _is_indicator(seen: Range) -> bool:
    return (seen.minimum, seen.maximum) == (0, 1)


def _distinct(ones: list[T]) -> list[T]:
    """Those whose labels equal others' keep their whole name: `price_eur` beside `price_usd`."""
    counts = Counter(one.label for one in ones)
    return [
        msgspec.structs.replace(one, title="") if counts[one.label] > 1 and one.unit else one
        for one in ones
    ]
