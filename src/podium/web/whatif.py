"""What a model would answer if one field of a row had another value; nothing of it is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import InputError, NoPrediction, SetupError
from podium.explanations.curves import Grid, grid_of, varied_each
from podium.explanations.number import Number, number_of, numbers_in
from podium.flow.run import run
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs
from podium.signature import Field
from podium.table import Table

# A page shows the curves of this many fields, and computes for this long, before it is there.
CURVES_MAX, PAGE_S = 8, 0.1


@dataclass(frozen=True, slots=True)
class Curve:
    """The answers for one field's values.

    Attributes:
        outputs: of the model, one for each value.
        numbers: the one number of each that is drawn: a prediction, a score or a probability.
    """

    field: Field
    grid: Grid
    outputs: Outputs
    numbers: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer for a row, and the curves around it.

    Attributes:
        answer: the model's output for the row itself.
        number: which number of the outputs is drawn.
        value: that number for the row itself.
    """

    answer: Outputs
    number: Number
    value: float
    curves: tuple[Curve, ...]


def what_if(version: LoadedVersion, row: Table, fields: Sequence[Field]) -> WhatIf:
    """The answer for a row, and its curves by these fields, from one call of the model.

    Args:
        row: one row, validated.
        fields: those without a curve are left out.

    Raises:
        InputError: the model's answers aren't numbers or classes.
        ModelError: the model failed.
    """
    require_no_effects(version)
    grids = [(field, grid) for field in fields if (grid := _grid(version, field)) is not None]
    outputs = _run(version, varied_each(row, grids))
    signature = version.signature
    try:
        number = number_of(signature, outputs, 0, None)
    except SetupError as error:
        raise InputError(error.message, hint="only numbers and classes have curves") from error
    numbers = numbers_in(signature, outputs, number)
    curves, at = [], 1
    for field, grid in grids:
        some = slice(at, at + len(grid.labels))
        curves.append(Curve(field, grid, outputs.rows(some), numbers[some]))
        at = some.stop
    return WhatIf(outputs.rows(slice(1)), number, float(numbers[0]), tuple(curves))


def _run(version: LoadedVersion, table: Table) -> Outputs:
    try:
        return run(version.runtime, table)
    except NoPrediction as error:  # its rows are ours, and not the caller's
        cells = [msgspec.structs.replace(one, row=None) for one in error.cells[:1]]
        raise NoPrediction(cells) from error


def require_no_effects(version: LoadedVersion) -> None:
    """Check that calls of the model change nothing elsewhere.

    Raises:
        InputError: they may.
    """
    if version.runtime.features.has_effects:
        raise InputError(
            f"{version.name} is a function, which may have effects: it isn't called to see what "
            "would be",
            hint="request a prediction for each row",
        )


def has_curves(version: LoadedVersion) -> bool:
    """Whether a page offers to see what would be."""
    return version.signature.output.task != "value" and not version.runtime.features.has_effects


def shown_fields(version: LoadedVersion) -> list[Field]:
    """The fields whose curves a page shows: as many as there is time for."""
    wanted = [one for one in version.signature.fields if one.is_used]
    chosen: list[Field] = []
    n_rows = 1
    for one in wanted:
        grid = _grid(version, one)
        if grid is None:
            continue
        n_rows += len(grid.labels)
        if len(chosen) == CURVES_MAX or (chosen and _seconds(version, n_rows) > PAGE_S):
            break
        chosen.append(one)
    return chosen


def _seconds(version: LoadedVersion, n_rows: int) -> float:
    return 0.0 if version.cost is None else version.cost.of(n_rows)


def _grid(version: LoadedVersion, field: Field) -> Grid | None:
    return grid_of(field, version.bundle.baseline.fields.get(field.name))
