"""What learned something from the training data in a formula: centred, scaled and spline columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np

from podium.compile.builder import Builder
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.program.operations import Elementwise, Matmul, Product, Select, Spline

Beyond: TypeAlias = Literal["continue", "stay", "refuse"]


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


def b_splines(
    x: Numbers, knots: Any, degree: int, has_intercept: bool, beyond: Beyond = "refuse"
) -> Numbers:
    """B-splines, which refuse numbers beyond the training data unless `beyond` says what they do.

    Args:
        has_intercept: whether the first of them is kept.
    """
    rows = np.array(knots, np.float64)[None]
    register = x.build.add(Spline(x.register, rows, degree, beyond))
    if not has_intercept:
        columns = np.arange(1, x.build.width(register), dtype=np.int32)
        register = x.build.add(Select(register, columns))
    return _missing_where(x, register)


def _cubic(state: Any, x: Numbers, *_: Any, **__: Any) -> Numbers:
    return cubic_splines(x, state._all_knots, state.transform, is_cyclic=state._cyclic)  # noqa: SLF001 - as in its transform


def cubic_splines(
    x: Numbers, knots: Any, values_at: Callable[[Any], Any], *, is_cyclic: bool
) -> Numbers:
    """A cubic spline as sums of B-splines, which go on in straight lines or come round again.

    Args:
        knots: where its third derivative may jump.
        values_at: what the original computes for numbers, one column for each of its functions.
    """
    from scipy.interpolate import BSpline

    inner = np.array(knots, np.float64)
    places = np.concatenate([inner[:1].repeat(3), inner, inner[-1:].repeat(3)])
    steps = np.linspace(0, 1, 5)[:-1]
    points = np.append((inner[:-1, None] + np.diff(inner)[:, None] * steps).ravel(), inner[-1])
    basis = BSpline.design_matrix(points, places, 3).toarray()
    sums = np.linalg.lstsq(basis, np.asarray(values_at(points)), rcond=None)[0]
    slopes = BSpline(places, np.eye(len(sums)), 3).derivative()(inner[[0, -1]])[:, None, :]
    within = _turned(x, float(inner[0]), float(inner[-1])) if is_cyclic else x
    spline = Spline(within.register, places[None], 3, "stay", None if is_cyclic else slopes)
    register = x.build.add(spline)
    return _missing_where(x, x.build.add(Matmul(register, np.ascontiguousarray(sums))))


def _turned(x: Numbers, low: float, high: float) -> Numbers:
    """Numbers within one turn of a cycle."""
    period, x = high - low, x.astype(np.float64)
    down = computed("add", computed("remainder", computed("subtract", x, high), period), low)
    x = computed("where", computed("greater", x, high), down, x)
    up = computed("remainder", computed("subtract", low, x), period)
    return computed("where", computed("less", x, low), computed("subtract", high, up), x)


def _tensor(state: Any, x: Numbers, *others: Numbers, **_: Any) -> Numbers:
    """Each column of each matrix times each of the others; those of the last alternate fastest."""
    if not all(isinstance(one, Numbers) for one in others):
        raise Untraceable("te() of something else than numbers")
    build = x.build
    register = reduce(partial(products, build), [one.register for one in (x, *others)][::-1])
    constraints = state._constraints  # noqa: SLF001 - as in its transform
    if constraints is not None:
        from scipy.linalg import qr

        free = qr(constraints.T)[0][:, len(constraints) :]
        register = build.add(Matmul(register, np.ascontiguousarray(free)))
    return x.like(register, "float", ndim=2)


def products(build: Builder, one: int, other: int) -> int:
    """Each column of one matrix times each of another; those of the first alternate fastest."""
    widths = build.width(one), build.width(other)
    pairs = [(left, right) for right, left in product(range(widths[1]), range(widths[0]))]
    left, right = np.array(pairs, np.int32).reshape(-1, 2).T
    columns = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return build.add(Product((one, other), *columns))


def _missing_where(x: Numbers, register: int) -> Numbers:
    """The columns of a spline, missing where the number is."""
    nothing = x.build.add(Elementwise((x.register,), "multiply", (0, -1), np.zeros((1, 1))))
    sums = x.build.add(Elementwise((register, nothing), "add", (0, 1), np.zeros((0, 1))))
    return x.like(sums, "float", ndim=2)


_TRANSFORMS: Mapping[str, Callable[..., Any]] = {
    "BS": _splines,
    "CC": _cubic,
    "CR": _cubic,
    "Center": _center,
    "Standardize": _standardize,
    "TE": _tensor,
}
