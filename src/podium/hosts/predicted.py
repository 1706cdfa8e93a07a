"""Predictions in a host's own Python: its views, tasks and commands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.access import Actor
from podium.errors import InvalidRows
from podium.flow.answer import values_of, warnings_by_row
from podium.flow.predict import PredictionService
from podium.flow.request import Prepared, RequestContext
from podium.flow.response import PredictResponse
from podium.flow.route import Route
from podium.flow.version import LoadedVersion
from podium.records.business_key import business_key_of
from podium.signature.cells import check_table
from podium.table import Table


@dataclass(frozen=True, slots=True)
class Predicted:
    """The prediction for one row.

    Attributes:
        prediction: a number, a label, or an object where there are several outputs.
        label: the name of the prediction, if that is a mere number: `outlier`.
        probabilities: of each label, if the model returns them; by output and label where there are
            several outputs.
        score: of the row, if the model has no target.
        distances: to each cluster by its label, if the model returns them.
        warnings: notes on unusual values, in sentences.
        id: of the record; "" if nothing is recorded.
    """

    prediction: Any
    probabilities: dict[str, Any] | None
    warnings: tuple[str, ...]
    id: str
    model: str
    version: str
    label: str | None = None
    score: float | None = None
    distances: dict[str, float] | None = None


def predicted(
    service: PredictionService,
    route: Route,
    rows: object,
    *,
    actor: Actor,
    source: str = "python",
    key: object = None,
) -> Predicted | list[Predicted]:
    """Predictions for rows in Python, recorded before they are returned.

    Args:
        rows: one mapping, a sequence of mappings, a mapping of columns, a pandas or polars frame,
            or an array of shape (n_rows, n_fields) in the order of the fields.
        key: the business key of these rows.

    Returns:
        One for a mapping of values, else a list with one for each row.

    Raises:
        InvalidRows: some cells are invalid; its `cells` lists them.
        ModelError: the model failed.
        StoreError: the prediction couldn't be recorded, so it isn't returned.
    """
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    given = Table.of(rows, names=route.champion.signature.names)

    def prepare(version: LoadedVersion) -> Prepared:
        try:
            table, warnings = check_table(version.signature, given)
        except InvalidRows as error:
            service.refused_rows.notify(version, error)
            raise
        return Prepared(version.reader, None, table, warnings, "rows", began_ns, time_us)

    business_key = business_key_of(key) or ""
    context = RequestContext(source=source, actor=actor, business_key=business_key)
    found = by_row(service.predict_rows(route, context, prepare))
    is_one = isinstance(rows, Mapping) and not any(
        isinstance(value, (list, tuple)) or hasattr(value, "__array__") for value in rows.values()
    )
    return found[0] if is_one else found


def by_row(answer: PredictResponse) -> list[Predicted]:
    """A response as one Predicted for each row."""
    signature, outputs = answer.version.signature, answer.outputs
    warnings = warnings_by_row(outputs)
    return [
        Predicted(
            prediction=value["prediction"],
            label=value.get("label"),
            probabilities=value.get("probabilities"),
            score=value.get("score"),
            distances=value.get("distances"),
            warnings=tuple(f"{one.field}: {one.message}" for one in warnings.get(row, ())),
            id=answer.ids[row] if answer.ids else "",
            model=answer.version.name,
            version=answer.version.version,
        )
        for row, value in enumerate(msgspec.to_builtins(values_of(signature, outputs)))
    ]
