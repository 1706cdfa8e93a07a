"""Constants from which recorded numbers choose: `self.classes_[np.argmax(shares, axis=1)]`."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from podium.compile.own_code.labels import named
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers
from podium.compile.registers import Codes
from podium.table import Array

# A table of more constants isn't one of labels.
TABLE_MAX = 10_000


class Table(np.ndarray):
    """A vector that may also be indexed by recorded whole numbers."""

    def __getitem__(self, at: Any) -> Any:
        return chosen(np.asarray(self), at) if isinstance(at, Recorded) else super().__getitem__(at)

    def take(self, at: Any, *args: Any, **options: Any) -> Any:
        """The same as a method."""
        if isinstance(at, Recorded):
            return self[at]
        return super().take(at, *args, **options)


def with_tables(estimator: Any) -> Any:
    """The copy of an estimator, with `Table`s for its vectors, and for the classes of models in it."""
    attributes = getattr(estimator, "__dict__", {})
    for name, value in list(attributes.items()):
        if isinstance(value, np.ndarray) and value.ndim == 1:
            attributes[name] = value.view(Table)
        elif isinstance(getattr(value, "__dict__", {}).get("classes_"), np.ndarray):
            attributes[name] = inner = copy(value)
            inner.__dict__["classes_"] = value.classes_.view(Table)
    return estimator


def chosen(table: Array, at: Any) -> Any:
    """The constants at these places, counted from the end where they are negative.

    Raises:
        Untraceable: the places aren't a column of whole numbers, or the constants are mixed.
    """
    if not isinstance(at, Numbers) or at.ndim != 1 or at.kind != "integer":
        raise Untraceable("it selects constants by something else than a column of whole numbers")
    n = len(table)
    if not 0 < n <= TABLE_MAX:
        raise Untraceable(f"it selects among {n} constants")
    constants = table.tolist()
    if all(isinstance(one, str) for one in constants):
        places = _matched(at, {place: float(place % n) for place in range(-n, n)})
        return named(places, constants, is_filled=True)
    if not all(isinstance(one, (bool, int, float)) for one in constants):
        raise Untraceable("it selects among constants that are neither numbers nor texts")
    found = _matched(at, {place: float(constants[place]) for place in range(-n, n)})
    kind: Any = {"b": "boolean", "i": "integer", "u": "integer"}.get(
        np.asarray(constants).dtype.kind, "float"
    )
    return found.like(found.register, kind)


def _matched(at: Numbers, of: dict[Any, float]) -> Numbers:
    """The number for each place; others are refused."""
    return at.like(at.build.codes(at.columns_of_plan, [Codes(of)]), "integer", is_pandas=False)
