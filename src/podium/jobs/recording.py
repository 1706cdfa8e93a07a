"""The rows of a job as records, with the name of the job as their source.

Their ids follow from the job and the row: a job that begins again after it was cut records the same ids,
which the store takes once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.access import NOBODY, Actor
from podium.errors import BadCell, StoreError
from podium.flow.record import answers_of, inputs_json, record_of
from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.jobs.job import SOURCE, Job
from podium.outbox.outbox import Outbox
from podium.outputs import CellWarning, Outputs
from podium.records.record import Record
from podium.records.storable import refused_of
from podium.scoring.scorer import Answered
from podium.settings import Settings

# While the store is slow, a job waits for it, so that callers keep their room in the outbox.
WAITING_SHARE, WAIT_S, WAIT_MAX_S = 0.5, 0.2, 600.0
_COUNTER_BITS, _LOW_BITS = 26, 14


class Recording:
    """Records the rows of one job, in an outbox of its own, which the server ships to the store."""

    def __init__(self, job: Job, version: LoadedVersion, settings: Settings) -> None:
        self._job = job
        self._version = version
        self._rows_max = settings.outbox_rows_max
        actor = Actor(job.actor, id=job.owner) if job.actor else NOBODY
        self._context = RequestContext(source=source_of(job), actor=actor)
        self._attributes = msgspec.json.encode({"job": job.id})
        self._noise = blake2b(job.id.encode(), digest_size=6).hexdigest()
        self._outbox = Outbox(
            Path(settings.home) / "outbox",
            durability=settings.durability,
            rows_max=settings.outbox_rows_max,
        )

    def record(self, answered: Answered, first_row: int, seconds: float) -> Answered:
        """Record the rows that have answers.

        Args:
            first_row: the number in the file of the first one, from 0.
            seconds: that the model took for all of them.

        Returns:
            The answers without those that no store can hold: these rows are refused.

        Raises:
            StoreError: none of them is recorded.
        """
        n_rows = sum(len(rows) for rows, _ in answered.parts)
        latency_us = int(seconds * 1e6 / n_rows) if n_rows else 0
        by_row: dict[int, list[CellWarning]] = {}
        for warning in answered.warnings:
            by_row.setdefault(warning.row, []).append(warning)
        parts, bad, records = [], list(answered.bad), []
        for rows, outputs in answered.parts:
            made = list(self._records(answered, rows, outputs, by_row, first_row, latency_us))
            refused = refused_of(made)
            reasons = [refused.get(one.id) for one in made]
            bad += [
                BadCell(row=int(row), problem=f"can't be recorded: {reason}", code="unrecordable")
                for row, reason in zip(rows, reasons, strict=True)
                if reason is not None
            ]
            records += [one for one in made if one.id not in refused]
            kept = np.array([reason is None for reason in reasons], np.bool_)
            parts.append((rows[kept], outputs.rows(kept)) if refused else (rows, outputs))
        self._wait(len(records))
        self._outbox.append(records)
        if len(bad) == len(answered.bad):
            return answered
        numbers = {cell.row for cell in bad if cell.row is not None}
        return replace(
            answered,
            parts=[one for one in parts if len(one[0])],
            bad=sorted(bad, key=lambda cell: cell.row or 0),
            refused=answered.refused | numbers,
        )

    def close(self) -> None:
        """Close the files; what is in them is shipped by the server."""
        self._outbox.close()

    def _records(
        self,
        answered: Answered,
        rows: NDArray[np.intp],
        outputs: Outputs,
        by_row: dict[int, list[CellWarning]],
        first_row: int,
        latency_us: int,
    ) -> Iterator[Record]:
        version, table = self._version, answered.rows(rows)
        warnings = tuple(
            msgspec.structs.replace(one, row=place)
            for place, row in enumerate(rows.tolist())
            for one in by_row.get(row, ())
        )
        answers = answers_of(version.signature, replace(outputs, warnings=warnings))
        time_us, began_ns = self._job.queued_us, time.perf_counter_ns()
        prepared = Prepared(version.reader, None, table, (), "rows", began_ns, time_us)
        inputs = inputs_json(version.signature, table)
        for row, given, (answer, outcome) in zip(rows.tolist(), inputs, answers, strict=True):
            number = first_row + row
            record = record_of(
                version,
                self._context,
                prepared,
                self._id(number),
                given,
                answer,
                outcome,
                request_id=self._id(0),
                row_index=number,
            )
            yield msgspec.structs.replace(
                record, latency_us=latency_us, attributes=self._attributes
            )

    def _id(self, row: int) -> str:
        """The id of a row: a UUIDv7 with the number of the row as its counter."""
        ms = self._job.queued_us // 1_000 + (row >> _COUNTER_BITS)
        counter = row & ((1 << _COUNTER_BITS) - 1)
        high = (ms & (2**48 - 1)) << 16 | 0x7000 | counter >> _LOW_BITS
        return f"{high:016x}{0x8000 | counter & 0x3FFF:04x}{self._noise}"

    def _wait(self, n_rows: int) -> None:
        """Let the store catch up, as long as much waits for it already.

        Raises:
            StoreError: it takes no records for some minutes.
        """
        until_s = time.monotonic() + WAIT_MAX_S
        while self._outbox.n_waiting + n_rows > max(self._rows_max * WAITING_SHARE, n_rows):
            if time.monotonic() > until_s:
                raise StoreError(
                    "the store of records takes no more of them",
                    hint="the log of the server says why; start the job again when it does",
                )
            time.sleep(WAIT_S)


def source_of(job: Job) -> str:
    """What its records have as their source."""
    return f"{SOURCE}: {job.name}" if job.name else SOURCE
