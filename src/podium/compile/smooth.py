"""What learned something from the training data in a formula: centred, scaled and spline columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import Select, Spline


class StandIn:
    """Takes the place of a stateful transform of patsy while its formula is recorded."""

    def __init__(self, transform: Callable[..., Any], state: Any) -> None:
        self._transform, self._state = transform, state

    def transform(self, x: Any, *args: Any, **options: Any) -> Any:
        """What the transform computes.

        Raises:
            Untraceable: from something else than numbers.
        """
        if not isinstance(x, Numbers):
            raise Untraceable(f"{type(self._state).__name__} of something else than numbers")
        return self._transform(self._state, x, *args, **options)


def stand_in(transform: Any) -> Any:
    """What can be recorded in place of a transform; one of one's own stays as it is."""
    name = type(transform).__name__
    is_known = type(transform).__module__.startswith("patsy.") and name in _TRANSFORMS
    return StandIn(_TRANSFORMS[name], transform) if is_known else transform


def _center(state: Any, x: Numbers) -> Numbers:
    return computed("subtract", x.astype(np.float64), np.ravel(state._sum / state._count))  # noqa: SLF001 - as in its transform


def _standardize(
    state: Any, x: Numbers, center: bool = True, rescale: bool = True, ddof: int = 0
) -> Numbers:
    x = x.astype(np.float64)
    if center:
        x = computed("subtract", x, state.current_mean)
    if rescale:
        x = computed("divide", x, np.sqrt(state.current_M2 / (state.current_n - ddof)))
    return x


def _splines(state: Any, x: Numbers, *args: Any, **options: Any) -> Numbers:
    """B-splines, which refuse numbers beyond the training data."""
    has_intercept = args[3] if len(args) > 3 else options.get("include_intercept", False)
    knots = np.array(state._all_knots, np.float64)[None]  # noqa: SLF001 - as in its transform
    register = x.build.add(Spline(x.register, knots, int(state._degree), "refuse"))  # noqa: SLF001
    if not has_intercept:
        columns = np.arange(1, x.build.width(register), dtype=np.int32)
        register = x.build.add(Select(register, columns))
    return x.like(register, "float", ndim=2)


_TRANSFORMS: Mapping[str, Callable[..., Any]] = {
    "BS": _splines,
    "Center": _center,
    "Standardize": _standardize,
}
