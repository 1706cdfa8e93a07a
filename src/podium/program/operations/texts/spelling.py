"""What can be done to a text: the methods of Python's texts, and those of pandas' columns of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from podium.errors import ModelError

ChangeName: TypeAlias = Literal[
    "lower",
    "upper",
    "title",
    "capitalize",
    "swapcase",
    "casefold",
    "lower_simple",
    "upper_simple",
    "capitalize_simple",
    "swapcase_simple",
    "strip",
    "lstrip",
    "rstrip",
    "replace",
    "removeprefix",
    "removesuffix",
    "slice",
    "get",
    "part",
    "zfill",
    "prepend",
    "append",
]
Changed: TypeAlias = Callable[[str], str | None]

# Fields hold texts of 10,000 characters, unless training had longer ones; it stops a plan that makes
# a text longer and longer.
TEXT_MAX = 1_000_000

_TEXT, _NUMBER, _NONE = str, int, type(None)
_MAYBE_TEXT, _MAYBE_NUMBER = (str, _NONE), (int, _NONE)
# The types of the arguments of each function. `strip` and its like take the characters, `replace` the
# old and the new text, `slice` its start, stop and step, `part` a separator (None is white space), how
# often to split at most (-1 is no limit), whether from the right, and which part.
CHANGES: Mapping[ChangeName, tuple[Any, ...]] = {
    "lower": (),
    "upper": (),
    "title": (),
    "capitalize": (),
    "swapcase": (),
    "casefold": (),
    "lower_simple": (),
    "upper_simple": (),
    "capitalize_simple": (),
    "swapcase_simple": (),
    "strip": (_MAYBE_TEXT,),
    "lstrip": (_MAYBE_TEXT,),
    "rstrip": (_MAYBE_TEXT,),
    "replace": (_TEXT, _TEXT),
    "removeprefix": (_TEXT,),
    "removesuffix": (_TEXT,),
    "slice": (_MAYBE_NUMBER, _MAYBE_NUMBER, _MAYBE_NUMBER),
    "get": (_NUMBER,),
    "part": (_MAYBE_TEXT, _NUMBER, _NUMBER, _NUMBER),
    "zfill": (_NUMBER,),
    "prepend": (_TEXT,),
    "append": (_TEXT,),
}

# Those that can make a text longer than thrice its length.
LENGTHENING = frozenset({"replace", "zfill", "prepend", "append"})


def change(function: ChangeName, arguments: tuple[Any, ...]) -> Changed:
    """The function of a text.

    Raises:
        ValueError: a step of 0, or an empty separator.
    """
    if function in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[function](*arguments)
    method: Any = getattr(str, function)
    return (lambda text: method(text, *arguments)) if arguments else method


def bounded(text: str) -> str:
    """The text, unless it is too long.

    Raises:
        ModelError: it is.
    """
    if len(text) > TEXT_MAX:
        raise ModelError(f"the model makes a text of more than {TEXT_MAX:,} characters")
    return text


def _replace(old: str, new: str) -> Changed:
    longer = len(new) - len(old)

    def changed(text: str) -> str:
        n_found = text.count(old)
        if longer > 0 and len(text) + n_found * longer > TEXT_MAX:
            raise ModelError(f"the model makes a text of more than {TEXT_MAX:,} characters")
        return text.replace(old, new) if n_found else text

    return changed


def _slice(start: int | None, stop: int | None, step: int | None) -> Changed:
    part = slice(start, stop, step)
    "".__getitem__(part)  # a step of 0 raises
    return lambda text: text[part]


def _get(at: int) -> Changed:
    return lambda text: text[at] if -len(text) <= at < len(text) else None


def _part(separator: str | None, n_most: int, from_right: int, at: int) -> Changed:
    "".split(separator)  # an empty separator raises

    def changed(text: str) -> str | None:
        parts = text.rsplit(separator, n_most) if from_right else text.split(separator, n_most)
        return parts[at] if -len(parts) <= at < len(parts) else None

    return changed


def _zfill(width: int) -> Changed:
    if width > TEXT_MAX:
        raise ValueError(f"a width of {width}")
    return lambda text: text.zfill(width)


def _letters(function: Callable[[str], str]) -> Callable[[str], str]:
    """Letter by letter, and never more letters than before, as Arrow changes the case of texts."""

    def changed(text: str) -> str:
        return function(text) if text.isascii() else "".join(map(one, text))

    def one(letter: str) -> str:
        if letter in _SIMPLE:
            return _SIMPLE[letter][function is str.upper]
        new = function(letter)
        if len(new) == 1:
            return new
        new = letter.title()
        return new if len(new) == 1 else letter

    return changed


def _capitalize_simple() -> Changed:
    upper, lower = _letters(str.upper), _letters(str.lower)
    return lambda text: upper(text[:1]) + lower(text[1:])


def _swapcase_simple() -> Changed:
    upper, lower = _letters(str.upper), _letters(str.lower)

    def swapped(letter: str) -> str:
        return lower(letter) if letter.isupper() else upper(letter) if letter.islower() else letter

    return lambda text: "".join(map(swapped, text))


# In lower case and in upper case.
_SIMPLE = {"\u00df": ("\u00df", "\u1e9e"), "\u0130": ("i", "\u0130")}
_WITH_ARGUMENTS: Mapping[ChangeName, Callable[..., Changed]] = {
    "lower_simple": lambda: _letters(str.lower),
    "upper_simple": lambda: _letters(str.upper),
    "capitalize_simple": _capitalize_simple,
    "swapcase_simple": _swapcase_simple,
    "replace": _replace,
    "slice": _slice,
    "get": _get,
    "part": _part,
    "zfill": _zfill,
    "prepend": lambda before: lambda text: bounded(before + text),
    "append": lambda after: lambda text: bounded(text + after),
}
