"""Step 4: the model is called, and its output is checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from podium.errors import BadCell, ModelError, NoPrediction
from podium.flow.limits import CHUNK_ROWS
from podium.outputs import Outputs
from podium.runtimes.protocol import AsyncRuntime, Runtime
from podium.signature import Field, Signature
from podium.signature.cells import printable
from podium.table import FEW_CELLS, Array, Table, are_finite

# At most this many rows or cells without a prediction are listed.
LISTED_MAX = 100
# The most rows in one call: a model's intermediate results take several times their memory.
CALL_ROWS_MAX = 10_000
# Sums of proportions may miss 1 by a rounding error, and so may each of them.
_SHARE_TOLERANCE = 1e-6
# Numbers beyond these, and times beyond those of pandas, make models fail: in single precision
# they are infinite or 0, and so are their squares in double precision.
_LARGE, _SMALL, _TIMES_SEEN = 1e15, 1e-30, 1e6
_MOMENTS = (np.datetime64("1677-09-22", "D"), np.datetime64("2262-04-11", "D"))


def run(runtime: Runtime, table: Table) -> Outputs:
    """The model's outputs for a table, in as many calls as needed.

    Raises:
        ModelError: the model raised an exception, or its output has the wrong shape.
        NoPrediction: its output for some rows isn't finite, or it failed on extreme numbers.
    """
    most = runtime.features.max_batch_rows or CALL_ROWS_MAX
    if table.n_rows <= most:
        try:
            outputs = runtime.predict(table)
        except ModelError as error:
            explained = explanation(error, runtime.signature, table)
            if explained is error:
                raise
            raise explained from error
        return checked(outputs, runtime.signature, table.n_rows)
    parts = []
    for at in range(0, table.n_rows, most):
        try:
            parts.append(run(runtime, table.take(slice(at, at + most))))
        except NoPrediction as error:
            raise error.moved(at) from error
    return Outputs.concat(parts)


async def run_async(
    runtime: AsyncRuntime, signature: Signature, table: Table, most: int | None
) -> Outputs:
    """The same for a model that is awaited, and accepts at most this many rows at once."""
    step = most or CHUNK_ROWS
    parts = []
    for at in range(0, max(table.n_rows, 1), step):
        some = table.take(slice(at, at + step)) if table.n_rows > step else table
        try:
            parts.append(checked(await runtime.predict_async(some), signature, some.n_rows))
        except NoPrediction as error:
            raise error.moved(at) from error
    return parts[0] if len(parts) == 1 else Outputs.concat(parts)


def checked(outputs: Outputs, signature: Signature, n_rows: int) -> Outputs:
    """The outputs, if they match the signature.

    Raises:
        ModelError: they don't.
        NoPrediction: some of them aren't finite.
    """
    predictions, probabilities = outputs.predictions, outputs.probabilities
    if len(predictions) != n_rows:
        raise ModelError(f"the model returned {len(predictions)} predictions for {n_rows} rows")
    if predictions.dtype.kind == "f" and not are_finite(predictions):
        raise _not_finite(predictions)
    if outputs.scores is not None and not are_finite(outputs.scores):
        raise _not_finite(outputs.scores)
    if outputs.distances is not None and not are_finite(outputs.distances):
        raise _not_finite(outputs.distances)
    if probabilities is None:
        return outputs
    if probabilities.shape != (n_rows, signature.n_probabilities):
        raise ModelError(f"the model returned probabilities of shape {probabilities.shape}")
    if _are_shares(probabilities):
        return outputs
    if not are_finite(probabilities):
        raise _not_finite(probabilities)
    if probabilities.min() < -_SHARE_TOLERANCE or probabilities.max() > 1 + _SHARE_TOLERANCE:
        raise ModelError("the model returned probabilities outside the range 0 to 1")
    return replace(outputs, probabilities=probabilities.clip(0.0, 1.0))


def explanation(error: Exception, signature: Signature, table: Table) -> Exception:
    """Why a model failed on rows, if their numbers may be the reason; otherwise the error itself."""
    if not isinstance(error, ModelError):
        return error
    cells = [
        BadCell(
            row=int(row) if table.n_rows > 1 else None,
            field=one.name,
            value=printable(str(table.columns[one.name][row])),
            problem="is outside the range that the model can compute with",
            accepted="a value closer to the training data",
            code="out_of_range",
        )
        for one in signature.fields
        for row in np.flatnonzero(_is_extreme(one, table.columns[one.name]))[:LISTED_MAX]
    ]
    return NoPrediction(cells[:LISTED_MAX], n_cells=len(cells)) if cells else error


def _are_shares(cells: NDArray[np.float64]) -> bool:
    if cells.size < FEW_CELLS:
        return all(0.0 <= cell <= 1.0 for cell in cells.ravel().tolist())
    return bool(((cells >= 0.0) & (cells <= 1.0)).all())


def _not_finite(answers: Array) -> NoPrediction:
    """An error that names the rows whose outputs aren't finite."""
    by_row = answers.reshape(len(answers), -1)
    rows = np.flatnonzero(~np.isfinite(by_row).all(axis=1))
    cells = [
        BadCell(
            row=int(row) if len(answers) > 1 else None,
            problem="the prediction is "
            + ("not a number (NaN)" if np.isnan(by_row[row]).any() else "infinite"),
            accepted="values closer to the training data",
            code="no_finite_answer",
        )
        for row in rows[:LISTED_MAX]
    ]
    return NoPrediction(cells, n_cells=len(rows))


def _is_extreme(one: Field, column: Array) -> NDArray[np.bool_]:
    """Which cells are so extreme that the model isn't to blame."""
    if column.dtype.kind == "M":
        return (column < _MOMENTS[0]) | (column > _MOMENTS[1])
    if column.dtype.kind not in "fi":
        return np.zeros(len(column), np.bool_)
    sizes = np.abs(column.astype(np.float64))
    seen = [abs(n) for n in (one.seen.minimum, one.seen.maximum) if isinstance(n, (int, float))]
    is_small: NDArray[np.bool_] = (sizes < _SMALL) & (sizes > 0)
    return is_small | (sizes > max([_LARGE, *(_TIMES_SEEN * n for n in seen)]))
