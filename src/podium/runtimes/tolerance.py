"""Which missing values and unknown categories an estimator accepts: determined by trying.

Encoders that ignore unknown categories, imputers, and trees that send a missing value to one side
all predict where a signature inferred from the training rows alone would refuse.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from podium.bisection import Bisection
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.runtimes.sklearn import SklearnRuntime
from podium.runtimes.steps import steps_of
from podium.signature import Field, Label, Signature
from podium.signature.cells import column_for
from podium.signature.infer import unseen_label
from podium.table import Table, plain_values

# Trying ends after this long; whatever wasn't tried by then stays refused.
SECONDS_MAX = 5.0
# An estimator that refuses a kind of cell in this many places refuses it everywhere.
REFUSED_MAX = 63
# The same where it treats all columns alike: there are thousands of them sometimes.
REFUSED_ALIKE_MAX = 7
# This many of a field's categories without a row are tried: they are all treated alike.
DECLARED_MAX = 20


class _Trial(NamedTuple):
    """A row in which one cell has a value that doesn't occur in training.

    Attributes:
        kind: `missing`, `unknown`, or `undeclared`: a category that the column declares, but no row
            has.
    """

    field: int
    kind: str
    value: Label | None


def tolerant(signature: Signature, estimator: Any, table: Table) -> Signature:
    """The signature, changed to accept with a warning the values that the estimator accepts.

    Args:
        table: rows of the training data, as the signature has them.
    """
    trials = list(_trials(signature))
    if not trials:
        return signature
    rows = _rows(signature, table, trials)
    most = REFUSED_ALIKE_MAX if _treats_alike(estimator) else REFUSED_MAX
    passed = _passed(SklearnRuntime(estimator, signature), rows, trials, most)
    by_field: dict[int, list[tuple[_Trial, bool]]] = {}
    for trial, is_accepted in zip(trials, passed, strict=True):
        by_field.setdefault(trial.field, []).append((trial, is_accepted))
    fields = [_field(f, by_field.get(i, [])) for i, f in enumerate(signature.fields)]
    if signature.frame == "dicts":  # without a value a dict lacks the key, which isn't unusual
        fields = [replace(f, missing="accept") if f.missing == "warn" else f for f in fields]
    return replace(signature, fields=tuple(fields))


def _trials(signature: Signature) -> Iterator[_Trial]:
    for place, field in enumerate(signature.fields):
        if field.missing == "refuse":
            yield _Trial(place, "missing", None)
        if field.type != "category":
            continue
        yield _Trial(place, "unknown", unseen_label(field))
        declared = [one.value for one in field.categories if not one.frequency]
        yield from (_Trial(place, "undeclared", value) for value in declared[:DECLARED_MAX])


def _rows(signature: Signature, table: Table, trials: Sequence[_Trial]) -> Table:
    """A row of the training data for each trial, with that trial's value in its field."""
    rows = table.take(np.arange(len(trials), dtype=np.intp) % table.n_rows)
    cells: dict[int, list[Any]] = {}
    for row, (place, _, value) in enumerate(trials):
        name = signature.fields[place].name
        cells.setdefault(place, plain_values(rows.columns[name]))[row] = value
    columns = dict(rows.columns)
    for place, values in cells.items():
        field = signature.fields[place]
        columns[field.name] = column_for(field, values)
    return Table(columns, rows.n_rows, rows.dtypes, rows.frame, rows.levels)


def _treats_alike(estimator: Any) -> bool:
    """Whether each column is treated as the others: by steps of scikit-learn's that choose none."""
    steps = [step for _, step in steps_of(estimator)] or [estimator]
    return all(
        type(step).__module__.startswith("sklearn.")
        and not hasattr(step, "get_support")
        and not any(
            callable(part) or isinstance(part, (list, tuple)) or hasattr(part, "fit")
            for part in step.get_params(deep=False).values()
        )
        for step in steps
    )


def _passed(
    runtime: SklearnRuntime, rows: Table, trials: Sequence[_Trial], most: int
) -> list[bool]:
    """Which rows get predictions: all of a kind at once or, if that fails, in halves.

    The kind with the fewest trials is first, so that hundreds of columns without missing values
    leave time for the categories.

    Args:
        most: after so many refusals of a kind, it is refused everywhere.
    """
    kinds: dict[str, list[int]] = {}
    for row, trial in enumerate(trials):
        kinds.setdefault(trial.kind, []).append(row)
    passed = [False] * len(trials)
    deadline = time.monotonic() + SECONDS_MAX
    for whole in sorted(kinds.values(), key=len):
        n_refused = 0
        # A key that another row has isn't missing in a dict.
        is_alone = runtime.signature.frame == "dicts"
        parts = Bisection(whole, is_wide=True)
        for some in [[row] for row in whole] if is_alone else parts:
            if n_refused == most or time.monotonic() >= deadline:
                break
            try:
                outputs = runtime.predict(rows.take(np.array(some, np.intp)))
            except ModelError:
                n_refused += not any(passed[row] for row in whole)
                parts.split(some)
                continue
            for row, is_finite in zip(some, _are_finite(outputs), strict=True):
                passed[row] = is_finite
    return passed


def _are_finite(outputs: Outputs) -> Sequence[bool]:
    """Which rows have predictions that are finite numbers, or no numbers."""
    fine = np.ones(len(outputs), bool)
    beside = (outputs.probabilities, outputs.scores, outputs.distances)
    for array in (outputs.predictions, *beside):
        if array is not None and array.dtype.kind == "f":
            fine &= np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    return fine.tolist()


def _field(field: Field, trials: Sequence[tuple[_Trial, bool]]) -> Field:
    passed = {trial.kind for trial, is_accepted in trials if is_accepted}
    refused = {trial.kind for trial, is_accepted in trials if not is_accepted}
    if "missing" in passed:
        field = replace(field, missing="warn")
    if "unknown" in passed:
        field = replace(field, unknown="warn")
    if "undeclared" in refused:
        fine = [trial.value for trial, is_accepted in trials if is_accepted]
        categories = (one for one in field.categories if one.frequency or one.value in fine)
        field = replace(field, categories=tuple(categories))
    return field
