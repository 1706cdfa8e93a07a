"""The process of a shadow: loads a version, and predicts the rows that standard input brings."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec

from podium.bundle import load
from podium.deployments.frames import read_frame, write_frame
from podium.deployments.niceness import let_others_first
from podium.errors import PodiumError
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.record import answers_of
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.run import run, run_async
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs
from podium.table import Table

_ENDS_WITH_PARENT = 1
# Of a core that answers without a pause, about 5 % is left to it.
NICENESS = 16


class ShadowOrder(msgspec.Struct, frozen=True):
    """The first frame: what to load.

    Attributes:
        trust: `sha256:...` digests of pickles that may be loaded.
    """

    path: str
    trust: tuple[str, ...]


class ShadowRow(msgspec.Struct, frozen=True, array_like=True):
    """What the version predicts for a row.

    Attributes:
        outputs: as a record has them; empty where it predicts nothing.
        latency_us: of its call, with the rows beside it.
    """

    outputs: bytes = b""
    outcome: str = ""
    outcome_number: float | None = None
    latency_us: int = 0


_ORDER = msgspec.msgpack.Decoder(ShadowOrder)
_ROWS = msgspec.msgpack.Decoder(list[bytes])


def main() -> None:
    """Load what the first frame says, then answer each frame of rows with one of predictions."""
    _end_first()
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints isn't an answer
    order = _ORDER.decode(read_frame(source))
    version = LoadedVersion(load(order.path, trust=order.trust))
    version.load()
    let_others_first(NICENESS)  # not before: where the server is busy, loading would take minutes
    write_frame(target, b"")
    with suppress(EOFError, BrokenPipeError):
        _serve(version, source, target)
    os._exit(0)  # threads that a library started needn't agree


def _serve(version: LoadedVersion, source: IO[bytes], target: IO[bytes]) -> None:
    while True:
        rows = _ROWS.decode(read_frame(source))
        write_frame(target, msgspec.msgpack.encode(predictions(version, rows)))


def predictions(version: LoadedVersion, rows: Sequence[bytes]) -> list[ShadowRow]:
    """The predictions for rows of JSON; where they fail together, each is predicted alone."""
    began_ns = time.perf_counter_ns()
    body = b"[" + b",".join(rows) + b"]"
    try:
        prepared = prepare(version, PredictRequest(body, JSON, RequestContext(is_bulk=True)))
        outputs = replace(_outputs(version, prepared.table), warnings=prepared.warnings)
    except PodiumError:
        if len(rows) == 1:
            return [ShadowRow()]
        return [found for row in rows for found in predictions(version, [row])]
    latency_us = (time.perf_counter_ns() - began_ns) // 1_000
    return [
        ShadowRow(text, outcome, number, latency_us)
        for text, (outcome, number) in answers_of(version.signature, outputs)
    ]


def _outputs(version: LoadedVersion, table: Table) -> Outputs:
    runtime = version.runtime
    if not runtime.features.is_async:
        return run(runtime, table)
    most = runtime.features.max_batch_rows
    return asyncio.run(run_async(runtime, version.signature, table, most))  # type: ignore[arg-type]


def _end_first() -> None:
    """End with the parent, and before any other where memory is short."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_ENDS_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):  # where memory is short, this process is to end, and no worker
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


if __name__ == "__main__":
    main()
