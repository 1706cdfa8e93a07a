"""Recorded inputs as the rows of a version, and what it predicts for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bisection import Bisection
from podium.bundle import Bundle
from podium.errors import BadCell, ModelError, NoPrediction
from podium.flow.run import run
from podium.flow.typed import TypedReader
from podium.outputs import CellWarning, Outputs
from podium.signature import Signature
from podium.signature.cells import ABSENT, WARNINGS_MAX, Findings, check_columns, refuse_unknown
from podium.table import Table

_objects = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """The rows of some records that a version accepts, and why it refuses the others.

    Attributes:
        table: the accepted rows.
        places: which of the records each of them is.
        warnings: about accepted rows, by their number in the table.
        refused: why a record's row is refused, by the number of the record.
    """

    table: Table
    places: Sequence[int]
    warnings: Mapping[int, tuple[CellWarning, ...]]
    refused: Mapping[int, BadCell]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that were predicted together, or one that can't be.

    Attributes:
        rows: their numbers in the table.
    """

    rows: NDArray[np.intp]
    outcome: Outputs | BadCell


class Predictor:
    """A version of a model, which takes recorded inputs as it takes requests."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.signature = bundle.signature
        self._reader = TypedReader(bundle.signature, rows_max=sys.maxsize)

    def rows_of(self, inputs: Sequence[bytes], *, ignores_others: bool = False) -> RecordedRows:
        """The rows of recorded inputs, each read as if it were sent alone.

        Args:
            ignores_others: pass over fields that this version doesn't have, which refuse a row else.
        """
        typed = [self._reader.one(one) for one in inputs]
        quick = [row for row in typed if row is not None]
        places = [at for at, row in enumerate(typed) if row is not None]
        tables = [self._reader.table(quick)] if quick else []
        careful = [at for at, row in enumerate(typed) if row is None]
        warnings: dict[int, tuple[CellWarning, ...]] = {}
        refused: dict[int, BadCell] = {}
        step = max(1, WARNINGS_MAX // max(1, len(self.signature.fields)))
        for start in range(0, len(careful), step):
            some = careful[start : start + step]
            checked = _checked(
                self.signature, [inputs[at] for at in some], ignores_others=ignores_others
            )
            refused |= {some[at]: cell for at, cell in checked.refused.items()}
            warnings |= {len(places) + row: told for row, told in checked.warnings.items()}
            places += [some[at] for at in checked.places]
            tables.append(checked.table)
        table = Table.concat(tables) if tables else Table({}, 0)
        return RecordedRows(table, places, warnings, refused)

    def predict(self, table: Table) -> Iterator[Part]:
        """Predictions of rows that succeed together, and the failure of each that fails alone."""
        parts = Bisection(np.arange(table.n_rows, dtype=np.intp))
        for rows in parts:
            some = table if len(rows) == table.n_rows else table.take(rows)
            try:
                yield Part(rows, run(self.bundle.runtime, some))
            except (ModelError, NoPrediction) as error:
                if not parts.split(rows):
                    yield Part(rows, _failure(error))


def _failure(error: ModelError | NoPrediction) -> BadCell:
    if isinstance(error, NoPrediction):
        return msgspec.structs.replace(error.cells[0], row=None)
    return BadCell(problem=error.message, code="model")


def _checked(
    signature: Signature, inputs: Sequence[bytes], *, ignores_others: bool
) -> RecordedRows:
    """Rows that the types of the fields alone don't accept, looked at cell by cell."""
    rows: list[dict[str, Any]] = [_object(one) for one in inputs]
    refused: dict[int, BadCell] = {}
    names = frozenset(signature.names)
    for at, row in enumerate(rows):
        others = [name for name in row if name not in names]
        if others and not ignores_others:
            findings = Findings(recorded_max=1)
            refuse_unknown(signature, others, findings)
            refused[at] = findings.bad[0]
    columns = {name: [row.get(name, ABSENT) for row in rows] for name in signature.names}
    findings = Findings(recorded_max=sys.maxsize)
    table = check_columns(signature, columns, len(rows), "values", findings)
    for cell in findings.bad:
        # Of one row alone cells are reported without its number.
        refused.setdefault(cell.row or 0, msgspec.structs.replace(cell, row=None))
    places = [at for at in range(len(rows)) if at not in refused]
    row_of = {at: place for place, at in enumerate(places)}
    warnings: dict[int, tuple[CellWarning, ...]] = {}
    for one in findings.warnings:
        if one.row in row_of:
            place = row_of[one.row]
            warnings[place] = (*warnings.get(place, ()), one)
    return RecordedRows(table.take(np.array(places, np.intp)), places, warnings, refused)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return _objects.decode(raw)
    except (msgspec.DecodeError, RecursionError):  # no store has it otherwise than as an object
        return {}
