"""Records whose truth is known, joined with it, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from podium.bundle import Bundle
from podium.errors import SetupError
from podium.evaluation.records import chunks_of
from podium.evaluation.rows import Predictor
from podium.packing.metrics import places_of
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.signature import Output, Signature
from podium.signature.truth import truth_value, values_by_output
from podium.table import Table


@dataclass(frozen=True)
class LabeledRows:
    """Rows and what really happened, in the order of time.

    Attributes:
        table: the inputs, as the signature has them.
        truths: by output, a value a row; None where that of this output isn't known.
        records: id, time, version and prediction of each row, by name.
        n_left_out: how many records have values that can't be used.
    """

    table: Table
    truths: dict[str, list[Any]]
    records: dict[str, list[Any]]
    n_left_out: int = 0

    def rows(self, rows: slice) -> LabeledRows:
        """These rows alone."""
        return LabeledRows(
            self.table.take(rows),
            {name: values[rows] for name, values in self.truths.items()},
            {name: values[rows] for name, values in self.records.items()},
        )


@dataclass
class _Gathered:
    tables: list[Table] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)
    n_left_out: int = 0


def labeled_rows(store: Store, query: RecordQuery, bundle: Bundle) -> LabeledRows:
    """The records of a query that were sent to callers and have feedback.

    Args:
        bundle: whose signature reads the inputs, also of other versions: fields that it lacks are
            left out, and rows that it refuses, too.

    Raises:
        SetupError: there are none.
        StoreError: the records can't be read.
    """
    signature, predictor, found = bundle.signature, Predictor(bundle), _Gathered()
    for records in chunks_of(store, query):
        _gather(predictor, [one for one in records if one.role == "primary"], found)
    if not found.records:
        left = f": {found.n_left_out} can't be used" if found.n_left_out else ""
        raise SetupError(
            f"no record of {bundle.name} has ground truth{left}",
            hint=f"add it: podium feedback truth.csv --model {bundle.name}",
        )
    names = [output.name for output in signature.outputs]
    return LabeledRows(
        Table.concat(found.tables),
        {name: [one[name] for one in found.truths] for name in names},
        {
            "id": [one.id for one in found.records],
            "time": [np.datetime64(one.time_us, "us") for one in found.records],
            "version": [one.version for one in found.records],
            "prediction": [one.outcome for one in found.records],
        },
        found.n_left_out,
    )


def _gather(predictor: Predictor, records: Sequence[Record], found: _Gathered) -> None:
    rows = predictor.rows_of([one.inputs for one in records], ignores_others=True)
    truths = [_truth(predictor.signature, one) for one in records]
    usable = [at for at, place in enumerate(rows.places) if truths[place] is not None]
    usable.sort(key=lambda at: rows.places[at])  # rows that were read with care come last
    found.n_left_out += len(records) - len(usable)
    if usable:
        found.tables.append(rows.table.take(np.array(usable, np.intp)))
    for at in usable:
        record, truth = records[rows.places[at]], truths[rows.places[at]]
        assert truth is not None
        found.records.append(record)
        found.truths.append(truth)


def _truth(signature: Signature, record: Record) -> dict[str, Any] | None:
    """The true values by output; None where none of them can be used."""
    if record.feedback is None:
        return None
    values = values_by_output(signature, msgspec.json.decode(record.feedback.truth))
    truth = {
        one.name: _label(one, truth_value(one, values.get(one.name))) for one in signature.outputs
    }
    return None if all(value is None for value in truth.values()) else truth


def _label(output: Output, value: Any) -> Any:
    """A label of the type that the model's classes have: 1 and "1" are one label of a file."""
    if value is None or not output.classes:
        return value
    (place,) = places_of([value], output.classes).tolist()
    return output.classes[place] if place >= 0 else value
