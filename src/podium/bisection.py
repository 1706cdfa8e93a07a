"""Finds the elements of a sequence that fail: by halves, and the halves of those that fail."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar


class Sliceable(Protocol):
    """A list, an array or a range."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Self: ...


S = TypeVar("S", bound=Sliceable)


def halves(whole: S) -> tuple[S, S]:
    """The first half and the second; of a single element the first is empty."""
    middle = len(whole) // 2
    return whole[:middle], whole[middle:]


class Bisection(Generic[S]):
    """Iterates over the parts to try: first the whole, then the halves of parts that were split.

    Args:
        is_wide: whether all halves of a size are tried before smaller ones, or those of the first
            half before the second.
    """

    def __init__(self, whole: S, *, is_wide: bool = False) -> None:
        self._parts = deque([whole] if len(whole) else [])
        self._is_wide = is_wide

    def __iter__(self) -> Iterator[S]:
        while self._parts:
            yield self._parts.popleft()

    def split(self, part: S) -> bool:
        """Add the halves of a part; False if it is a single element."""
        if len(part) < 2:
            return False
        if self._is_wide:
            self._parts.extend(halves(part))
        else:
            self._parts.extendleft(reversed(halves(part)))
        return True
