"""Reads one cell as its field's type, or refuses it with the reason."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from podium.signature.delimited import has_decimal_commas, with_point
from podium.signature.fields import Field
from podium.signature.labels import INTEGER_MAX, Label, folded, label_text, plain_text
from podium.signature.zones import utc_of

# How cells are written: as JSON or Python values, as texts of a form, or as texts of a file, where
# a missing value has a dozen spellings; in a `comma file` a number may have a decimal comma.
# `table` is the content of a Table of training rows: times without a zone are in UTC.
Written: TypeAlias = Literal["values", "form", "file", "comma file", "table"]
FILES: tuple[Written, ...] = ("file", "comma file")
MISSING_TEXTS = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "nat"})

# The characters of plain numbers; an empty text is a missing float.
_OF_NUMBERS = {"float": "0123456789+-.eE ", "integer": "0123456789+- "}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII
)
# Times that numpy and Arrow have, and Python's calendar doesn't.
_BEYOND = re.compile(r"([+-]\d{4,}|\d{5,})-\d{2}-\d{2}(T[0-9:.]+)?", re.ASCII)
_TRUE = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "off", "0", "f", "n"})


class Refusal(Exception):
    """Why one value is refused; caught within this package."""

    def __init__(self, problem: str, code: str) -> None:
        self.problem = problem
        self.code = code


def written_with(delimiter: str) -> Written:
    """How the cells of a file with this delimiter are written."""
    return "comma file" if has_decimal_commas(delimiter) else "file"


def numbers_of(one: Field, texts: Sequence[str]) -> NDArray[Any] | None:
    """A column of numbers without parsing each text; None if that is necessary.

    Whatever Python reads as a number in these characters is one here.
    """
    characters = _OF_NUMBERS.get(one.type)
    if characters is None or "".join(texts).strip(characters) or len(max(texts, key=len)) > 400:
        return None
    try:
        if one.type == "integer":
            return np.fromiter(map(int, texts), np.int64, len(texts))
        column = np.fromiter((float(text or "nan") for text in texts), np.float64, len(texts))
    except (ValueError, OverflowError):
        return None
    return None if np.isinf(column).any() else column


def whole_numbers(numbers: NDArray[Any]) -> NDArray[Any] | None:
    """Integers, also as floats where some are missing; None if there are other numbers."""
    if numbers.dtype.kind == "i":
        return numbers if is_exact(numbers) else None
    is_missing_one = np.isnan(numbers)
    if not (
        (np.floor(numbers) == numbers) & (np.abs(numbers) < INTEGER_MAX) | is_missing_one
    ).all():
        return None
    return numbers if is_missing_one.any() else numbers.astype(np.int64)


def is_exact(column: NDArray[Any]) -> bool:
    """Whether all of these integers are exact in other languages, too."""
    if not len(column):
        return True
    return int(column.min()) >= -INTEGER_MAX and int(column.max()) <= INTEGER_MAX


def spells_missing(raw: object) -> bool:
    """Whether a cell of a file is a word for missing; a category may have the same name."""
    return isinstance(raw, str) and raw.strip().lower() in MISSING_TEXTS


def reader(one: Field, written: Written) -> Callable[[Any], object]:
    """A function that reads one cell of a field, or refuses it."""
    from_text = written == "form" or written in FILES
    if one.type in ("float", "integer"):
        return _number(one, written) if from_text else _float if one.type == "float" else _integer
    if one.type == "boolean":
        return _boolean_of_text if from_text else _boolean
    if one.type == "category":
        return _category(one, from_text)
    if one.type == "date":
        return _date
    if one.type == "datetime":
        return _time(one.zone if written != "table" else "")
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


def _number(one: Field, written: Written) -> Callable[[Any], object]:
    """A reader of numbers, with a decimal comma if it can't mean anything else."""
    check = _float if one.type == "float" else _integer

    def read(raw: Any) -> object:
        text = with_point(str(raw)) if written == "comma file" else str(raw)
        return check(_float_or_int(text) or float(text))  # an integer has no -0

    return read


def _float_or_int(raw: Any) -> object:
    text = str(raw).strip()
    if not _NUMBER.fullmatch(text) or len(text) > 400:
        point = with_point(text)
        hint = f": its comma may be a thousands or a decimal separator, so write {point}"
        raise Refusal(f"isn't a number{hint if point != text else ''}", "wrong_type")
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
    def read(raw: Any) -> Label:
        label = _written_label(one, str(raw)) if from_text else _label_of(one, raw)
        return _unknown_label(one, raw, from_text) if label is None else label

    return read


def _label_of(one: Field, raw: Any) -> Label | None:
    """The label that a value is, or the only one with its spelling."""
    if not isinstance(raw, (str, int, float, bool)):
        raise Refusal(f"is {_kind(raw)}, not a label", "wrong_type")
    label = one.labels_by_value.get((isinstance(raw, bool), raw))
    if label is not None:
        return label
    if isinstance(raw, bool) or (isinstance(raw, float) and not raw.is_integer()):
        return None
    written = _spelled(one, plain_text(raw))
    return written[0] if len(written) == 1 else None


def _spelled(one: Field, text: str) -> Sequence[Label]:
    """The labels with this spelling, in any Unicode form."""
    labels = one.labels_by_text.get(text, ())
    if labels or text.isascii():
        return labels
    forms = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    return next((one.labels_by_text[form] for form in forms if form in one.labels_by_text), ())


def _written_label(one: Field, text: str) -> Label | None:
    """The label with this text; surrounding spaces only count if nothing matches without."""
    labels = _spelled(one, text) or _spelled(one, text.strip())
    if len(labels) > 1:
        raise Refusal(
            "may be a number or a text here: send JSON, with quotes around a text", "ambiguous"
        )
    return labels[0] if labels else None


def _unknown_label(one: Field, raw: Any, from_text: bool) -> Label:
    """An unknown label, in the type of the labels."""
    if one.unknown == "refuse":
        near = one.labels_folded.get(folded(label_text(raw)))
        hint = "" if near is None else f": did you mean {label_text(near)!r}?"
        raise Refusal(f"isn't a known category{hint}", "unknown_category")
    types = one.label_types
    if from_text and types and str not in types:
        raw = _float_or_int(raw) if types & {int, float} else _boolean_of_text(raw)
    if isinstance(raw, str):
        if types and str not in types:
            raise Refusal("is a text, while the categories aren't", "wrong_type")
        return _clean(raw)
    if types == {str}:
        raise Refusal(f"is {_kind(raw)}, while the categories are texts", "wrong_type")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise Refusal("isn't a finite number", "not_finite")
    label: Label = raw
    return label


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
        raise Refusal("contains a NUL character", "nul")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal("contains half a character (a lone surrogate)", "surrogate") from None
    return text


def _date(raw: Any) -> dt.date:
    """A day, which may be written as its midnight: libraries write dates as times."""
    if isinstance(raw, str) and _TIME.fullmatch(raw.strip()):
        try:
            raw = dt.datetime.fromisoformat(raw.strip())
        except ValueError:
            raise Refusal("isn't a valid date", "wrong_type") from None
    if isinstance(raw, dt.datetime):
        if raw.time() != dt.time():
            raise Refusal("is a time, not a whole day", "wrong_type")
        return raw.date()
    if isinstance(raw, dt.date):
        return raw
    raise _no_moment(raw, "a date")


def _time(zone: str) -> Callable[[Any], dt.datetime]:
    def read(raw: Any) -> dt.datetime:
        moment = _moment(raw)
        try:
            if moment.tzinfo is not None:
                return moment.astimezone(dt.UTC).replace(tzinfo=None)
            return utc_of(moment, zone) if zone else moment
        except OverflowError:
            raise Refusal("is outside the years 1 to 9999 in UTC", "wrong_type") from None
        except ValueError as error:
            raise Refusal(str(error), "ambiguous") from None

    return read


def _moment(raw: Any) -> dt.datetime:
    if isinstance(raw, str) and _TIME.fullmatch(raw.strip()):
        try:
            return dt.datetime.fromisoformat(raw.strip())
        except ValueError:
            raise Refusal("isn't a valid date and time", "wrong_type") from None
    if isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        return dt.datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 - the model's own time zone
    if not isinstance(raw, dt.datetime):
        raise _no_moment(raw, "a date and time")
    return raw


def _no_moment(raw: object, expected: str) -> Refusal:
    if isinstance(raw, str) and _BEYOND.fullmatch(raw):
        return Refusal("is outside the years 1 to 9999", "wrong_type")
    return Refusal(f"is {_kind(raw)}, not {expected}", "wrong_type")


def _kind(raw: object) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
        bytes: "bytes",
        dt.datetime: "a time",
        dt.date: "a date",
    }
    return names.get(type(raw), f"a {type(raw).__name__}")
