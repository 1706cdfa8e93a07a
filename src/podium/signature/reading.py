"""One cell read as its field's type, or refused with the reason."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from podium.signature.fields import INTEGER_MAX, Field, Label

# How cells are written: as JSON or Python values, as texts of a form, or as texts of a file, where
# a missing value has a dozen spellings.
Written: TypeAlias = Literal["values", "form", "file"]
MISSING_TEXTS = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "nat"})

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII
)
_TRUE = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "off", "0", "f", "n"})


class Refusal(Exception):
    """Why one value isn't accepted; never leaves this room."""

    def __init__(self, problem: str, code: str) -> None:
        self.problem = problem
        self.code = code


def label_text(label: Label) -> str:
    """A label as people write it in a form, a file or on the command line."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def plain_text(value: Label) -> str:
    """A value in full, as it would be typed: a whole number without its `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < INTEGER_MAX:
        return str(int(value))
    return label_text(value)


def reader(one: Field, written: Written) -> Callable[[Any], object]:
    """The function that reads one cell of a field, or refuses it."""
    from_text = written != "values"
    if one.type == "float":
        return _float_of_text if from_text else _float
    if one.type == "integer":
        return (lambda raw: _integer(_float_or_int(raw))) if from_text else _integer
    if one.type == "boolean":
        return _boolean_of_text if from_text else _boolean
    if one.type == "category":
        return _category(one, from_text)
    if one.type == "date":
        return _date
    if one.type == "datetime":
        return _time
    return _text(one)


def _float(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise Refusal(f"is {_kind(raw)}, not a number", "wrong_type")
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise Refusal("isn't a finite number", "not_finite")
    return value


def _float_of_text(raw: Any) -> float:
    return _float(_float_or_int(raw))


def _float_or_int(raw: Any) -> object:
    text = str(raw).strip()
    if not _NUMBER.fullmatch(text) or len(text) > 400:
        raise Refusal("isn't a number", "wrong_type")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _integer(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise Refusal(f"is {_kind(raw)}, not a whole number", "wrong_type")
    if isinstance(raw, float) and not (math.isfinite(raw) and raw.is_integer()):
        raise Refusal("isn't a whole number", "wrong_type")
    if abs(raw) > INTEGER_MAX:
        raise Refusal("is too large to be exact", "out_of_range")
    return int(raw)


def _boolean(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise Refusal(f"is {_kind(raw)}, not true or false", "wrong_type")
    return raw


def _boolean_of_text(raw: Any) -> bool:
    text = str(raw).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Refusal("isn't true or false", "wrong_type")


def _category(one: Field, from_text: bool) -> Callable[[Any], Label]:
    by_value: dict[object, Label]
    if from_text:
        by_value = {label_text(label): label for label in reversed(one.labels)}
    else:
        by_value = {(isinstance(label, bool), label): label for label in one.labels}

    def read(raw: Any) -> Label:
        key: object = raw if from_text else (isinstance(raw, bool), raw)
        try:
            found = by_value.get(key)
        except TypeError:  # a list or a dict has no hash
            raise Refusal(f"is {_kind(raw)}, not a label", "wrong_type") from None
        if found is None and from_text:
            found = by_value.get(str(raw).strip())
        if found is not None:
            return found
        if not isinstance(raw, (str, int, float, bool)):
            raise Refusal(f"is {_kind(raw)}, not a label", "wrong_type")
        if one.unknown == "refuse":
            raise Refusal("isn't a known category", "unknown_category")
        return _clean(raw) if isinstance(raw, str) else raw

    return read


def _text(one: Field) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if not isinstance(raw, str):
            raise Refusal(f"is {_kind(raw)}, not a text", "wrong_type")
        if len(raw) > one.max_length:
            raise Refusal(f"has {len(raw)} characters, too many", "too_long")
        return _clean(raw)

    return read


def _clean(text: str) -> str:
    if "\x00" in text:
        raise Refusal("holds a NUL character", "nul")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal("holds half a character (a lone surrogate)", "surrogate") from None
    return text


def _date(raw: Any) -> dt.date:
    if isinstance(raw, dt.datetime):
        if raw.time() != dt.time():
            raise Refusal("is a time, not a whole day", "wrong_type")
        return raw.date()
    if isinstance(raw, dt.date):
        return raw
    if isinstance(raw, str) and _DATE.fullmatch(raw.strip()):
        try:
            return dt.date.fromisoformat(raw.strip())
        except ValueError:
            raise Refusal("isn't a day of the calendar", "wrong_type") from None
    raise Refusal(f"is {_kind(raw)}, not a date", "wrong_type")


def _time(raw: Any) -> dt.datetime:
    if isinstance(raw, str) and _TIME.fullmatch(raw.strip()):
        try:
            raw = dt.datetime.fromisoformat(raw.strip())
        except ValueError:
            raise Refusal("isn't a moment of the calendar", "wrong_type") from None
    elif isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        raw = dt.datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 - the model's own zone
    if not isinstance(raw, dt.datetime):
        raise Refusal(f"is {_kind(raw)}, not a date and time", "wrong_type")
    if raw.tzinfo is not None:
        try:
            return raw.astimezone(dt.UTC).replace(tzinfo=None)
        except OverflowError:
            raise Refusal("is out of the calendar in UTC", "wrong_type") from None
    return raw


def _kind(raw: object) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(raw), f"a {type(raw).__name__}")
