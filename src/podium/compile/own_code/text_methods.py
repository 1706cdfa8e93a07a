"""The methods of texts on a recorded column: pandas' `.str`, and those of single texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import ChangeText, MeasureText
from podium.program.operations.texts.spelling import ChangeName
from podium.program.operations.texts.texts import MeasureName

_CASES = ("lower", "upper", "title", "capitalize", "swapcase", "casefold")
# What a regular expression takes as more than itself.
_SPECIAL = frozenset(r"\.^$*+?{}[]|()")


class TextMethods(Recorded):
    """`.str` of a column of texts."""

    noun = "column of texts"

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def __getattr__(self, name: str) -> Any:
        if name in _CASES:
            return lambda: self._case(name)
        raise Untraceable(f"`.str.{name}` of a column of texts can't be recorded")

    def _change(self, function: ChangeName, *arguments: Any) -> Labels:
        return self._labels.changed(ChangeText(self._labels.texts, function, arguments))

    def _measure(
        self, function: MeasureName, of: str = "", missing: float | None = None
    ) -> Numbers:
        operation = MeasureText(self._labels.texts, function, of, missing)
        build = self._labels.build
        return Numbers(build, build.add(operation), "float", is_pandas=True)

    def _case(self, name: Any) -> Labels:
        if self._is_arrow and name in ("lower", "upper"):
            return self._change("lower_simple" if name == "lower" else "upper_simple")
        return self._change(name)

    @property
    def _is_arrow(self) -> bool:
        """Whether Arrow changes the case of these texts, rather than Python."""
        if self._labels.dtype_name not in ("str", "string", "category"):
            return False
        import pandas as pd

        return str(pd.Series([""], dtype="str").dtype.storage) == "pyarrow"

    def strip(self, to_strip: str | None = None) -> Labels:
        """Without characters at both ends."""
        return self._change("strip", to_strip)

    def lstrip(self, to_strip: str | None = None) -> Labels:
        """Without characters at the beginning."""
        return self._change("lstrip", to_strip)

    def rstrip(self, to_strip: str | None = None) -> Labels:
        """Without characters at the end."""
        return self._change("rstrip", to_strip)

    def replace(self, pat: Any, repl: Any = None, *, regex: bool = False, **options: Any) -> Labels:
        """A text replaced by another one."""
        if options or not isinstance(pat, str) or not isinstance(repl, str):
            raise Untraceable("it replaces parts of texts by what a function returns")
        if regex and not (_is_literal(pat) and "\\" not in repl):
            raise Untraceable(f"it replaces what matches the regular expression {pat!r}")
        return self._change("replace", pat, repl)

    def removeprefix(self, prefix: str) -> Labels:
        """Without this beginning."""
        return self._change("removeprefix", prefix)

    def removesuffix(self, suffix: str) -> Labels:
        """Without this end."""
        return self._change("removesuffix", suffix)

    def slice(self, start: Any = None, stop: Any = None, step: Any = None) -> Labels:
        """Some characters."""
        return self._change("slice", start, stop, step)

    def get(self, at: int) -> Labels:
        """One character."""
        return self._change("get", at)

    def __getitem__(self, at: Any) -> Labels:
        return self.slice(at.start, at.stop, at.step) if isinstance(at, slice) else self.get(at)

    def zfill(self, width: int) -> Labels:
        """With zeros before it."""
        return self._change("zfill", width)

    def split(
        self, pat: str | None = None, *, n: int = -1, expand: bool = False, **_: Any
    ) -> Parts:
        """The parts between separators."""
        return Parts(self._labels, pat, n, is_from_right=False, is_frame=expand)

    def rsplit(self, pat: str | None = None, *, n: int = -1, expand: bool = False) -> Parts:
        """The parts between separators, counted from the right."""
        return Parts(self._labels, pat, n, is_from_right=True, is_frame=expand)

    def len(self) -> Numbers:
        """How many characters."""
        return self._measure("len")

    def count(self, pat: str) -> Numbers:
        """How often it contains a text."""
        _require_literal(pat)
        return self._measure("count", pat)

    def find(self, sub: str) -> Numbers:
        """Where it contains a text, or -1."""
        return self._measure("find", sub)

    def contains(
        self, pat: str, case: bool = True, flags: int = 0, na: Any = None, regex: bool = True
    ) -> Numbers:
        """Whether it contains a text."""
        if regex and set(pat) & (_SPECIAL - {"|"}):
            raise Untraceable(f"it looks for the regular expression {pat!r}")
        methods, wanted = self, pat.split("|") if regex else [pat]
        if not case:
            methods, wanted = TextMethods(self._case("lower")), [one.lower() for one in wanted]
        if flags:
            raise Untraceable("it looks for a regular expression with flags")
        found = [methods._truth("contains", one, na) for one in wanted]
        return _any_of(found)

    def startswith(self, pat: Any, na: Any = None) -> Numbers:
        """Whether it begins with a text, or with one of several."""
        return self._one_of("startswith", pat, na)

    def endswith(self, pat: Any, na: Any = None) -> Numbers:
        """Whether it ends with a text, or with one of several."""
        return self._one_of("endswith", pat, na)

    def _one_of(self, function: MeasureName, pat: Any, na: Any) -> Numbers:
        wanted = pat if isinstance(pat, tuple) else (pat,)
        return _any_of([self._truth(function, one, na) for one in wanted])

    def _truth(self, function: MeasureName, of: str, na: Any) -> Numbers:
        """A truth; columns of objects have none for missing texts, unless the code says which."""
        if na is None or na != na:
            na = None if self._labels.dtype_name.startswith("object") else False
        is_truth = na is not None or self._labels.is_filled
        found = self._measure(function, of, None if na is None else float(na))
        return found.like(found.register, "boolean" if is_truth else "float")


class Parts(Recorded):
    """The parts of split texts, of which code takes some: as a column of lists, or as a frame."""

    noun = "column of lists"

    def __init__(
        self,
        labels: Labels,
        separator: str | None,
        n_most: int,
        *,
        is_from_right: bool,
        is_frame: bool,
    ) -> None:
        if separator == "" or (separator and len(separator) > 1 and set(separator) & _SPECIAL):
            raise Untraceable(f"it splits at the regular expression {separator!r}")
        self._labels, self._is_frame = labels, is_frame
        self._how = (separator, n_most if n_most > 0 else -1, int(is_from_right))

    @property
    def str(self) -> PartMethods:
        """To take a part."""
        if self._is_frame:
            raise Untraceable("`.str` of a frame can't be recorded")
        return PartMethods(self)

    def __getitem__(self, at: Any) -> Labels:
        if not self._is_frame or not isinstance(at, int):
            raise Untraceable("it selects rows")
        return self.part(at)

    def part(self, at: int) -> Labels:
        """One of the parts; missing where there are fewer."""
        operation = ChangeText(self._labels.texts, "part", (*self._how, at))
        return self._labels.changed(operation)


class PartMethods(Recorded):
    """`.str` of a column of lists."""

    noun = "column of lists"

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __getitem__(self, at: Any) -> Labels:
        return self.get(at)

    def get(self, at: Any) -> Labels:
        """One of the parts."""
        if not isinstance(at, int):
            raise Untraceable("it takes several parts of a split text")
        return self._parts.part(at)


def of_each_text(function: Callable[[Any], Any], labels: Labels) -> Any:
    """What a function of one text makes of all of them."""
    found = _of_one(function, labels)
    if isinstance(found, OneText):
        return Labels(labels.build, found.labels.column, "str", found.labels.is_filled)
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
    return function(OneText(labels))


class OneText(Recorded):
    """One text, in a function that is called for each: its methods are those of Python."""

    noun = "text"

    def __init__(self, labels: Labels) -> None:
        self.labels = Labels(labels.build, labels.column, "object", labels.is_filled)

    def __getattr__(self, name: str) -> Any:
        if name in (*_CASES, "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "zfill"):
            return self._changed(getattr(self.labels.str, name))
        if name in ("startswith", "endswith"):
            return getattr(self.labels.str, name)
        raise Untraceable(f"`.{name}` of a text can't be recorded")

    def _changed(self, method: Callable[..., Labels]) -> Callable[..., OneText]:
        return lambda *arguments: OneText(method(*arguments))

    def replace(self, old: str, new: str) -> OneText:
        """One text replaced by another."""
        return OneText(self.labels.str.replace(old, new))

    def __getitem__(self, at: Any) -> OneText:
        return OneText(self.labels.str[at])

    def split(self, separator: str | None = None, maxsplit: int = -1) -> OneTextParts:
        """The parts between separators."""
        return OneTextParts(self.labels, separator, maxsplit)

    def count(self, of: str) -> Numbers:
        """How often it contains a text."""
        register = self.labels.build.add(MeasureText(self.labels.texts, "count", of))
        return Numbers(self.labels.build, register, "float", is_pandas=True)

    def __len__(self) -> NoReturn:
        raise Untraceable("it asks for the length of each text; `.str.len()` can be recorded")

    def __contains__(self, _: Any) -> bool:
        raise Untraceable("it looks into each text; `.str.contains(...)` can be recorded")

    def __eq__(self, other: object) -> Any:
        return self.labels == other

    def __ne__(self, other: object) -> Any:
        return self.labels != other

    __hash__ = None  # nobody may ask whether it is in a set


class OneTextParts(Recorded):
    """The parts of one text."""

    noun = "list of texts"

    def __init__(self, labels: Labels, separator: str | None, n_most: int) -> None:
        self.labels, self.how = labels, (separator, n_most, 0)

    def __getitem__(self, at: Any) -> OneText:
        if at not in (0, -1) or self.how[0] is None:
            raise Untraceable(
                "it takes a part that a text may not have; `.str.split()` allows that"
            )
        operation = ChangeText(self.labels.texts, "part", (*self.how, at))
        return OneText(self.labels.changed(operation, is_filled=True))


def _any_of(truths: list[Numbers]) -> Numbers:
    found, *others = truths
    for other in others:
        found = found.like(computed("maximum", found, other).register, found.kind)
    return found


def _is_literal(pattern: str) -> bool:
    return not set(pattern) & _SPECIAL


def _require_literal(pattern: str) -> None:
    if not _is_literal(pattern):
        raise Untraceable(f"it counts what matches the regular expression {pattern!r}")
