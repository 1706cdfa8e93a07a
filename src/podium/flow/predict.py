"""The path of a prediction: the order of its steps, and nothing else.

    bytes -> decode -> validate -> batch -> run -> encode -> record -> bytes

`predict_now` walks it in the caller's thread. A host with an event loop calls `prepare` and
`finish` in threads, and lets a `Batcher` run between them what waits together.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec

from podium.flow.decode import JSON, decode
from podium.flow.deployment import Deployment
from podium.flow.encode import Answered, encode
from podium.flow.record import Asked, inputs_json, keep, new_ids, records_of
from podium.flow.run import run
from podium.flow.typed import Row, TypedReader
from podium.flow.validate import validate
from podium.records.keys import Claim
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
        key: the idempotency key: who sends a request again with the same one gets the same answer.
    """

    body: bytes
    media: str
    accept: str = ""
    source: str = "api"
    actor: str | None = None
    key: str = ""

    @property
    def digest(self) -> bytes:
        """By what this request is known again."""
        return blake2b(
            b"\0".join((self.body, self.media.encode(), self.accept.encode())), digest_size=16
        ).digest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a caller reads.

    Attributes:
        body: as the caller asked for it.
        media: its content type.
        is_repeated: it was given before, to the same request with the same key.
    """

    body: bytes
    media: str
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class Answer(Reply):
    """What was answered.

    Attributes:
        ids: of the records, one a row; empty when nothing is recorded.
        outputs: what the model said, with warnings.
        prepared: what it was asked.
    """

    ids: tuple[str, ...]
    outputs: Outputs
    prepared: Prepared
    latency_us: int

    @property
    def table(self) -> Table:
        """What the model was asked."""
        return self.prepared.table


@dataclass(slots=True)  # not frozen: that takes a microsecond more to make
class Prepared:
    """A request that is ready for the model.

    Attributes:
        reader: of the model's signature.
        rows: where the typed way read them, else there is a `checked` table.
        layout: how the caller wrote them.
        claim: what the idempotency key stands for; None without one.
    """

    reader: TypedReader
    rows: Sequence[Row] | None
    checked: Table | None
    warnings: tuple[CellWarning, ...]
    layout: str
    began_ns: int
    time_us: int
    claim: Claim | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.rows) if self.rows is not None else self.table.n_rows

    @property
    def repeated(self) -> Reply | None:
        """The answer that was given to this request before, if it was."""
        claim = self.claim
        if claim is None or claim.body is None or claim.media is None:
            return None
        return Reply(claim.body, claim.media, is_repeated=True)

    @property
    def table(self) -> Table:
        """The rows as every runtime takes them."""
        if self.checked is None:
            self.checked = self.reader.table(self.rows or ())
        return self.checked


def reply_now(deployment: Deployment, ask: Ask) -> Reply:
    """The answer to a request as its caller reads it: the one of before, where it has a known key.

    Raises:
        InputError: the request can't be answered, or its key came with another one.
        ModelError: the model failed.
        StoreError: the answer couldn't be recorded, so there is none.
    """
    prepared = prepare(deployment, ask)
    return prepared.repeated or finish(
        deployment, ask, prepared, run(deployment.bundle.runtime, prepared.table)
    )


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
        InputError: the request can't be answered, or its key came with another one.
        StoreError: its key can't be looked up.
    """
    prepared = _read(deployment, ask)
    if not ask.key or deployment.keys is None:
        return prepared
    ids = new_ids(deployment, prepared.n_rows)
    claim = deployment.keys.claim(
        _scope(deployment, ask), ask.key, ask.digest, ids, prepared.time_us
    )
    return replace(prepared, claim=claim, time_us=claim.time_us)


def _read(deployment: Deployment, ask: Ask) -> Prepared:
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
    if prepared.claim is not None and deployment.keys is not None:
        scope = _scope(deployment, ask)
        media, body = deployment.keys.answer(scope, ask.key, answer.media, answer.body)
        return replace(answer, media=media, body=body)
    return answer


def _scope(deployment: Deployment, ask: Ask) -> str:
    """Whose key it is: those of two models or two callers have nothing in common."""
    return f"{deployment.name} {ask.actor or ''}"


def told(
    deployment: Deployment, ask: Ask, prepared: Prepared, outputs: Outputs
) -> tuple[Answer, list[Record]]:
    """The answer, and the records that must be kept before it leaves."""
    outputs = Outputs(outputs.predictions, outputs.probabilities, prepared.warnings)
    claim = prepared.claim
    ids = claim.ids if claim is not None else new_ids(deployment, len(outputs))
    answered = Answered(deployment.name, deployment.version, deployment.signature, outputs, ids)
    body, media = encode(answered, prepared.layout, ask.accept)
    latency_us = (time.perf_counter_ns() - prepared.began_ns) // 1_000
    asked = Asked(
        source=ask.source, actor=ask.actor, time_us=prepared.time_us, latency_us=latency_us
    )
    records = records_of(deployment, ids, inputs_of(deployment, prepared), outputs, asked)
    return Answer(body, media, False, ids, outputs, prepared, latency_us), records


def inputs_of(deployment: Deployment, prepared: Prepared) -> list[bytes]:
    """Each row as the JSON object that is recorded; none where nothing is."""
    if deployment.store is None:
        return []
    if prepared.rows is not None:
        return [msgspec.json.encode(row) for row in prepared.rows]
    return inputs_json(deployment.signature, prepared.table)
