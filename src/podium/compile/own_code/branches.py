"""Functions that are called for each value, or each row, and choose by it what they do.

Such a function is run once for each way through it: its first question about the value is answered
with yes, then with no, and so is each question behind that. What the ways return is put together by
the same questions, asked for all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.compile.own_code.labels import Labels, choose, named
from podium.compile.own_code.recorded import Recorded, Untraceable, deciding
from podium.compile.own_code.single_texts import OneText
from podium.compile.own_code.values import Numbers, computed

WAYS_MAX = 64


def branched(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a function of one value or row returns for all of them.

    Raises:
        Untraceable: it takes too many ways, or returns what can't be put together.
    """
    if deciding.get() is not None:  # it is called by another one, whose ways include its own
        return function(argument)
    found = _Ways(function, argument).all()
    return found.labels.copy() if isinstance(found, OneText) else found


class _Ways:
    """The ways through a function."""

    def __init__(self, function: Callable[[Any], Any], argument: Any) -> None:
        self._function, self._argument, self._n_ways = function, argument, 0

    def all(self, answers: tuple[bool, ...] = ()) -> Any:
        """What it returns, after these answers to its first questions."""
        self._n_ways += 1
        if self._n_ways > WAYS_MAX:
            raise Untraceable(
                f"it branches in more than {WAYS_MAX} ways; a dictionary can be recorded"
            )
        found, questions = self._once(answers)
        for place in range(len(questions) - 1, len(answers) - 1, -1):
            before = (*answers, *[True] * (place - len(answers)), False)
            found = _chosen(questions[place], found, self.all(before))
        return found

    def _once(self, answers: tuple[bool, ...]) -> tuple[Any, list[Numbers]]:
        """What it returns if its first questions are answered so and others with yes; and all."""
        way = _Way(answers)
        token = deciding.set(way)
        try:
            return self._function(self._argument), way.questions
        finally:
            deciding.reset(token)


class _Way:
    """One way: the first questions are answered so, and others with yes."""

    def __init__(self, answers: tuple[bool, ...]) -> None:
        self._answers, self.questions = answers, list[Numbers]()

    @property
    def is_asked(self) -> bool:
        return bool(self.questions)

    def __call__(self, value: Any) -> bool:
        truth = _truth(value)
        registers = [one.register for one in self.questions]
        if truth.register in registers:
            place = registers.index(truth.register)
        else:
            place = len(registers)
            self.questions.append(truth)
        return self._answers[place] if place < len(self._answers) else True


def _truth(value: Any) -> Numbers:
    """Whether Python takes each value for true."""
    if isinstance(value, OneText):
        found = value != ""
    elif isinstance(value, Numbers) and value.ndim == 1:
        found = value if value.kind == "boolean" else computed("not_equal", value, 0)
    else:
        raise Untraceable("it branches on values; np.where chooses for all rows at once")
    if not isinstance(found, Numbers):
        raise Untraceable("it branches on what isn't a truth")
    return found


def _chosen(truth: Numbers, one: Any, other: Any) -> Any:
    """One result where it is true, the other where it isn't."""
    one, other = (part.labels if isinstance(part, OneText) else part for part in (one, other))
    if any(isinstance(part, (str, Labels)) for part in (one, other)):
        return choose(truth, _text(truth, one), _text(truth, other))
    return computed("where", truth, one, other)


def _text(truth: Numbers, part: Any) -> Any:
    """A result among texts: None and NaN are a missing one."""
    if part is None or (isinstance(part, float) and part != part):
        return named(computed("where", truth, -1, -1), ("",))
    return part


class Row(Recorded):
    """One row of a frame, in a function that is called for each."""

    noun = "row"

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __getitem__(self, name: Any) -> Any:
        found = self._frame[name]
        return OneText(found) if isinstance(found, Labels) else found

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._frame.series:
            return self[name]
        return super().__getattr__(name)

    def sum(self) -> Any:
        """Of the numbers of the row."""
        return self._frame.sum(axis=1)

    def mean(self) -> Any:
        """Of the numbers of the row."""
        return self._frame.mean(axis=1)

    def max(self) -> Any:
        """Of the numbers of the row."""
        return self._frame.max(axis=1)

    def min(self) -> Any:
        """Of the numbers of the row."""
        return self._frame.min(axis=1)


def of_each_row(function: Callable[[Any], Any], frame: Any) -> Numbers | Labels:
    """What a function of a row returns for all of them.

    Raises:
        Untraceable: it returns no number and no text that depends on the row.
    """
    found = branched(function, Row(frame))
    if not isinstance(found, (Numbers, Labels)):
        raise Untraceable(
            "it calls a function for each row that returns neither a number nor a text"
        )
    return found
