"""The delimiter of a delimited text, and its decimal separator."""

from __future__ import annotations

import re

_WITH_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def delimiter_of(text: str) -> str:
    """The delimiter of a CSV: a comma, unless its first line has none."""
    first = text.partition("\n")[0]
    if "," in first:
        return ","
    return max(";\t|", key=first.count) if any(c in first for c in ";\t|") else ","


def has_decimal_commas(delimiter: str) -> bool:
    """Whether a comma in a number is the decimal separator, since it doesn't separate cells."""
    return delimiter == ";"


def is_number(text: str) -> bool:
    """Whether it is a number with a decimal point, a decimal comma, or neither."""
    return _NUMBER.fullmatch(text.strip()) is not None


def with_point(text: str) -> str:
    """A number with a decimal comma, rewritten with a point; any other text unchanged."""
    return text.replace(",", ".") if _WITH_COMMA.fullmatch(text.strip()) else text
