"""Texts in which a regular expression is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np

from podium.program.operations.operation import Operation, Register, Shape, Shapes, Step, require
from podium.program.operations.texts.patterns import PATTERN_MAX, Pattern, RefusedPattern
from podium.program.operations.texts.spelling import TEXT_MAX, bounded
from podium.program.operations.texts.texts import TEXTS, within_memory

MatchName: TypeAlias = Literal["search", "match", "fullmatch", "count"]
# Plain characters, and the texts of groups.
REPLACEMENT = re.compile(r"(?:[^\\]|\\[1-9](?!\d))*", re.DOTALL)


class Matching(Operation, frozen=True):
    """An operation with a regular expression.

    Attributes:
        pattern: as Python's `re` has it; see `patterns` for what is accepted.
        ignores_case: of letters.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    pattern: str
    ignores_case: bool = False

    def compiled(self, how: str = "search") -> Pattern:
        """The expression, ready to be looked for.

        Raises:
            BundleError: it isn't accepted.
        """
        try:
            return Pattern(
                self.pattern,
                ignores_case=self.ignores_case,
                is_anchored=how in ("match", "fullmatch"),
                is_full=how == "fullmatch",
            )
        except RefusedPattern as error:
            require(False, f"the regular expression {self.pattern[:50]!r}: {error}")
            raise

    def each(self, function: Callable[[str], Any], missing: Any) -> Callable[[Sequence[Any]], Any]:
        """Text by text, each different one once."""
        x = self.x

        def run(values: Sequence[Any]) -> Any:
            texts = values[x]
            found = {one: missing if one is None else function(one) for one in dict.fromkeys(texts)}
            return map(found.__getitem__, texts)

        return run


class MatchText(Matching, frozen=True, tag="match_text"):
    """Whether each text matches a regular expression, or how often.

    Attributes:
        how: `search` for it anywhere; `match` it at the beginning, or `fullmatch` the whole text;
            `count` how often it occurs.
        missing: the number for a missing text.
    """

    how: MatchName = "search"
    missing: float | None = None

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        shapes.texts(self.x)
        pattern = self.compiled(self.how)
        require(self.how != "count" or pattern.width > 0, "it counts what may be empty")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        pattern = self.compiled(self.how)
        find: Any = getattr(pattern.compiled, "finditer" if self.how == "count" else self.how)
        missing = np.nan if self.missing is None else self.missing

        def number(text: str) -> float:
            found = find(pattern.bounded(text))
            return float(sum(1 for _ in found) if self.how == "count" else found is not None)

        run = self.each(number, missing)
        return lambda _, values: np.array(list(run(values)), np.float64)[:, None]


class ExtractText(Matching, frozen=True, tag="extract_text"):
    """A part of each text that matches a regular expression; missing where nothing does.

    Attributes:
        group: of the expression; 0 is the whole match.
        place: of the match, from 0, or -1 for the last; by default the first, in which a group that
            isn't there is missing rather than empty.
    """

    group: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    place: int | None = None

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        pattern = self.compiled()
        require(self.group <= pattern.compiled.groups, f"there is no group {self.group}")
        require(
            self.place is None or pattern.width > 0, "it takes one of matches that may be empty"
        )
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        pattern, group, place = self.compiled(), self.group, self.place

        def first(text: str) -> str | None:
            found = pattern.compiled.search(pattern.bounded(text))
            return None if found is None else found[group]

        def one_of(text: str) -> str | None:
            found = [one[group] or "" for one in pattern.compiled.finditer(pattern.bounded(text))]
            return found[place or 0] if -len(found) <= (place or 0) < len(found) else None

        run = self.each(first if place is None else one_of, None)
        return lambda _, values: list(run(values))  # type: ignore[return-value]


class ReplaceMatches(Matching, frozen=True, tag="replace_matches"):
    r"""Texts in which what matches a regular expression is replaced.

    Attributes:
        by: the text in its place; `\1` to `\9` stand for the groups.
    """

    by: Annotated[str, msgspec.Meta(max_length=PATTERN_MAX)] = ""

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        pattern = self.compiled()
        require(pattern.width > 0, "it replaces what may be empty")
        groups = [int(one) for one in re.findall(r"\\(.)", self.by) if one.isdigit()]
        fits = REPLACEMENT.fullmatch(self.by) and max(groups, default=0) <= pattern.compiled.groups
        require(bool(fits), f"{self.by[:50]!r} can't be put in the place of a match")
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        pattern, by = self.compiled(), self.by
        substitute, find = pattern.compiled.sub, pattern.compiled.finditer

        def replaced(text: str) -> str:
            text = pattern.bounded(text)
            if len(text) * (len(by) + 1) <= TEXT_MAX:
                return substitute(by, text)
            found: list[str] = []
            n_letters, end = 0, 0
            for match in find(text):
                found += (text[end : match.start()], match.expand(by))
                n_letters += len(found[-1]) + len(found[-2])
                if n_letters > TEXT_MAX:
                    break
                end = match.end()
            return bounded("".join((*found, text[end:])))

        run = self.each(replaced, None)
        return lambda _, values: within_memory(run(values))  # type: ignore[return-value]
