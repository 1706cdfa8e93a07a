"""Recorded arrays in a list: the predictions of several models, of which code takes the mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.reductions import Reductions
from podium.compile.own_code.values import Numbers, joined


class Stacked(Reductions, Recorded):
    """Arrays of one shape, one after the other along a new first axis.

    Attributes:
        parts: the arrays.
    """

    noun = "stack of arrays"

    def __init__(self, parts: Sequence[Any]) -> None:
        numbers = [one for one in parts if isinstance(one, Numbers)]
        if len(numbers) < len(parts) or len({(one.ndim, one.width) for one in numbers}) != 1:
            raise Untraceable("it puts arrays of different kinds or shapes into a list")
        self.parts = [one.like(one.register, one.kind, is_pandas=False) for one in numbers]

    @property
    def T(self) -> Numbers:  # noqa: N802 - numpy's name
        """The columns side by side."""
        if self.parts[0].ndim != 1:
            raise Untraceable("it transposes a list of matrices")
        return joined(self.parts)

    def transpose(self) -> Numbers:
        """The columns side by side."""
        return self.T

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Numbers]:
        return iter(self.parts)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, (int, np.integer)):
            return self.parts[int(at)]
        if isinstance(at, slice):
            return Stacked(self.parts[at])
        raise Untraceable("it selects rows")

    def to_numpy(self) -> Stacked:
        """The same."""
        return self

    def astype(self, to: Any, **_: Any) -> Stacked:
        """In another type."""
        return Stacked([one.astype(to) for one in self.parts])

    def reduced_parts(self, how: str, axis: Any) -> Sequence[Numbers]:
        """The arrays."""
        if axis != 0:
            raise Untraceable(f"its {how} depends on the other rows; axis=0 goes over the arrays")
        return self.parts


def average(parts: Any, axis: Any = None, weights: Any = None, **options: Any) -> Any:
    """`np.average`, along the axis of a list, or over the columns of each row."""
    if options:
        raise Untraceable(f"np.average with {min(options)} can't be recorded")
    stack = parts if isinstance(parts, Reductions) else Stacked(list(parts))
    if weights is None:
        return stack.reduced("mean", axis)
    each = stack.reduced_parts("average", axis)
    shares = np.asarray(weights, np.float64)
    if shares.shape != (len(each),):
        raise Untraceable("it weights arrays by something else than a number for each")
    total = sum(one * float(share) for one, share in zip(each, shares, strict=True))
    return total / float(shares.sum())
