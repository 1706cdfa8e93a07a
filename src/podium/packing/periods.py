"""How far the hours, days and weeks of the training rows lie apart: what is usual isn't drift."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import PERIODS, Baseline, Histogram, Period, numbers_of
from podium.bundle.spread import SPREAD_ROWS, Spread, population_stability
from podium.errors import SetupError
from podium.outputs import Outputs
from podium.packing.truth import table_of
from podium.signature import Signature
from podium.signature.labels import label_text
from podium.table import Array, Table, is_missing, plain_values

# Shorter parts tell nothing.
ROWS_MIN = 50
# Standard deviations of what chance gives: of 20 bins one part in 60,000 exceeds them.
_BEYOND = 6.0
_Integers = NDArray[np.int64]


def hours_of(times: object, n_rows: int) -> _Integers:
    """The hour of each row since 1970, in UTC; shape (n_rows,).

    Args:
        times: dates, times, or texts in ISO 8601; those without an offset are in UTC.

    Raises:
        SetupError: they are something else, one is missing, or there is another number of them.
    """
    column = next(iter(table_of(times).columns.values()))
    if len(column) != n_rows:
        raise SetupError(
            f"there are {len(column)} times for {n_rows} rows", hint="give one for each row"
        )
    if is_missing(column).any():
        raise SetupError("a row has no time", hint="leave such rows out")
    if column.dtype.kind != "M":
        column = np.array([_moment(value) for value in column.tolist()], "datetime64[s]")
    hours: _Integers = column.astype("datetime64[h]").astype(np.int64)
    return hours


def _moment(value: Any) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SetupError(
            f"{value!r} isn't a time", hint="write times as 2026-03-31 or 2026-03-31T17:00:00Z"
        ) from error
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def with_spreads(
    baseline: Baseline, signature: Signature, table: Table, outputs: Outputs, hours: _Integers
) -> Baseline:
    """The baseline of these rows, with the spreads of their hours, days and weeks."""
    parts = Parts(hours)
    scores, probabilities = baseline.scores, dict(baseline.probabilities)
    if scores is not None and outputs.scores is not None:
        scores = parts.spread(scores, outputs.scores)
    if outputs.probabilities is not None and probabilities:
        names = map(label_text, signature.output.classes)
        for name, shares in zip(names, outputs.probabilities.T, strict=True):
            probabilities[name] = parts.spread(probabilities[name], shares)
    fields = dict(baseline.fields)
    for one in signature.fields:
        column = table.columns[one.name]
        numbers = numbers_of(one, column)
        fields[one.name] = parts.spread(fields[one.name], column if numbers is None else numbers)
    predicted = dict(baseline.outputs)
    for output, column in zip(signature.outputs, outputs.columns(), strict=True):
        predicted[output.name] = parts.spread(predicted[output.name], column)
    return Baseline(fields=fields, outputs=predicted, scores=scores, probabilities=probabilities)


class Parts:
    """The training rows, divided by hour, day and week.

    Args:
        hours: of each row.
    """

    def __init__(self, hours: _Integers) -> None:
        # 1970 began on a Thursday; weeks begin on Mondays.
        numbers = {"hour": hours, "day": hours // 24, "week": (hours // 24 + 3) // 7}
        self._places = {one: np.unique(numbers[one], return_inverse=True)[1] for one in PERIODS}

    def spread(self, histogram: Histogram, column: Array) -> Histogram:
        """The histogram of a column, with its spreads."""
        if not histogram.counts:
            return histogram
        slots = _slots(histogram, column)
        n_slots = int(slots.max()) + 1
        spreads: dict[Period, Spread] = {}
        for period, places in self._places.items():
            n_parts = int(places.max()) + 1
            counts = np.bincount(places * n_slots + slots, minlength=n_parts * n_slots)
            found = _spread(counts.reshape(n_parts, n_slots))
            if found is not None:
                spreads[period] = found
        return msgspec.structs.replace(histogram, spreads=spreads)


def _slots(histogram: Histogram, column: Array) -> _Integers:
    """Where each training row is counted: 0 where it has no value; shape (n_rows,)."""
    if histogram.cuts:
        numbers = column.astype(np.float64)
        edges = np.array(histogram.cuts)
        at = np.searchsorted(edges, numbers, side="right")
        at[numbers == edges[-1]] = len(edges) - 1
        return np.where(np.isfinite(numbers), at, 0)
    places = {label: place for place, label in enumerate(histogram.labels, 1)}
    missing = is_missing(column)
    slots = np.zeros(len(column), np.int64)
    slots[~missing] = [
        places.get(label_text(value), len(places) + 1) for value in plain_values(column[~missing])
    ]
    return slots


def _spread(counts: _Integers) -> Spread | None:
    """The spread of parts; None where fewer than two have rows enough.

    Args:
        counts: shape (n_parts, n_slots).
    """
    n_rows = counts.sum(axis=1)
    is_enough = n_rows >= ROWS_MIN
    if is_enough.sum() < 2:
        return None
    parts, n = counts[is_enough], n_rows[is_enough]
    rest = counts.sum(axis=0) - parts
    psi = population_stability(rest, parts)
    degrees = ((parts + rest) > 0).sum(axis=1) - 1
    chance = np.sqrt(2 * degrees) * (1 / n + 1 / rest.sum(axis=1))
    absent = np.where(parts == 0, rest, 0).sum(axis=1) / rest.sum(axis=1)
    alike = np.where(psi > _BEYOND * chance, psi + absent * np.log(SPREAD_ROWS / n), 0.0)
    farthest = int(alike.argmax())
    only_here = np.where(rest == 0, parts, 0).sum(axis=1)
    return Spread(
        psi=float(alike[farthest]),
        absent=float(absent[farthest]) if alike[farthest] else 0.0,
        missing=_surely(parts[:, 0], n),
        new=_surely(only_here, n),
        most=_surely(parts.max(axis=1), n),
    )


def _surely(some: _Integers, n: _Integers) -> float:
    """The greatest share, of which two standard errors are taken away: some rows vary by chance."""
    share = some / n
    return float(np.maximum(share - 2 * np.sqrt(share * (1 - share) / n), 0.0).max())
