"""What learned something from the training data in a formula: centred, scaled and spline columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import Elementwise, Matmul, Select, Spline


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
    has_intercept = args[3] if len(args) > 3 else options.get("include_intercept", False)
    return b_splines(x, state._all_knots, int(state._degree), has_intercept)  # noqa: SLF001


def b_splines(x: Numbers, knots: Any, degree: int, has_intercept: bool) -> Numbers:
    """B-splines, which refuse numbers beyond the training data.

    Args:
        has_intercept: whether the first of them is kept.
    """
    rows = np.array(knots, np.float64)[None]
    register = x.build.add(Spline(x.register, rows, degree, "refuse"))
    if not has_intercept:
        columns = np.arange(1, x.build.width(register), dtype=np.int32)
        register = x.build.add(Select(register, columns))
    return _missing_where(x, register)


def _cubic(state: Any, x: Numbers, *_: Any, **__: Any) -> Numbers:
    """A natural cubic spline, as sums of B-splines that go on in straight lines."""
    from scipy.interpolate import BSpline

    if state._cyclic:  # noqa: SLF001 - as in its transform
        raise Untraceable("cyclic splines can't be recorded")
    inner = np.array(state._all_knots, np.float64)  # noqa: SLF001 - as in its transform
    knots = np.concatenate([inner[:1].repeat(3), inner, inner[-1:].repeat(3)])
    steps = np.linspace(0, 1, 5)[:-1]
    points = np.append((inner[:-1, None] + np.diff(inner)[:, None] * steps).ravel(), inner[-1])
    basis = BSpline.design_matrix(points, knots, 3).toarray()
    sums = np.linalg.lstsq(basis, np.asarray(state.transform(points)), rcond=None)[0]
    ends = BSpline(knots, np.eye(len(sums)), 3).derivative()(inner[[0, -1]])
    register = x.build.add(Spline(x.register, knots[None], 3, "stay", ends[:, None, :]))
    return _missing_where(x, x.build.add(Matmul(register, np.ascontiguousarray(sums))))


def _missing_where(x: Numbers, register: int) -> Numbers:
    """The columns of a spline, missing where the number is."""
    nothing = x.build.add(Elementwise((x.register,), "multiply", (0, -1), np.zeros((1, 1))))
    sums = x.build.add(Elementwise((register, nothing), "add", (0, 1), np.zeros((0, 1))))
    return x.like(sums, "float", ndim=2)


_TRANSFORMS: Mapping[str, Callable[..., Any]] = {
    "BS": _splines,
    "CR": _cubic,
    "Center": _center,
    "Standardize": _standardize,
}
