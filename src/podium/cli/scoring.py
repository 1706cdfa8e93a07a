"""Rows of a file answered chunk by chunk: those that can be are, the others are told apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bundle import Bundle
from podium.cli.files.rows import Chunk, Kind, Predicted, Reader
from podium.errors import BadCell, ModelError, SetupError
from podium.flow.answer import column_names
from podium.flow.run import run
from podium.signature import Field, Output, Signature
from podium.signature.cells import Findings, check_columns, shown
from podium.table import Array, CellWarning, Outputs, Table, plain_values

# So many rows in a row that the model can't answer, and none that it can: it isn't the rows.
GIVE_UP_AFTER = 20


@dataclass(frozen=True)
class Scored:
    """A chunk's answers.

    Attributes:
        predicted: the columns to add.
        bad: what is wrong with the rows that were refused, row by row; `row` counts from 0.
        refused: the numbers of these rows.
        warnings: about rows that were answered.
    """

    predicted: Sequence[Predicted]
    bad: Sequence[BadCell]
    refused: frozenset[int]
    warnings: Sequence[CellWarning]


@dataclass
class Scorer:
    """Answers chunks with a bundle's model.

    Attributes:
        prefix: before the names of the predicted columns.
    """

    bundle: Bundle
    prefix: str = ""
    _has_answered: bool = False
    _n_failed: int = 0

    @property
    def names(self) -> list[str]:
        """What the predicted columns are called."""
        return [self.prefix + name for name in column_names(self.bundle.signature)]

    def check_names(self, names: Sequence[str]) -> None:
        """Compare the file's columns with those to be added.

        Raises:
            SetupError: one of them is there already.
        """
        there = [name for name in self.names if name in names]
        if there:
            raise SetupError(
                f"the file has a column {shown(there[0])!r} already",
                hint="name the predicted columns otherwise: --prefix new_",
            )

    def score(self, chunk: Chunk, reader: Reader) -> Scored:
        """The answers for a chunk's rows.

        Raises:
            ModelError: the model answers no row at all.
        """
        table, findings = _checked(self.bundle.signature, chunk, reader)
        bad = [cell for cell in findings.bad if cell.row not in chunk.broken]
        bad += [msgspec.structs.replace(c, row=row) for row, c in chunk.broken.items()]
        refused = {cell.row for cell in bad if cell.row is not None}
        rows = np.array([row for row in range(chunk.n_rows) if row not in refused], np.intp)
        parts = []
        for part, answer in self._answers(table, rows):
            if isinstance(answer, Outputs):
                parts.append((part, answer))
            else:
                row = int(part[0])
                refused.add(row)
                bad.append(BadCell(row=row, problem=_why(answer), code="model"))
        columns = _columns(self.bundle.signature, parts, chunk.n_rows)
        return Scored(
            [Predicted(name, *column) for name, column in zip(self.names, columns, strict=True)],
            sorted(bad, key=lambda cell: cell.row or 0),
            frozenset(refused),
            [warning for warning in findings.warnings if warning.row not in refused],
        )

    def _answers(
        self, table: Table, rows: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], Outputs | ModelError]]:
        """Answers of rows that go together, and the failure of each that fails alone."""
        waiting = [rows] if len(rows) else []
        while waiting:
            part = waiting.pop()
            try:
                outputs = run(self.bundle.runtime, _taken(table, part))
            except ModelError as error:
                if len(part) == 1:
                    self._count_failure(error)
                    yield part, error
                else:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
            else:
                self._has_answered = True
                yield part, outputs

    def _count_failure(self, error: ModelError) -> None:
        self._n_failed += 1
        if not self._has_answered and self._n_failed >= GIVE_UP_AFTER:
            raise ModelError(
                f"the model fails on every row: {_why(error)}",
                hint="try one row: podium predict; do the libraries have the versions that "
                "`podium inspect` shows?",
            ) from error


def _checked(signature: Signature, chunk: Chunk, reader: Reader) -> tuple[Table, Findings]:
    """The chunk's fields as the model takes them, and what is wrong with them."""
    given = dict(zip(chunk.names, chunk.cells, strict=True))
    columns: dict[str, Sequence[object] | Array] = {}
    for one in signature.fields:
        if one.name not in given:
            columns[one.name] = [None] * chunk.n_rows
        elif chunk.written == "file":
            columns[one.name] = _numbers(one, given[one.name])
        else:
            columns[one.name] = reader.for_model(given[one.name])
    findings = Findings(kept_max=sys.maxsize)
    return check_columns(signature, columns, chunk.n_rows, chunk.written, findings), findings


def _numbers(one: Field, texts: Sequence[str]) -> Sequence[object] | Array:
    """Texts of a number's column as numbers, if every one is plainly a number or empty.

    Five times as fast as reading each with care, which is left for columns with anything else.
    """
    if one.type not in ("float", "integer") or not texts:
        return texts
    joined = "".join(texts)
    # Python reads 1_000 and other scripts' digits, too; the signature doesn't.
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


def _taken(table: Table, rows: NDArray[np.intp]) -> Table:
    return table if len(rows) == table.n_rows else table.take(rows)


def _columns(
    signature: Signature, parts: Sequence[tuple[NDArray[np.intp], Outputs]], n_rows: int
) -> list[tuple[Kind, Sequence[Any]]]:
    """The predicted columns, with nothing where a row has no answer."""
    kinds = _kinds(signature)
    if len(parts) == 1 and len(parts[0][0]) == n_rows:
        return list(zip(kinds, _cells(signature, parts[0][1]), strict=True))
    columns: list[list[Any]] = [[None] * n_rows for _ in kinds]
    for rows, outputs in parts:
        for column, cells in zip(columns, _cells(signature, outputs), strict=True):
            for row, cell in zip(rows.tolist(), cells, strict=True):
                column[row] = cell
    return list(zip(kinds, columns, strict=True))


def _cells(signature: Signature, outputs: Outputs) -> list[list[Any]]:
    if len(signature.outputs) > 1:
        return [plain_values(column) for column in outputs.predictions.T]
    columns = [plain_values(outputs.predictions)]
    if outputs.probabilities is not None:
        columns += outputs.probabilities.T.tolist()
    return columns


def _kinds(signature: Signature) -> list[Kind]:
    kinds = [_kind(output) for output in signature.outputs]
    if len(kinds) == 1 and signature.output.has_probabilities:
        kinds += [float] * len(signature.output.classes)
    return kinds


def _kind(output: Output) -> Kind:
    """What programs hold an output's values as, known before the first of them."""
    if output.classes:
        types: set[Kind] = {type(label) for label in output.classes}
        return types.pop() if len(types) == 1 else float if types == {int, float} else str
    kinds: Mapping[str, Kind] = {"regression": float, "clustering": int, "anomaly": int}
    return kinds.get(output.task, object)


def _why(error: ModelError) -> str:
    """What the model said; here its owner reads it, so that the cause may be told."""
    cause = error.__cause__
    return error.message if cause is None else f"{error.message}: {shown(str(cause))}"
