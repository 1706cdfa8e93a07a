"""Regular expressions of which it is known how long they can take.

Python's `re` goes back and tries again, so that a bad expression takes years for a few dozen letters. A
plan comes from strangers, and so do the texts: only expressions without backreferences, lookarounds
and repeats within repeats are accepted, and for these the steps that a text of some length can take
are bounded by a polynomial, which `Pattern` computes.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined] # known to every Python since 3.11
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from podium.errors import ModelError

PATTERN_MAX = 2_000
# What one text may take at most: most take 3 to 10 ns each, and some 40.
STEPS_MAX = 20_000_000
# A repeat of up to this many is written out, so that it may contain others.
_FEW = 8
_PARTS_MAX = 5_000
# Of characters in a class that are looked at one by one.
_CHARACTERS_MAX = 512
# Of what may come next, more than so many kinds are as good as all.
_FIRST_MAX = 64
_LENGTHS = [quarter << exponent for exponent in range(1, 19) for quarter in range(4, 8)]
_FLAGS = "it sets flags; only re.IGNORECASE as an argument is accepted"


class RefusedPattern(ValueError):
    """Why a regular expression isn't accepted."""


class Pattern:
    """A regular expression, and how long a text it may be used on.

    Args:
        expression: as Python has it.
        ignores_case: of letters.
        is_anchored: whether it is tried at the beginning of a text only.
        is_full: whether it has to match up to the end.

    Attributes:
        compiled: as Python's `re` compiles it.
        width: how many characters it matches at least.
        longest: how long a text may be.

    Raises:
        RefusedPattern: it isn't a regular expression, or might take too long for any text.
    """

    def __init__(
        self,
        expression: str,
        *,
        ignores_case: bool = False,
        is_anchored: bool = False,
        is_full: bool = False,
    ) -> None:
        if len(expression) > PATTERN_MAX:
            raise RefusedPattern(f"it has more than {PATTERN_MAX:,} characters")
        flags = re.IGNORECASE if ignores_case else 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = _parser.parse(expression, flags)
                self._items = tuple(_Reader(ignores_case).items(tree))
                self.compiled = re.compile(expression, flags)
        except (re.error, RecursionError, OverflowError) as error:
            raise RefusedPattern(f"Python can't read it: {error}") from error
        if tree.state.flags & ~(re.UNICODE | flags):
            raise RefusedPattern(_FLAGS)
        self.width = tree.getwidth()[0]
        first = self._items[0] if self._items else None
        self._is_anchored = is_anchored or (isinstance(first, _Place) and first.is_begin)
        self._is_full, self._is_split = is_full, self._starts_apart()
        self.longest = self._longest()

    def _starts_apart(self) -> bool:
        """Whether the character with which each match begins occurs nowhere else in it."""
        if not self._items or not isinstance(self._items[0], _One):
            return False
        begin, *rest = self._items
        return not any(begin.kinds.meets(one) for part in rest for one in part.all_kinds())

    def steps(self, n_letters: int) -> int:
        """How many steps a text of this length can take at most."""
        counted = _Counter(n_letters)
        after = _After(1, 1, (), can_fail=self._is_full)
        whole = counted.all(self._items, after)
        if self._is_anchored:
            return 2 * n_letters + whole.cost
        if self._is_split:  # each attempt ends before the next one can begin
            return n_letters * (2 + whole.size) + whole.cost
        return n_letters + (n_letters + 1) * whole.cost

    def _longest(self) -> int:
        """The longest of some lengths for which it takes no more than STEPS_MAX."""
        n_short = bisect_right(_LENGTHS, STEPS_MAX, key=self.steps)
        return _LENGTHS[n_short - 1] if n_short else 0

    def bounded(self, text: str) -> str:
        """The text, unless it is too long for the expression.

        Raises:
            ModelError: it is.
        """
        if len(text) > self.longest:
            raise ModelError(
                f"the model looks for {self.compiled.pattern[:50]!r} in texts of up to "
                f"{self.longest:,} characters"
            )
        return text


class _Kinds(NamedTuple):
    """Characters: some by name, some by their kind, or all others than these.

    Attributes:
        some: characters.
        kinds: names of categories of `re`.
        is_negated: whether it is all but those.
    """

    some: frozenset[str]
    kinds: frozenset[str]
    is_negated: bool

    def meets(self, other: _Kinds) -> bool:
        """Whether a character may be among both; True if that isn't known."""
        if self.is_negated:
            return other.is_negated or other.meets(self)
        if other.is_negated:
            return any(not other.names(one) for one in self.some) or not self.kinds <= other.kinds
        return (
            any(other.names(one) for one in self.some)
            or any(self.names(one) for one in other.some)
            or any(frozenset({one, two}) not in _APART for one in self.kinds for two in other.kinds)
        )

    def names(self, character: str) -> bool:
        """Whether it is one of those that are named, or of a kind that is."""
        return character in self.some or any(_TESTS[kind].match(character) for kind in self.kinds)


_EVERYTHING = _Kinds(frozenset(), frozenset(), is_negated=True)
_TESTS = {
    "CATEGORY_DIGIT": re.compile(r"\d"),
    "CATEGORY_NOT_DIGIT": re.compile(r"\D"),
    "CATEGORY_SPACE": re.compile(r"\s"),
    "CATEGORY_NOT_SPACE": re.compile(r"\S"),
    "CATEGORY_WORD": re.compile(r"\w"),
    "CATEGORY_NOT_WORD": re.compile(r"\W"),
}
_APART = frozenset(
    {
        frozenset({"CATEGORY_DIGIT", "CATEGORY_SPACE"}),
        frozenset({"CATEGORY_WORD", "CATEGORY_SPACE"}),
        frozenset({"CATEGORY_DIGIT", "CATEGORY_NOT_DIGIT"}),
        frozenset({"CATEGORY_DIGIT", "CATEGORY_NOT_WORD"}),
        frozenset({"CATEGORY_SPACE", "CATEGORY_NOT_SPACE"}),
        frozenset({"CATEGORY_WORD", "CATEGORY_NOT_WORD"}),
    }
)


# What is the same letter as these for Python, besides their upper case.
_SAME = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}


class _After(NamedTuple):
    """What follows in an expression.

    Attributes:
        cost: of trying it.
        size: how many parts it has.
        first: what it may begin with.
        can_fail: whether it might not match.
    """

    cost: int
    size: int
    first: tuple[_Kinds, ...]
    can_fail: bool


@dataclass(frozen=True)
class _One:
    """One character."""

    kinds: _Kinds

    def all_kinds(self) -> Iterator[_Kinds]:
        yield self.kinds


@dataclass(frozen=True)
class _Place:
    """A place between characters."""

    is_begin: bool

    def all_kinds(self) -> Iterator[_Kinds]:
        yield from ()


@dataclass(frozen=True)
class _Choice:
    """One of several sequences."""

    ways: tuple[tuple[Any, ...], ...]

    def all_kinds(self) -> Iterator[_Kinds]:
        for way in self.ways:
            for item in way:
                yield from item.all_kinds()


@dataclass(frozen=True)
class _Repeat:
    """Characters over and over, always as many at once."""

    items: tuple[_One, ...]
    least: int
    most: int

    def all_kinds(self) -> Iterator[_Kinds]:
        for item in self.items:
            yield item.kinds


class _Reader:
    """Turns the parse tree of Python's `re` into parts whose steps can be counted."""

    def __init__(self, ignores_case: bool) -> None:
        self._ignores_case, self._n_parts = ignores_case, 0

    def items(self, tree: Any) -> Iterator[Any]:
        """The parts of a sequence.

        Raises:
            RefusedPattern: one of them isn't accepted.
        """
        for operator, argument in tree:
            self._n_parts += 1
            if self._n_parts > _PARTS_MAX:
                raise RefusedPattern("its repeats have too many parts")
            if operator == sre.SUBPATTERN:
                yield from self._group(argument)
            elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
                yield from self._repeat(*argument)
            elif operator == sre.BRANCH:
                yield _Choice(tuple(tuple(self.items(way)) for way in argument[1]))
            elif operator == sre.AT:
                yield _Place(argument in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING))
            else:
                yield _One(self._kinds(operator, argument))

    def _group(self, argument: Any) -> Iterator[Any]:
        _, add_flags, remove_flags, inner = argument
        if add_flags or remove_flags:
            raise RefusedPattern(_FLAGS)
        return self.items(inner)

    def _repeat(self, least: int, most: int, inner: Any) -> Iterator[Any]:
        body = tuple(self.items(inner))
        if body and all(isinstance(one, _One) for one in body):
            yield _Repeat(body, int(least), int(most))
            return
        if most > _FEW:
            raise RefusedPattern("it repeats what has no fixed length")
        for _ in range(least):
            yield from self.items(inner)
        for _ in range(most - least):
            yield _Choice((tuple(self.items(inner)), ()))

    def _kinds(self, operator: Any, argument: Any) -> _Kinds:
        """The characters of one place."""
        if operator == sre.ANY:
            return _Kinds(frozenset("\n"), frozenset(), is_negated=True)
        if operator in (sre.LITERAL, sre.NOT_LITERAL):
            return self._of(chr(argument), (), operator == sre.NOT_LITERAL)
        if operator == sre.IN:
            return self._set(argument)
        raise RefusedPattern(_refusal(operator))

    def _set(self, argument: Any) -> _Kinds:
        """The characters in brackets."""
        some: list[str] = []
        kinds: list[str] = []
        is_negated = False
        for one, value in argument:
            is_negated = is_negated or one == sre.NEGATE
            if one == sre.LITERAL:
                some.append(chr(value))
            elif one == sre.CATEGORY:
                kinds.append(str(value))
            elif one == sre.RANGE:
                if value[1] - value[0] > _CHARACTERS_MAX:
                    if self._ignores_case:  # Python would look at each of them
                        raise RefusedPattern("it ignores the case of a long range of characters")
                    return _EVERYTHING
                some += map(chr, range(value[0], value[1] + 1))
            elif one != sre.NEGATE:
                raise RefusedPattern(_refusal(one))
        return self._of(some, kinds, is_negated)

    def _of(self, some: Iterable[str], kinds: Iterable[str], is_negated: bool) -> _Kinds:
        found = set(some)
        if self._ignores_case:
            if not all(map(str.isascii, found)):
                return _EVERYTHING
            for one in tuple(found):
                found |= {one.lower(), one.upper(), *_SAME.get(one.lower(), "")}
        return _Kinds(frozenset(found), frozenset(kinds), is_negated)


def _refusal(kind: Any) -> str:
    name = str(kind)
    if name.startswith("GROUPREF"):
        return "it refers back to a group"
    if name.startswith("ASSERT"):
        return "it looks ahead or behind"
    return f"it has a part of kind {name.lower()}"


class _Counter:
    """Counts the steps of parts in a text of some length."""

    def __init__(self, n_letters: int) -> None:
        self._n_letters = n_letters

    def all(self, items: Sequence[Any], after: _After) -> _After:
        """A sequence, and what follows it."""
        for item in reversed(items):
            after = self._one(item, after)
            if len(after.first) > _FIRST_MAX:
                first = tuple(dict.fromkeys(after.first))
                first = first if len(first) <= _FIRST_MAX else (_EVERYTHING,)
                after = after._replace(first=first)
            if after.cost > STEPS_MAX:  # and it only becomes more
                after = after._replace(cost=STEPS_MAX + 1)
        return after

    def _one(self, item: Any, after: _After) -> _After:
        size = after.size + 1
        if isinstance(item, _One):
            return _After(after.cost + 1, size, (item.kinds,), can_fail=True)
        if isinstance(item, _Place):
            return _After(after.cost + 1, size, after.first, can_fail=True)
        if isinstance(item, _Repeat):
            return self._repeat(item, after)
        ways = [self.all(way, after) for way in item.ways]
        return _After(
            1 + sum(way.cost for way in ways),
            max(way.size for way in ways),
            tuple(one for way in ways for one in way.first),
            can_fail=all(way.can_fail for way in ways),
        )

    def _repeat(self, item: _Repeat, after: _After) -> _After:
        """A repeat: it may end anywhere, and each time what follows is tried."""
        width, first = len(item.items), item.items[0].kinds
        often = min(item.most, self._n_letters // width + 1)
        n_ends = max(1, often - item.least + 1)
        begins = (first, *after.first) if item.least == 0 else (first,)
        if not after.can_fail:  # it is passed once, and then the text has been matched
            cost = width * min(item.least, often) + 1 + after.cost
        elif not any(first.meets(one) for one in after.first):
            # What follows begins with something else, so it fails at once wherever the repeat goes on.
            cost = often * width + n_ends * after.size + after.cost
        else:
            cost = often * width + n_ends * after.cost
        can_fail = after.can_fail or item.least > 0
        return _After(cost, after.size + width, begins, can_fail=can_fail)
