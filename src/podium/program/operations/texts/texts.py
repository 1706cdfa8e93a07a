"""Texts of one's own code: read from a column, changed, measured, and turned into numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Column,
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_vector,
)
from podium.program.operations.reading.columns import Codes
from podium.program.operations.texts.analysis import is_safe
from podium.program.operations.texts.spelling import (
    CHANGES,
    LENGTHENING,
    TEXT_MAX,
    ChangeName,
    bounded,
    change,
)
from podium.signature import Label

# The content of a register of texts: one for each row, None where it is missing.
TextCells: TypeAlias = list[str | None]
TEXTS = Shape(1, is_text=True)
# Of the texts of all rows together that an operation makes longer.
ALL_MAX = 1 << 26

MeasureName: TypeAlias = Literal[
    "len",
    "contains",
    "startswith",
    "endswith",
    "count",
    "find",
    "matches",
    "words",
    "different_words",
]


class Texts(Operation, frozen=True, tag="texts"):
    """A column of the table as texts; what isn't one is missing.

    Attributes:
        known: the only labels that aren't missing; by default all are known.
    """

    may_warn: ClassVar[bool] = False

    column: Column
    known: tuple[Label, ...] = ()

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """The only one."""
        return (self.column,)

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.columns((self.column,))
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Cell by cell."""
        column, known = self.column, frozenset(self.known)

        def run(columns: Sequence[Any], _: Sequence[Any]) -> Any:
            cells = columns[column]
            if known:
                return [one if one in known and isinstance(one, str) else None for one in cells]
            return [one if isinstance(one, str) else None for one in cells]

        return run


class ChangeText(Operation, frozen=True, tag="change_text"):
    """Texts changed by one of the methods that texts have; what is missing stays missing.

    Attributes:
        function: the method.
        arguments: of it: see `spelling`.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    function: ChangeName
    arguments: tuple[str | int | None, ...] = ()

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        kinds = CHANGES[self.function]
        fits = len(kinds) == len(self.arguments) and all(
            isinstance(one, kind) and not isinstance(one, bool)
            for one, kind in zip(self.arguments, kinds, strict=True)
        )
        require(fits, f"{self.function} of a text has other arguments")
        require(
            all(len(one) <= TEXT_MAX for one in self.arguments if isinstance(one, str)),
            "an argument is too long",
        )
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        x, changed = self.x, change(self.function, self.arguments)
        if self.function in LENGTHENING:
            return lambda _, values: within_memory(  # type: ignore[return-value]
                None if one is None else changed(one) for one in values[x]
            )
        return lambda _, values: [None if one is None else changed(one) for one in values[x]]  # type: ignore[return-value]


def within_memory(texts: Iterable[str | None]) -> TextCells:
    """The texts, unless all together are too long for the memory.

    Raises:
        ModelError: they are.
    """
    found: TextCells = []
    n_letters = 0
    for one in texts:
        n_letters += len(one or "")
        if n_letters > ALL_MAX:
            raise ModelError(f"the model makes texts of more than {ALL_MAX:,} characters")
        found.append(one)
    return found


class FillText(Operation, frozen=True, tag="fill_text"):
    """Texts, with a text in place of missing ones."""

    may_warn: ClassVar[bool] = False

    x: Register
    fill: str

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        x, fill = self.x, self.fill
        return lambda _, values: [fill if one is None else one for one in values[x]]  # type: ignore[return-value]


class PresentText(Operation, frozen=True, tag="present_text"):
    """Texts of which none may be missing."""

    may_warn: ClassVar[bool] = False

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """All at once."""
        x = self.x

        def run(_: Sequence[Any], values: Sequence[Any]) -> Any:
            if None in values[x]:
                raise ModelError("the model takes a part of a text that this text doesn't have")
            return values[x]

        return run


class Retext(Operation, frozen=True, tag="retext"):
    """Texts replaced by those of a table.

    Attributes:
        labels: of the table.
        texts: in place of each label.
        keeps_others: whether other texts stay; by default they become missing.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    labels: tuple[str, ...]
    texts: tuple[str | None, ...]
    keeps_others: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        shapes.texts(self.x)
        require(len(self.labels) == len(self.texts), "labels and texts differ in number")
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """One dictionary."""
        x, table = self.x, dict(zip(self.labels, self.texts, strict=True))
        if self.keeps_others:
            return lambda _, values: [table.get(one, one) for one in values[x]]  # type: ignore[return-value]
        return lambda _, values: [table.get(one) for one in values[x]]  # type: ignore[return-value]


class JoinTexts(Operation, frozen=True, tag="join_texts"):
    """Texts of several registers, one after the other; missing where one of them is."""

    may_warn: ClassVar[bool] = False

    xs: tuple[Register, ...]

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        require(len(self.xs) > 0, "no text is read")
        for x in self.xs:
            shapes.texts(x)
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Row by row."""
        xs = self.xs

        def run(_: Sequence[Any], values: Sequence[Any]) -> Any:
            rows = zip(*(values[x] for x in xs), strict=True)
            return within_memory(None if None in row else bounded("".join(row)) for row in rows)

        return run


class Named(Operation, frozen=True, tag="named"):
    """Texts by their numbers, counted from 0; any other number, and NaN, is a missing text."""

    may_warn: ClassVar[bool] = False

    x: Register
    texts: tuple[str, ...]

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        require(shapes.matrix(self.x).width == 1, "one number names a text")
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """One dictionary."""
        x, table = self.x, {float(n): text for n, text in enumerate(self.texts)}
        return lambda _, values: [table.get(one) for one in values[x].ravel().tolist()]  # type: ignore[return-value]


class ChooseText(Operation, frozen=True, tag="choose_text"):
    """Texts of one register where a number isn't 0, else those of another.

    Attributes:
        xs: the numbers, then the texts where they are true, and the others.
    """

    may_warn: ClassVar[bool] = False

    xs: tuple[Register, Register, Register]

    def check(self, shapes: Shapes) -> Shape:
        """Texts."""
        require(shapes.matrix(self.xs[0]).width == 1, "one number chooses a text")
        shapes.texts(self.xs[1])
        shapes.texts(self.xs[2])
        return TEXTS

    def prepare(self, _shapes: Shapes) -> Step:
        """Row by row."""
        truths, first, second = self.xs

        def run(_: Sequence[Any], values: Sequence[Any]) -> Any:
            chosen = values[truths].ravel().tolist()
            rows = zip(chosen, values[first], values[second], strict=True)
            return [one if is_true else other for is_true, one, other in rows]

        return run


class MeasureText(Operation, frozen=True, tag="measure_text"):
    """A number for each text: its length, or where, how often or whether it contains another.

    Attributes:
        function: `find` is where, counted from 0, or -1; `matches` how often a pattern of
            characters matches; `words` how many words there are between white space.
        of: the other text, or the pattern; of no use for `len` and for words.
        missing: the number for a missing text.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    function: MeasureName
    of: str = ""
    missing: float | None = None

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        shapes.texts(self.x)
        is_known = self.function != "matches" or is_safe(self.of)
        require(is_known, f"{self.of[:100]!r} isn't a known pattern")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        x, measure = self.x, _measure(self.function, self.of)
        missing = np.nan if self.missing is None else self.missing

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            numbers = [missing if one is None else measure(one) for one in values[x]]
            return np.array(numbers, np.float64)[:, None]

        return run


def _measure(function: MeasureName, of: str) -> Callable[[str], float]:
    if function == "len":
        return len
    if function == "contains":
        return lambda text: of in text
    if function == "matches":
        pattern = re.compile(of)
        return lambda text: len(pattern.findall(text))
    if function == "words":
        return lambda text: len(text.split())
    if function == "different_words":
        return lambda text: len(set(text.split()))
    return lambda text: getattr(text, function)(of)


class Recode(Operation, frozen=True, tag="recode"):
    """A number for each text.

    Attributes:
        labels: the known texts.
        codes: of these, then of a missing text, then of an unknown one.
        refuses_missing: whether a missing text is an error.
        refuses_unknown: whether an unknown one is one.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    labels: tuple[str, ...]
    codes: Floats
    refuses_missing: bool = False
    refuses_unknown: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        shapes.texts(self.x)
        require_vector(self.codes, len(self.labels) + 2, "the codes of texts")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """One dictionary."""
        x, codes = self.x, Codes(self)
        return lambda _, values: codes.all(values[x], np.float64)[:, None]
