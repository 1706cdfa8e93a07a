"""`loc` and `iloc` of a recorded frame."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from podium.compile.own_code.labels import Labels, choose
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.values import Numbers, computed


class Locations:
    """`loc` and `iloc` of a frame, for all its rows, or for those where a condition is true."""

    def __init__(self, frame: Any, *, by_name: bool) -> None:
        self._frame, self._by_name = frame, by_name

    def __getitem__(self, at: Any) -> Any:
        rows, names = at if isinstance(at, tuple) and len(at) == 2 else (at, slice(None))
        if not isinstance(rows, slice) or rows != slice(None):
            raise Untraceable("it selects rows")
        return self._frame[self._names(names)]

    def __setitem__(self, at: Any, value: Any) -> None:
        rows, names = at if isinstance(at, tuple) and len(at) == 2 else (at, slice(None))
        chosen = self._names(names)
        if isinstance(rows, slice) and rows == slice(None):
            self._frame[chosen] = value
            return
        for name in [chosen] if isinstance(chosen, str) else chosen:
            before: Any = self._frame.series.get(name, np.nan)
            is_plain = isinstance(before, (float, Numbers, Labels))
            if not is_plain or not isinstance(rows, Numbers):
                raise Untraceable("it changes some rows of a column that isn't numbers or texts")
            how: Any = choose if isinstance(before, Labels) else partial(computed, "where")
            self._frame.series[name] = how(rows, value, before)

    def _names(self, names: Any) -> Any:
        known = np.array(list(self._frame.series), object)
        if not self._by_name:
            found = known[names]
            return found if isinstance(found, str) else found.tolist()
        if isinstance(names, slice):
            return known.tolist() if names == slice(None) else self._between(names)
        return names

    def _between(self, names: slice) -> list[str]:
        known = list(self._frame.series)
        begin = 0 if names.start is None else known.index(names.start)
        return known[begin : None if names.stop is None else known.index(names.stop) + 1]
