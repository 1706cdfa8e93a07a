"""The model as its owner passed it, with which everything is compared."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import ModelError, SetupError
from podium.outputs import Outputs
from podium.runtimes.protocol import Runtime
from podium.runtimes.sklearn import predict_with
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.names import renamed
from podium.table import Array, Table, column_name, plain_values

# This many rows, spread over the data, are predicted twice: by the owner's model and by ours.
ROWS = 2_000
# Single precision may add in another order in another call; half precision rounds its input.
TOLERANCE, TOLERANCE_HALF = 1e-5, 1e-2
# Beside their mean, smaller numbers than this are compared by their difference, not by their ratio.
NOTHING = 1e-3


@dataclass(frozen=True)
class Owner:
    """A model and the rows that its owner passed with it.

    Attributes:
        model: as it was passed.
        estimator: the same model, as it takes tables.
        original_rows: the rows as they were passed.
        table: the same rows, with the columns that the model takes.
    """

    model: Any
    estimator: Any
    original_rows: Any
    table: Table

    def check(self, runtime: Runtime, signature: Signature) -> str:
        """How the predictions of a runtime differ from the model's; empty if they don't.

        Nothing is compared if the model refuses the rows in their original form.
        """
        places = spread(self.table.n_rows, ROWS)
        theirs = self._predict(signature, places)
        if theirs is None:
            return ""
        try:
            ours = runtime.predict(clean(signature, self.table.take(places)))
        except ModelError as error:
            return f"it refuses rows that the model predicts: {error.message}"
        return _difference(theirs, ours, places, self._tolerance())

    def is_random(self, signature: Signature) -> bool:
        """Whether repeated predictions of the model differ."""
        places = spread(self.table.n_rows, ROWS)
        one, other = (self._predict(signature, places) for _ in range(2))
        return one is not None and other is not None and bool(_difference(one, other, places, 0.0))

    def rows(self, signature: Signature, places: NDArray[np.intp]) -> Any:
        """Some of the rows in their original form, as the model takes them."""
        rows = _rows_of(self.original_rows, self.table, places)
        if signature.is_series and getattr(rows, "ndim", 1) == 2:
            return rows.iloc[:, 0] if hasattr(rows, "iloc") else rows[:, 0]
        return rows

    def _tolerance(self) -> float:
        kinds = {str(dtype).lower() for dtype in self.table.dtypes.values()}
        return TOLERANCE_HALF if any("float16" in k or "half" in k for k in kinds) else TOLERANCE

    def _predict(self, signature: Signature, places: NDArray[np.intp]) -> Outputs | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = self.rows(signature, places)
                if type(self.model).__name__ == "Booster":
                    return _of_booster(self.model, rows, signature)
                outputs = predict_with(self.model, rows, signature)
                return outputs if len(outputs) == len(places) else None
        except Exception:  # noqa: BLE001 - it may refuse the original form, which Podium converts
            return None


def clean(signature: Signature, table: Table) -> Table:
    """Training rows in the types of the signature; no row is refused here."""
    columns = {name: table.columns[name] for name in signature.names if name in table.columns}
    return check_columns(signature, columns, table.n_rows, "table", Findings(recorded_max=0))


def spread(n_rows: int, n_most: int) -> NDArray[np.intp]:
    """The indices of up to this many rows, spread over the data."""
    return np.unique(np.linspace(0, n_rows - 1, n_most).astype(np.intp))


def refusal(why: str, *, is_random: bool) -> SetupError:
    """The error for a model whose predictions change once it is packed."""
    hint = "is it random at prediction, or does it have state outside its attributes?"
    if not is_random:
        hint += " Does it look at the types of its columns? Give X exactly as it was fitted on"
    return SetupError(
        f"the model answers differently after it was saved and loaded again: {why}", hint=hint
    )


def _rows_of(rows: Any, table: Table, places: NDArray[np.intp]) -> Any:
    """Some of the rows in their original form, with the columns that the model takes."""
    if isinstance(rows, np.ndarray):
        return rows[places]
    if isinstance(rows, (list, tuple)):
        return [rows[place] for place in places]
    if isinstance(rows, Mapping):
        return {name: np.asarray(column)[places] for name, column in rows.items()}
    if isinstance(rows, Table):
        return frame_of(table.take(places))
    if hasattr(rows, "iloc"):
        some = rows.iloc[places]
        return some if some.ndim == 1 else some[list(_names(rows.columns, table))]
    if hasattr(rows, "get_column"):
        return rows.select(list(table.names))[places.tolist()]
    return rows[places] if hasattr(rows, "dtype") else rows


def _names(columns: Any, table: Table) -> list[Any]:
    """The frame's own names of the columns, which may be numbers."""
    column_names = {column_name(name): name for name in columns}
    column_names |= {
        field: column_names[name] for name, field in renamed(column_names, table.names).items()
    }
    return (
        [column_names[name] for name in table.names]
        if set(table.names) <= column_names.keys()
        else list(columns)
    )


def frame_of(table: Table) -> Any:
    """Rows of a file as a pandas frame, with types inferred again."""
    import pandas as pd

    frame = pd.DataFrame({name: pd.Series(column) for name, column in table.columns.items()})
    for name, levels in table.levels.items():
        frame[name] = pd.Categorical(frame[name], levels.values, ordered=levels.is_ordered)
    return frame


def _of_booster(booster: Any, rows: Any, signature: Signature) -> Outputs:
    """The predictions of a native booster, as the classes and probabilities that they mean."""
    if type(booster).__module__.startswith("xgboost."):
        import xgboost

        rows = xgboost.DMatrix(rows, enable_categorical=True)
    raw = np.asarray(booster.predict(rows), np.float64)
    classes = np.array(signature.output.classes)
    if not len(classes):
        return Outputs(raw)
    if raw.ndim == 1 and len(classes) > 2:  # multi:softmax: indices of classes
        return Outputs(classes[raw.astype(int)])
    shares = raw if raw.ndim == 2 else np.column_stack([1 - raw, raw])
    return Outputs(classes[shares.argmax(axis=1)], shares)


def _difference(theirs: Outputs, ours: Outputs, places: Array, tolerance: float) -> str:
    if theirs.predictions.shape != ours.predictions.shape:
        return (
            f"predictions of shape {ours.predictions.shape} instead of {theirs.predictions.shape}"
        )
    one, other = theirs.predictions, ours.predictions
    pairs = zip(theirs.columns(), ours.columns(), strict=True)
    differs = np.stack([_differs(their, our, tolerance) for their, our in pairs], axis=1)
    if differs.any():
        row = int(np.argwhere(differs)[0][0])
        return f"row {int(places[row]) + 1} gets {other[row]!r} instead of {one[row]!r}"
    numbers = {
        "probabilities": (theirs.probabilities, ours.probabilities),
        "scores": (theirs.scores, ours.scores),
        "distances": (theirs.distances, ours.distances),
    }
    for kind, (their, our) in numbers.items():
        if their is not None and our is not None and not _close(their, our, tolerance).all():
            return f"its {kind} differ"
    return ""


def _differs(one: Array, other: Array, tolerance: float) -> NDArray[np.bool_]:
    if one.dtype.kind == "f" and other.dtype.kind in "fiu":
        return ~_close(one, other.astype(np.float64), tolerance)
    pairs = zip(plain_values(one), plain_values(other), strict=True)
    return np.array([t != o for t, o in pairs], bool)


def _close(one: Array, other: Array, tolerance: float) -> NDArray[np.bool_]:
    one = one.astype(np.float64)
    finite = np.abs(one[np.isfinite(one)])
    # Most probabilities of a sure model are next to nothing, and so are most counts.
    scale = max(float(np.median(finite)), NOTHING * float(np.mean(finite))) if finite.size else 0.0
    close: NDArray[np.bool_] = np.isclose(
        one, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True
    )
    return close
