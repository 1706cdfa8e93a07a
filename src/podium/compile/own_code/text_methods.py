"""The methods of texts on a recorded column: pandas' `.str`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from podium.compile.own_code import expressions
from podium.compile.own_code.expressions import Expression, expression_of
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import ChangeText, MatchText, MeasureText
from podium.program.operations.texts.matches import MatchName
from podium.program.operations.texts.spelling import ChangeName
from podium.program.operations.texts.texts import MeasureName

CASES = ("lower", "upper", "title", "capitalize", "swapcase", "casefold")
# What a regular expression takes as more than itself.
_SPECIAL = frozenset(r"\.^$*+?{}[]|()")


class TextMethods(Recorded):
    """`.str` of a column of texts."""

    noun = "column of texts"

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def __getattr__(self, name: str) -> Any:
        if name in CASES:
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
        if self._is_arrow and name == "title":
            raise Untraceable(
                "Arrow writes titles in its own way; `.apply(str.title)` can be recorded"
            )
        if self._is_arrow and name != "casefold":
            simple: Any = f"{name}_simple"
            return self._change(simple)
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
        if options.keys() - {"case", "flags"} or callable(repl):
            raise Untraceable("it replaces parts of texts by what a function returns, or only some")
        if regex and not (_is_literal(pat) and "\\" not in repl and not options):
            return self._replace_matches(pat, repl, **options)
        if options or not isinstance(pat, str):
            raise Untraceable("it replaces texts without regard to their case; pass regex=True")
        return self._change("replace", pat, repl)

    def _replace_matches(
        self, pat: Any, repl: Any, case: bool | None = None, flags: int = 0
    ) -> Labels:
        """What matches a regular expression, replaced."""
        is_python = flags or case is False or isinstance(pat, re.Pattern)
        found = expression_of(
            pat, case=case is not False, flags=flags, by_arrow=self._is_arrow and not is_python
        )
        operation = expressions.replacing(self._labels, found, repl)
        self._try(
            operation,
            lambda real: real.replace(pat, repl, case=case, flags=flags, regex=True),
        )
        return self._labels.changed(operation)

    def _try(self, operation: Any, real: Callable[[Any], Any]) -> None:
        if self._is_arrow:
            expressions.require_same(self._labels, operation, real)

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

    def count(self, pat: Any, flags: int = 0) -> Numbers:
        """How often it contains a text, or what matches a regular expression."""
        if isinstance(pat, str) and _is_literal(pat) and pat and not flags:
            return self._measure("count", pat)
        if self._is_arrow and not flags:
            expressions.require_no_places(pat)
        found = expression_of(pat, flags=flags, by_arrow=self._is_arrow)
        return self._matched("count", found, None, lambda real: real.count(pat, flags=flags))

    def _matched(
        self, how: MatchName, found: Expression, na: float | None, real: Callable[[Any], Any]
    ) -> Numbers:
        operation = expressions.matching(self._labels, how, found, na)
        self._try(operation, real)
        build = self._labels.build
        return Numbers(build, build.add(operation), "float", is_pandas=True)

    def match(self, pat: Any, case: bool | None = None, flags: int = 0, na: Any = None) -> Numbers:
        """Whether it begins with what matches a regular expression."""
        return self._truth_of("match", pat, case, flags, na)

    def fullmatch(
        self, pat: Any, case: bool | None = None, flags: int = 0, na: Any = None
    ) -> Numbers:
        """Whether all of it matches a regular expression."""
        return self._truth_of("fullmatch", pat, case, flags, na)

    def _truth_of(
        self, how: MatchName, pat: Any, case: bool | None, flags: int, na: Any
    ) -> Numbers:
        options: Any = {"flags": flags} if case is None else {"case": case, "flags": flags}
        if self._is_arrow and how == "match" and flags == re.IGNORECASE:
            case, flags = False, 0  # pandas gives this method's flag to Arrow
        found = expression_of(pat, case=case is not False, flags=flags, by_arrow=self._is_arrow)
        method = "contains" if how == "search" else how
        missing, is_truth = self._missing(na)
        truth = self._matched(
            how, found, missing, lambda real: getattr(real, method)(pat, **options)
        )
        return truth.like(truth.register, "boolean" if is_truth else "float")

    def extract(self, pat: Any, flags: int = 0, expand: bool = True) -> Any:
        """The groups of the first match, as columns."""
        found = expression_of(pat, flags=flags)
        groups = re.compile(pat, flags)
        names = {at: name for name, at in groups.groupindex.items()}
        if not groups.groups:
            raise Untraceable(f"the regular expression {pat!r} has no group to extract")
        made: dict[Any, Labels] = {}
        for group in range(1, groups.groups + 1):
            operation = expressions.extracting(self._labels, found, group, None)
            self._try(operation, partial(_group, pat, flags, group - 1))
            part = self._labels.changed(operation, is_filled=False)
            made[names.get(group, group - 1)] = part
        if not expand and len(made) == 1:
            return part
        return Recorded.frame_of(made, build=self._labels.build)

    def get_dummies(self, sep: str = "|") -> Any:
        """A column for each part that a batch has."""
        return Recorded.tags_of(self._labels, sep)

    def findall(self, pat: Any, flags: int = 0) -> Matches:
        """All matches, of which code takes one or the number."""
        return Matches(self._labels, expression_of(pat, flags=flags))

    def find(self, sub: str) -> Numbers:
        """Where it contains a text, or -1."""
        return self._measure("find", sub)

    def contains(
        self, pat: str, case: bool = True, flags: int = 0, na: Any = None, regex: bool = True
    ) -> Numbers:
        """Whether it contains a text, or what matches a regular expression."""
        is_text = isinstance(pat, str) and not (regex and set(pat) & (_SPECIAL - {"|"}))
        if not is_text or not case or flags:
            if not regex and not self._is_arrow:
                raise Untraceable("it ignores the case of a text; leave regex=True for that")
            if not regex and not flags:
                pat = re.escape(pat).replace("\\ ", " ")
            return self._truth_of("search", pat, case, flags, na)
        wanted = pat.split("|") if regex else [pat]
        return _any_of([self._truth("contains", one, na) for one in wanted])

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
        missing, is_truth = self._missing(na)
        found = self._measure(function, of, missing)
        return found.like(found.register, "boolean" if is_truth else "float")

    def _missing(self, na: Any) -> tuple[float | None, bool]:
        """What a missing text has in place of a truth, and whether all have one.

        Columns of objects have none for missing texts, unless the code says which.
        """
        if na is None or na != na:
            na = None if self._labels.dtype_name.startswith("object") else False
        return None if na is None else float(na), na is not None or self._labels.is_filled


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

    def number(self) -> Numbers:
        """How many parts there are."""
        separator, n_most, _ = self._how
        if n_most != -1:
            raise Untraceable("it counts the parts of a text that isn't split throughout")
        if separator:
            operation: MeasureText | MatchText = MeasureText(self._labels.texts, "count", separator)
        else:
            operation = expressions.matching(self._labels, "count", Expression(r"\S+"), None)
        build = self._labels.build
        found = Numbers(build, build.add(operation), "float", is_pandas=True)
        return found + 1 if separator else found

    def part(self, at: int) -> Labels:
        """One of the parts; missing where there are fewer."""
        operation = ChangeText(self._labels.texts, "part", (*self._how, at))
        return self._labels.changed(operation)


class Matches(Recorded):
    """The matches of a regular expression in each text."""

    noun = "column of lists"

    def __init__(self, labels: Labels, found: Expression) -> None:
        self._labels, self._found = labels, found

    @property
    def str(self) -> Matches:
        """To take a match, or to count them."""
        return self

    def __getitem__(self, at: Any) -> Labels:
        return self.get(at)

    def get(self, at: Any) -> Labels:
        """One of the matches; missing where there are fewer."""
        groups = re.compile(self._found.pattern).groups
        if not isinstance(at, int) or groups > 1:
            raise Untraceable("it takes several groups or matches; `.str.extract` takes groups")
        expressions.require_width(self._found)
        operation = expressions.extracting(self._labels, self._found, groups, at)
        found = self._labels.changed(operation, is_filled=False)
        return Labels(found.build, found.column, "object")

    def len(self) -> Numbers:
        """How many there are."""
        build = self._labels.build
        operation = expressions.matching(self._labels, "count", self._found, None)
        return Numbers(build, build.add(operation), "float", is_pandas=True)


class PartMethods(Recorded):
    """`.str` of a column of lists."""

    noun = "column of lists"

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __getitem__(self, at: Any) -> Labels:
        return self.get(at)

    def len(self) -> Numbers:
        """How many there are."""
        return self._parts.number()

    def get(self, at: Any) -> Labels:
        """One of the parts."""
        if not isinstance(at, int):
            raise Untraceable("it takes several parts of a split text")
        return self._parts.part(at)


def _group(pat: Any, flags: int, at: int, real: Any) -> Any:
    """What pandas extracts."""
    return real.extract(pat, flags=flags).iloc[:, at]


def _any_of(truths: list[Numbers]) -> Numbers:
    found, *others = truths
    for other in others:
        found = found.like(computed("maximum", found, other).register, found.kind)
    return found


def _is_literal(pattern: str) -> bool:
    return not set(pattern) & _SPECIAL
