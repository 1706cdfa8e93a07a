"""One text, in a function that is called for each: the methods of Python's texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import currentframe
from typing import Any

from podium.compile.own_code import expressions
from podium.compile.own_code.expressions import Expression, expression_of
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Recorded, Untraceable, current_path
from podium.compile.own_code.text_methods import CASES, Parts
from podium.compile.own_code.values import Numbers
from podium.compile.own_code.watch import is_own_code
from podium.program.operations import ChangeText, MeasureText, PresentText
from podium.program.operations.texts.matches import MatchName


def of_each_text(function: Callable[[Any], Any], labels: Labels) -> Any:
    """What a function of one text makes of all of them."""
    if function is len:
        return labels.str.len()
    found = _of_one(function, labels)
    found = found.labels if isinstance(found, OneText) else found
    if isinstance(found, Labels):
        return Labels(labels.build, found.column, "str", found.is_filled)
    if not isinstance(found, Numbers):
        raise Untraceable("it calls a function for each text; a dictionary can be recorded")
    return found


def parts_of_each_text(function: Callable[[Any], Any], labels: Labels) -> OneTextParts:
    """The parts into which a function splits each text."""
    found = _of_one(function, labels)
    if not isinstance(found, OneTextParts) or found.how[1] != -1:
        raise Untraceable("it does more than `split`, the only way of taking texts apart")
    return found


def _of_one(function: Callable[[Any], Any], labels: Labels) -> Any:
    """What a function returns for one text; a method of `str` asks for a real one."""
    if getattr(function, "__objclass__", None) is str:
        return getattr(OneText(labels), getattr(function, "__name__", ""))()
    return Recorded.branched(function, OneText(labels))


class OneText(Recorded):
    """One text, in a function that is called for each: its methods are those of Python."""

    noun = "text"

    def __init__(self, labels: Labels) -> None:
        self.labels = Labels(labels.build, labels.column, "object", labels.is_filled)

    @property
    def __class__(self) -> Any:
        """As a text, or as the number that a missing one is, for code that asks for its type."""
        frame = currentframe()
        caller = None if frame is None else frame.f_back
        if current_path.get() is None or caller is None or not is_own_code(caller.f_code):
            return OneText
        return str if self.labels.is_filled or self.notna() else float

    @__class__.setter
    def __class__(self, _: Any) -> None:
        raise Untraceable("it changes the type of a text")

    def __getattr__(self, name: str) -> Any:
        if name in (*CASES, "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "zfill"):
            return self._changed(getattr(self.labels.str, name))
        if name in ("startswith", "endswith"):
            return lambda of: getattr(self.labels.str, name)(of, na=False)
        raise Untraceable(f"`.{name}` of a text can't be recorded")

    def _changed(self, method: Callable[..., Labels]) -> Callable[..., OneText]:
        return lambda *arguments: OneText(method(*arguments))

    def replace(self, old: str, new: str) -> OneText:
        """One text replaced by another."""
        return OneText(self.labels.str.replace(old, new))

    def found(self, how: MatchName, pattern: Any, flags: int = 0) -> OneMatch:
        """What `re.search` and its like find in it."""
        return OneMatch(self.labels, how, expression_of(pattern, flags=flags))

    def substituted(self, pattern: Any, repl: Any, string: Any, flags: int = 0) -> OneText:
        """What `re.sub` makes of it."""
        if string is not self:
            raise Untraceable("it replaces parts of a text by another text of the row")
        found = expression_of(pattern, flags=flags)
        return OneText(self.labels.changed(expressions.replacing(self.labels, found, repl)))

    def __getitem__(self, at: Any) -> OneText:
        return OneText(self.labels.str[at])

    def split(self, separator: str | None = None, maxsplit: int = -1) -> OneTextParts:
        """The parts between separators."""
        return OneTextParts(self.labels, separator, maxsplit)

    def count(self, of: str) -> Numbers:
        """How often it contains a text."""
        register = self.labels.build.add(MeasureText(self.labels.texts, "count", of))
        return Numbers(self.labels.build, register, "float", is_pandas=True)

    def isna(self) -> Numbers:
        """Whether it is missing."""
        return self.labels.isna()

    def notna(self) -> Numbers:
        """Whether it is there."""
        return ~self.isna()

    def __add__(self, other: Any) -> OneText:
        return OneText(self.labels + (other.labels if isinstance(other, OneText) else other))

    def __radd__(self, other: Any) -> OneText:
        return OneText(other + self.labels)

    def length(self) -> Numbers:
        """How many characters it has, for `len`."""
        return Numbers(self.labels.build, self.labels.str.len().register, "integer", is_pandas=True)

    def __contains__(self, of: Any) -> bool:
        if not isinstance(of, str):
            raise Untraceable("it looks for a text of the row in another one")
        register = self.labels.build.add(MeasureText(self.labels.texts, "contains", of))
        return bool(Numbers(self.labels.build, register, "boolean", is_pandas=True))

    def __eq__(self, other: object) -> Any:
        return self.labels == other

    def __ne__(self, other: object) -> Any:
        return self.labels != other

    __hash__ = None  # nobody may ask whether it is in a set


class OneMatch(Recorded):
    """A match of a regular expression in one text, or none."""

    noun = "match"

    def __init__(self, labels: Labels, how: MatchName, found: Expression) -> None:
        self._labels, self._how, self._found = labels, how, found

    def __bool__(self) -> bool:
        build = self._labels.build
        operation = expressions.matching(self._labels, self._how, self._found, None)
        return bool(Numbers(build, build.add(operation), "boolean", is_pandas=True))

    def group(self, at: Any = 0) -> OneText:
        """The text of a group; missing where there is no match, which the code has asked before."""
        groups = re.compile(self._found.pattern)
        place = groups.groupindex.get(at, at)
        if self._how != "search" or not isinstance(place, int) or place > groups.groups:
            raise Untraceable("it takes a group of another match than that of re.search")
        operation = expressions.extracting(self._labels, self._found, place, None)
        found = self._labels.changed(operation, is_filled=False)
        return OneText(found if _has_branched() else _present(found))

    def __getitem__(self, at: Any) -> OneText:
        return self.group(at)


class OneTextParts(Recorded):
    """The parts of one text."""

    noun = "list of texts"

    def __init__(self, labels: Labels, separator: str | None, n_most: int) -> None:
        self.labels, self.how = labels, (separator, n_most, 0)

    def length(self) -> Numbers:
        """How many there are, for `len`."""
        separator, n_most, _ = self.how
        parts = Parts(self.labels, separator, n_most, is_from_right=False, is_frame=False)
        return Numbers(self.labels.build, parts.number().register, "integer", is_pandas=True)

    def __getitem__(self, at: Any) -> OneText:
        operation = ChangeText(self.labels.texts, "part", (*self.how, at))
        found = self.labels.changed(operation, is_filled=True)
        if at in (0, -1) and self.how[0] is not None:
            return OneText(found)
        if _has_branched():
            raise Untraceable(
                "it takes a part that a text may not have; `.str.split()` allows that"
            )
        return OneText(_present(found))


def _has_branched() -> bool:
    """Whether a function has branched, so that what it does now is for some rows only."""
    path = current_path.get()
    return path is not None and path.has_branched


def _present(labels: Labels) -> Labels:
    """Texts that Python raises an error without."""
    return labels.changed(PresentText(labels.texts), is_filled=True)
