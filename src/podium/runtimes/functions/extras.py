"""The extras in Annotated[...]: bounds, description, title, unit, examples."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import suppress
from typing import Any

import msgspec

from podium.errors import SignatureError
from podium.signature import NUMBERS, TIMES, Field, FieldType, Output, Range

_OF_FIELD = ("title", "description", "unit", "step", "seen", "outside", "missing", "max_length")
_OF_META = ("title", "description", "max_length", "examples")
# Constraints of msgspec.Meta that a field doesn't have: ignoring them would accept invalid values.
_NOT_OF_META = ("multiple_of", "pattern", "min_length", "tz")


def field_attributes(extras: tuple[Any, ...], type_: FieldType, where: str) -> dict[str, Any]:
    """Attributes of a field, including `examples` if there are any; the outermost extra wins.

    Extras of other libraries are ignored.

    Raises:
        SignatureError: one demands what a field of this type can't guarantee.
    """
    attributes: dict[str, Any] = {}
    for extra in extras:
        if isinstance(extra, str):
            attributes["description"] = extra
        elif isinstance(extra, Range):
            attributes["bounds"] = _bounds(extra, type_, where)
        elif isinstance(extra, Field):
            attributes |= _of_field(extra, type_, where)
        elif isinstance(extra, msgspec.Meta):
            attributes |= _of_meta(extra, type_, where)
        elif isinstance(extra, Output):
            raise SignatureError(
                f"{where} is annotated with podium.Output", hint="an input is a podium.Field"
            )
    return attributes


def output_attributes(extras: tuple[Any, ...]) -> dict[str, Any]:
    """Attributes of an output.

    Raises:
        SignatureError: one demands what an output can't guarantee.
    """
    attributes: dict[str, Any] = {}
    for extra in extras:
        if isinstance(extra, str):
            attributes["description"] = extra
        elif isinstance(extra, Output):
            texts = {n: getattr(extra, n) for n in ("title", "description", "unit", "seen")}
            attributes |= {n: value for n, value in texts.items() if value not in ("", Range())}
            if extra.name != Output().name:
                attributes["name"] = extra.name
        elif isinstance(extra, msgspec.Meta):
            texts = {"title": extra.title, "description": extra.description}
            attributes |= {n: value for n, value in texts.items() if value}
        elif isinstance(extra, (Range, Field)):
            raise SignatureError(
                f"a return type is annotated with podium.{type(extra).__name__}, "
                "which is for inputs",
                hint="describe a return type with podium.Output(title=..., unit=...) or a text",
            )
    return attributes


def _of_field(extra: Field, type_: FieldType, where: str) -> dict[str, Any]:
    if extra.categories:
        raise SignatureError(
            f"{where} has categories in podium.Field", hint="name them in Literal[...]"
        )
    defaults = Field(name=extra.name)
    attributes = {
        n: getattr(extra, n) for n in _OF_FIELD if getattr(extra, n) != getattr(defaults, n)
    }
    for name in ("bounds", "seen"):
        if getattr(extra, name) != Range():
            attributes[name] = _bounds(getattr(extra, name), type_, where)
    return attributes | ({"name": extra.name} if extra.name else {})


def _of_meta(extra: msgspec.Meta, type_: FieldType, where: str) -> dict[str, Any]:
    for name in _NOT_OF_META:
        if getattr(extra, name) is not None:
            raise SignatureError(
                f"{where} has {name} in msgspec.Meta, which fields don't support",
                hint=f"supported are ge, le,  {', '.join(_OF_META)}: check the rest in the function",
            )
    attributes = {n: getattr(extra, n) for n in _OF_META if getattr(extra, n) is not None}
    low, high = extra.ge, extra.le
    if extra.gt is not None or extra.lt is not None:
        if type_ != "integer":
            raise SignatureError(
                f"{where} has gt or lt in msgspec.Meta, but a range includes its ends",
                hint="use ge or le with the nearest possible value",
            )
        low = math.floor(extra.gt) + 1 if extra.gt is not None else low
        high = math.ceil(extra.lt) - 1 if extra.lt is not None else high
    if low is not None or high is not None:
        attributes["bounds"] = _bounds(Range(low, high), type_, where)
    return attributes


def _bounds(bounds: Range, type_: FieldType, where: str) -> Range:
    low: Any = _bound(bounds.minimum, type_, where)
    high: Any = _bound(bounds.maximum, type_, where)
    if low is not None and high is not None and low > high:
        raise SignatureError(
            f"{where} has a range from {low} to {high}", hint="put the lower value first"
        )
    return Range(low, high)


def _bound(end: Any, type_: FieldType, where: str) -> int | float | str | None:
    if end is None or end in (math.inf, -math.inf):
        return None
    if type_ in NUMBERS and isinstance(end, (int, float)) and not math.isnan(end):
        return int(end) if type_ == "integer" and end == int(end) else end
    if type_ in TIMES and isinstance(end, (str, dt.date)):
        with suppress(ValueError):
            return _moment(end, type_)
    expected = {"float": "a number", "integer": "a number"}.get(type_, "a date like 2024-03-01")
    raise SignatureError(
        f"{where} has the bound {end!r}",
        hint=f"its bounds are each {expected}"
        if type_ in (*NUMBERS, *TIMES)
        else f"a {type_} has no range: leave it out",
    )


def _moment(end: str | dt.date, type_: FieldType) -> str:
    moment = dt.datetime.fromisoformat(end) if isinstance(end, str) else end
    if isinstance(moment, dt.datetime):
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        if type_ == "date" or (isinstance(end, str) and len(end) <= 10):
            return moment.date().isoformat()
    return moment.isoformat()
