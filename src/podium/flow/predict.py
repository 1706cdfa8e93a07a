"""The path of a prediction: the order of its steps, and nothing else.

    bytes -> decode -> validate -> batch -> run -> encode -> record -> bytes

`predict_now` walks it in the caller's thread. A host with an event loop calls `prepare` and
`finish` in threads, and lets a `Batcher` run between them what waits together.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from podium.flow.decode import JSON, decode
from podium.flow.deployment import Deployment
from podium.flow.encode import Answered, encode
from podium.flow.record import Asked, inputs_json, keep, new_ids, records_of
from podium.flow.run import run
from podium.flow.typed import Row, TypedReader
from podium.flow.validate import validate
from podium.records.record import Record
from podium.table import CellWarning, Outputs, Table


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for predictions.

    Attributes:
        body: the rows, as they were sent.
        media: the content type, in lower case and without parameters; JSON when empty.
        accept: the header of that name.
        source: the way in: `api`, `form`, `cli` or `python`.
        actor: who asks, or None for nobody in particular.
    """

    body: bytes
    media: str
    accept: str = ""
    source: str = "api"
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered.

    Attributes:
        body: as the caller asked for it.
        media: its content type.
        ids: of the records, one a row; empty when nothing is recorded.
        outputs: what the model said, with warnings.
        prepared: what it was asked.
    """

    body: bytes
    media: str
    ids: tuple[str, ...]
    outputs: Outputs
    prepared: Prepared
    latency_us: int

    @property
    def table(self) -> Table:
        """What the model was asked."""
        return self.prepared.table


@dataclass(frozen=True)
class Prepared:
    """A request that is ready for the model.

    Attributes:
        reader: of the model's signature.
        rows: where the typed way read them, else there is a `checked` table.
        layout: how the caller wrote them.
    """

    reader: TypedReader
    rows: Sequence[Row] | None
    checked: Table | None
    warnings: tuple[CellWarning, ...]
    layout: str
    began_ns: int
    time_us: int

    @cached_property
    def table(self) -> Table:
        """The rows as every runtime takes them."""
        return self.checked or self.reader.table(self.rows or ())


def predict_now(deployment: Deployment, ask: Ask) -> Answer:
    """The answer to a request, recorded before it is returned.

    Raises:
        InputError: the request can't be answered; nothing is recorded.
        ModelError: the model failed.
        StoreError: the answer couldn't be recorded, so there is none.
    """
    prepared = prepare(deployment, ask)
    return finish(deployment, ask, prepared, run(deployment.bundle.runtime, prepared.table))


def prepare(deployment: Deployment, ask: Ask) -> Prepared:
    """Steps 1 and 2: what comes before the model.

    Raises:
        InputError: the request can't be answered.
    """
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
    reader = deployment.reader
    if ask.media in (JSON, ""):
        typed = reader.rows(ask.body)
        if typed is not None:
            return Prepared(reader, typed.rows, None, (), typed.layout, began_ns, time_us)
        table = reader.columns(ask.body)
        if table is not None:
            return Prepared(reader, None, table, (), "columns", began_ns, time_us)
    limits = deployment.limits
    decoded = decode(ask.body, ask.media, rows_max=limits.rows_max)
    table, warnings = validate(
        deployment.signature,
        decoded.columns,
        decoded.n_rows,
        decoded.written,
        is_single=decoded.layout == "object",
        errors_max=limits.errors_max,
    )
    return Prepared(reader, None, table, warnings, decoded.layout, began_ns, time_us)


def finish(deployment: Deployment, ask: Ask, prepared: Prepared, outputs: Outputs) -> Answer:
    """Steps 5 and 6: what comes after the model.

    Raises:
        StoreError: the answer couldn't be recorded, so there is none.
    """
    answer, records = told(deployment, ask, prepared, outputs)
    keep(deployment, records)
    return answer


def told(
    deployment: Deployment, ask: Ask, prepared: Prepared, outputs: Outputs
) -> tuple[Answer, list[Record]]:
    """The answer, and the records that must be kept before it leaves."""
    outputs = Outputs(outputs.predictions, outputs.probabilities, prepared.warnings)
    ids = new_ids(deployment, len(outputs))
    answered = Answered(deployment.name, deployment.version, deployment.signature, outputs, ids)
    body, media = encode(answered, prepared.layout, ask.accept)
    latency_us = (time.perf_counter_ns() - prepared.began_ns) // 1_000
    asked = Asked(
        source=ask.source, actor=ask.actor, time_us=prepared.time_us, latency_us=latency_us
    )
    records = records_of(deployment, ids, inputs_of(deployment, prepared), outputs, asked)
    return Answer(body, media, ids, outputs, prepared, latency_us), records


def inputs_of(deployment: Deployment, prepared: Prepared) -> list[bytes]:
    """Each row as the JSON object that is recorded; none where nothing is."""
    if deployment.store is None:
        return []
    if prepared.rows is not None:
        return [msgspec.json.encode(row) for row in prepared.rows]
    return inputs_json(deployment.signature, prepared.table)
