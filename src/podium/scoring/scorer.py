"""Predicts rows of a file chunk by chunk; rows that fail are reported one by one."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bisection import Bisection
from podium.bundle import Bundle
from podium.errors import BadCell, ModelError, NoPrediction, SetupError
from podium.flow.answer import cells_of, column_names, labels_of
from podium.flow.run import run
from podium.outputs import CellWarning, Outputs
from podium.scoring.arrow import cells_for_model
from podium.scoring.rows import Chunk, Kind, Predicted
from podium.signature import Field, Output, Signature
from podium.signature.cells import Findings, check_columns, printable
from podium.signature.names import renamed
from podium.signature.reading import FILES
from podium.table import Array, Table

# After this many consecutive failures without any success, the model is to blame, and not the rows.
GIVE_UP_AFTER = 20


@dataclass(frozen=True)
class Scored:
    """A chunk's predictions.

    Attributes:
        predicted: the columns to add.
        bad: the invalid cells of the refused rows; `row` counts from 0.
        refused: the numbers of these rows.
        warnings: about rows with predictions.
    """

    predicted: Sequence[Predicted]
    bad: Sequence[BadCell]
    refused: frozenset[int]
    warnings: Sequence[CellWarning]


@dataclass(frozen=True)
class Answered:
    """A chunk as the model takes and answers it.

    Attributes:
        table: its rows, those that were refused, too.
        parts: numbers of rows, with the outputs for them.
        bad: as Scored has them, with `refused` and `warnings`.
    """

    table: Table
    parts: Sequence[tuple[NDArray[np.intp], Outputs]]
    bad: Sequence[BadCell]
    refused: frozenset[int]
    warnings: Sequence[CellWarning]

    def rows(self, part: NDArray[np.intp]) -> Table:
        """Some of its rows."""
        return _take(self.table, part)


@dataclass
class Scorer:
    """Predicts chunks with a bundle's model.

    Attributes:
        prefix: precedes the names of the predicted columns.
        fields: the fields that columns of other names hold, by those names.
        has_predicted: whether a row was answered.
    """

    bundle: Bundle
    prefix: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    has_predicted: bool = False
    _n_failed: int = 0

    @property
    def names(self) -> list[str]:
        """The names of the predicted columns."""
        return [self.prefix + name for name in column_names(self.bundle.signature)]

    def check_names(self, names: Sequence[str]) -> None:
        """Compare the file's columns with those to be added.

        Raises:
            SetupError: one of them already exists.
        """
        present = [name for name in self.names if name in names]
        if present:
            raise SetupError(
                f"the file already has a column {printable(present[0])!r}",
                hint="rename it in the file; podium score can also give the new ones a --prefix",
            )

    def score(self, chunk: Chunk) -> Scored:
        """The predictions for a chunk's rows.

        Raises:
            ModelError: the model can't predict any row.
        """
        return self.scored(chunk, self.answer(chunk))

    def scored(self, chunk: Chunk, answered: Answered) -> Scored:
        """The predictions in a chunk's answers, as columns."""
        columns = _columns(self.bundle.signature, answered.parts, chunk.n_rows)
        return Scored(
            [Predicted(name, *column) for name, column in zip(self.names, columns, strict=True)],
            answered.bad,
            answered.refused,
            answered.warnings,
        )

    def answer(self, chunk: Chunk) -> Answered:
        """The same as the model takes and gives it.

        Raises:
            ModelError: the model answers no row at all.
        """
        table, findings = self._checked(chunk)
        bad = [cell for cell in findings.bad if cell.row not in chunk.broken]
        bad += [msgspec.structs.replace(c, row=row) for row, c in chunk.broken.items()]
        refused = {cell.row for cell in bad if cell.row is not None}
        rows = np.arange(chunk.n_rows, dtype=np.intp)
        if refused:
            rows = np.delete(rows, sorted(refused))
        parts = []
        for part, outcome in self._predict(table, rows):
            if isinstance(outcome, Outputs):
                parts.append((part, outcome))
            else:
                row = int(part[0])
                refused.add(row)
                bad.append(_refusal(outcome, row))
        return Answered(
            table,
            parts,
            sorted(bad, key=lambda cell: cell.row or 0),
            frozenset(refused),
            [warning for warning in findings.warnings if warning.row not in refused],
        )

    def columns(self, names: Sequence[str]) -> dict[str, int]:
        """The numbers of the columns that hold the fields."""
        numbers = {name: number for number, name in enumerate(names)}
        numbers |= {to: numbers[name] for name, to in self.fields.items() if name in numbers}
        own = self.bundle.signature.names
        numbers |= {to: numbers[name] for name, to in renamed(numbers, own).items()}
        return {name: numbers[name] for name in own if name in numbers}

    def _checked(self, chunk: Chunk) -> tuple[Table, Findings]:
        """The chunk's fields as a table for the model, and the invalid cells."""
        numbers = self.columns(chunk.names)
        columns: dict[str, Sequence[object] | Array] = {}
        for one in self.bundle.signature.fields:
            if one.name in chunk.fields:
                columns[one.name] = chunk.fields[one.name]
            elif one.name not in numbers:
                columns[one.name] = [None] * chunk.n_rows
            else:
                cells = chunk.cells[numbers[one.name]]
                is_text = chunk.written in FILES
                columns[one.name] = _numbers(one, cells) if is_text else cells_for_model(one, cells)
        findings = Findings(recorded_max=sys.maxsize)
        table = check_columns(self.bundle.signature, columns, chunk.n_rows, chunk.written, findings)
        return table, findings

    def _predict(
        self, table: Table, rows: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], Outputs | ModelError | NoPrediction]]:
        """Predictions of rows that succeed together, and the failure of each that fails alone."""
        parts = Bisection(rows)
        for part in parts:
            try:
                outputs = run(self.bundle.runtime, _take(table, part))
            except (ModelError, NoPrediction) as error:
                if parts.split(part):
                    continue
                if isinstance(error, ModelError):
                    self._count_failure(error)
                yield part, error
            else:
                self.has_predicted = True
                yield part, outputs

    def _count_failure(self, error: ModelError) -> None:
        self._n_failed += 1
        if not self.has_predicted and self._n_failed >= GIVE_UP_AFTER:
            raise ModelError(
                f"the model fails on every row: {_why(error)}",
                hint="try one row: podium predict; do the libraries have the versions that "
                "`podium inspect` shows?",
            ) from error


def _numbers(one: Field, texts: Sequence[str]) -> Sequence[object] | Array:
    """A numeric column's texts as numbers, if each is plainly a number or empty.

    Five times as fast as validating each, which remains for columns with anything else.
    """
    if one.type not in ("float", "integer") or not texts:
        return texts
    joined = "".join(texts)
    # Python also accepts 1_000 and digits of other scripts; the signature doesn't.
    if "_" in joined or not joined.isascii() or len(max(texts, key=len)) > 30:
        return texts
    try:
        if one.type == "integer":
            return np.array(list(map(int, texts)), np.int64)
        numbers = np.array([float(text) if text else math.nan for text in texts], np.float64)
    except (ValueError, OverflowError):
        return texts
    is_plain = np.isfinite(numbers).sum() + texts.count("") == len(texts)
    return numbers if is_plain else texts


def _take(table: Table, rows: NDArray[np.intp]) -> Table:
    return table if len(rows) == table.n_rows else table.take(rows)


def _columns(
    signature: Signature, parts: Sequence[tuple[NDArray[np.intp], Outputs]], n_rows: int
) -> list[tuple[Kind, Sequence[Any] | Array]]:
    """The predicted columns, empty for rows without a prediction."""
    kinds = _kinds(signature)
    if len(parts) == 1 and len(parts[0][0]) == n_rows:
        return list(zip(kinds, _arrays(signature, parts[0][1]), strict=True))
    columns: list[list[Any]] = [[None] * n_rows for _ in kinds]
    for rows, outputs in parts:
        for column, cells in zip(columns, cells_of(signature, outputs), strict=True):
            for row, cell in zip(rows.tolist(), cells, strict=True):
                column[row] = cell
    return list(zip(kinds, columns, strict=True))


def _arrays(signature: Signature, outputs: Outputs) -> list[Sequence[Any] | Array]:
    """The columns of outputs as arrays, where that loses nothing."""
    shares, scores = outputs.probabilities, outputs.scores
    columns = [] if shares is None else list(np.ascontiguousarray(shares.T))
    if len(signature.outputs) > 1:
        return [*cells_of(signature, replace(outputs, probabilities=None)), *columns]
    labels = labels_of(signature.output, outputs)
    return [
        outputs.predictions,
        *([] if labels is None else [labels]),
        *columns,
        *([] if scores is None else [scores]),
        *([] if outputs.distances is None else list(np.ascontiguousarray(outputs.distances.T))),
    ]


def _kinds(signature: Signature) -> list[Kind]:
    kinds = [_kind(output) for output in signature.outputs]
    output, is_single = signature.output, len(signature.outputs) == 1
    kinds += [str] if is_single and output.words else []
    kinds += [float] * signature.n_probabilities
    kinds += [float] if is_single and output.score else []
    return kinds + [float] * len(output.distance_labels)


def _kind(output: Output) -> Kind:
    """The type of an output's values, known before the first of them."""
    if output.classes:
        types: set[Kind] = {type(label) for label in output.classes}
        return types.pop() if len(types) == 1 else float if types == {int, float} else str
    kinds: Mapping[str, Kind] = {"regression": float, "clustering": int, "anomaly": int}
    return kinds.get(output.task, object)


def _refusal(error: ModelError | NoPrediction, row: int) -> BadCell:
    """Why a row that was predicted alone has no prediction."""
    if isinstance(error, NoPrediction):
        return msgspec.structs.replace(error.cells[0], row=row)
    return BadCell(row=row, problem=_why(error), code="model")


def _why(error: ModelError) -> str:
    """The model's error; its owner reads it here, so the cause may be included."""
    cause = error.__cause__
    return error.message if cause is None else f"{error.message}: {printable(str(cause))}"
