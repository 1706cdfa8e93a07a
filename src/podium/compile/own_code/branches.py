"""Functions that are called for each value, or each row, and branch on it.

Such a function is run once for each execution path: its first condition is taken for true, then for
false, and so is each condition behind that. What the paths return is put together by the same
conditions, evaluated for all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.compile.own_code.labels import Labels, choose, named
from podium.compile.own_code.recorded import Recorded, Untraceable, current_path
from podium.compile.own_code.single_texts import OneText
from podium.compile.own_code.values import Numbers, computed

PATHS_MAX = 64


def branched(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a function of one value or row returns for all of them.

    Raises:
        Untraceable: it has too many paths, or returns what can't be put together.
    """
    if current_path.get() is not None:  # it is called by another one, whose paths include its own
        return function(argument)
    found = _Paths(function, argument).all()
    return found.labels.copy() if isinstance(found, OneText) else found


class _Paths:
    """The execution paths of a function."""

    def __init__(self, function: Callable[[Any], Any], argument: Any) -> None:
        self._function, self._argument, self._n_paths = function, argument, 0

    def all(self, outcomes: tuple[bool, ...] = ()) -> Any:
        """What it returns, where its first conditions have these outcomes."""
        self._n_paths += 1
        if self._n_paths > PATHS_MAX:
            raise Untraceable(
                f"it branches into more than {PATHS_MAX} paths; a dictionary can be recorded"
            )
        found, conditions = self._once(outcomes)
        for place in range(len(conditions) - 1, len(outcomes) - 1, -1):
            other = (*outcomes, *[True] * (place - len(outcomes)), False)
            found = _chosen(conditions[place], found, self.all(other))
        return found

    def _once(self, outcomes: tuple[bool, ...]) -> tuple[Any, list[Numbers]]:
        """What it returns on one path, and the conditions on it."""
        path = _Path(outcomes)
        token = current_path.set(path)
        try:
            return self._function(self._argument), path.conditions
        finally:
            current_path.reset(token)


class _Path:
    """One path: the first conditions have these outcomes, and the others are true."""

    def __init__(self, outcomes: tuple[bool, ...]) -> None:
        self._outcomes, self.conditions = outcomes, list[Numbers]()

    @property
    def has_branched(self) -> bool:
        return bool(self.conditions)

    def __call__(self, value: Any) -> bool:
        truth = _truth(value)
        registers = [one.register for one in self.conditions]
        if truth.register in registers:
            place = registers.index(truth.register)
        else:
            place = len(registers)
            self.conditions.append(truth)
        return self._outcomes[place] if place < len(self._outcomes) else True


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
