"""The path of a prediction: the order of its steps, and nothing else.

    bytes -> decode -> validate -> batch -> run -> encode -> record -> bytes

`predict_now` walks it in the caller's thread. A host with an event loop calls `prepare` and
`finish` in threads, and lets a `Batcher` run between them what waits together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from podium.flow.decode import decode
from podium.flow.deployment import Deployment
from podium.flow.encode import Answered, encode
from podium.flow.record import Asked, new_ids, record
from podium.flow.run import run
from podium.flow.validate import validate
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
        table: what it was asked.
    """

    body: bytes
    media: str
    ids: tuple[str, ...]
    outputs: Outputs
    table: Table
    latency_us: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is ready for the model."""

    table: Table
    warnings: tuple[CellWarning, ...]
    layout: str
    began_ns: int
    time_us: int


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
    """Steps 1 and 2: what comes before the model."""
    began_ns, time_us = time.perf_counter_ns(), time.time_ns() // 1_000
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
    return Prepared(table, warnings, decoded.layout, began_ns, time_us)


def finish(deployment: Deployment, ask: Ask, prepared: Prepared, outputs: Outputs) -> Answer:
    """Steps 5 and 6: what comes after the model."""
    outputs = Outputs(outputs.predictions, outputs.probabilities, prepared.warnings)
    ids = new_ids(deployment, prepared.table.n_rows)
    answered = Answered(deployment.name, deployment.version, deployment.signature, outputs, ids)
    body, media = encode(answered, prepared.layout, ask.accept)
    latency_us = (time.perf_counter_ns() - prepared.began_ns) // 1_000
    asked = Asked(
        source=ask.source, actor=ask.actor, time_us=prepared.time_us, latency_us=latency_us
    )
    record(deployment, ids, prepared.table, outputs, asked)
    return Answer(body, media, ids, outputs, prepared.table, latency_us)
