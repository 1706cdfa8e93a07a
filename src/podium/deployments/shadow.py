"""A shadow: a version predicts the rows that the champion answered, in a process of its own.

Whatever it does, callers have their responses by then. Rows wait in a queue that is bounded, and are
dropped where it is full. A process that ends is started again, after longer and longer pauses; one
that hangs is killed before. What it predicts is recorded with the role `shadow`.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from podium.deployments.frames import read_frame, write_frame
from podium.deployments.shadow_process import ShadowOrder, ShadowRow
from podium.deployments.trial import child_environment, interpreter
from podium.flow.record import inputs_of
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.records.record import Record
from podium.records.storable import refused_of

QUEUE_ROWS_MAX = 8_192
BATCH_ROWS = 256
# Rows are taken so often: a thread that wakes for each would hold up those that answer.
GATHER_S = 0.05
# Of a core, for the thread in the process that answers: it takes turns with the event loop. Where
# that isn't enough for all rows, the queue is full and some are dropped.
CPU_SHARE = 0.05
# Generous: where others need the processor, little is left to it.
START_S, CALL_S = 120.0, 60.0
BACKOFF_S, BACKOFF_MAX_S = 1.0, 60.0
_PREDICTIONS = msgspec.msgpack.Decoder(list[ShadowRow])
_log = logging.getLogger("podium")


class ShadowCounts:
    """Rows of a shadow, by what became of them; each has one writer."""

    def __init__(self) -> None:
        self.n_recorded = 0
        self.n_failed = 0
        self.n_dropped = 0
        self.n_dropped_later = 0  # by the shadow's own thread


@dataclass(frozen=True, slots=True)
class ShadowLimits:
    """How long a shadow may take.

    Attributes:
        start_s: until it is loaded.
        call_s: for some rows.
        backoff_s: before it is started again, the first time; twice as long each time after.
    """

    start_s: float = START_S
    call_s: float = CALL_S
    backoff_s: float = BACKOFF_S


class Shadow:
    """Predicts beside the champion with a version that isn't loaded in this process.

    Args:
        version: what predicts.
        trust: digests of pickles that may be loaded.
        record: keeps records of predictions, and says how many it kept.
        epoch: another value after each deletion of records. Rows that were taken before one are
            dropped: they might be of a record that is gone.
    """

    def __init__(
        self,
        version: LoadedVersion,
        trust: tuple[str, ...],
        *,
        record: Callable[[Sequence[Record], object], int],
        epoch: Callable[[], object],
        new_ids: Callable[[int], Sequence[str]],
        counts: ShadowCounts,
        limits: ShadowLimits = ShadowLimits(),
    ) -> None:
        self.version = version
        self._trust = trust
        self._record = record
        self._epoch = epoch
        self._new_ids = new_ids
        self._counts = counts
        self._limits = limits
        self._queue: deque[tuple[object, Submission]] = deque()
        self._n_put = self._n_taken = 0  # rows; one thread writes each
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # of the process, which may be killed from outside
        self._stop = threading.Event()
        name = f"podium-shadow-{version.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, one: Submission) -> None:
        """Take a request to be predicted, if there is room. Takes no longer than a microsecond."""
        n_rows = len(one.ids)
        if self._n_put - self._n_taken + n_rows > QUEUE_ROWS_MAX:
            self._counts.n_dropped += n_rows
            return
        self._n_put += n_rows
        self._queue.append((self._epoch(), one))

    def close(self) -> None:
        """End the process and the thread; what waits is dropped."""
        self._stop.set()
        with self._lock:
            if self._process is not None:
                self._process.kill()  # the thread reads its end
        self._thread.join()
        self._kill()

    def _run(self) -> None:
        pause_s = self._limits.backoff_s
        while not self._stop.wait(GATHER_S):
            try:
                if self._queue:
                    self._start()
                    self._drain()
                    pause_s = self._limits.backoff_s
            except (OSError, EOFError, msgspec.DecodeError) as error:
                self._kill()
                if self._stop.is_set():
                    break
                _log.warning(
                    "shadow_ended: %s %s, started again in %g s: %r",
                    self.version.name,
                    self.version.version,
                    pause_s,
                    error,
                    extra={"model": self.version.name, "version": self.version.version},
                )
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)

    def _drain(self) -> None:
        """Predict what waits, some rows at a time."""
        while self._queue and not self._stop.is_set():
            epoch, some = self._next_records()
            rows = iter(some)
            try:
                began_s = time.thread_time()
                while batch := list(islice(rows, BATCH_ROWS)):
                    self._predict(epoch, batch)
                    began_s = self._pause(began_s)
            finally:
                self._counts.n_failed += sum(1 for _ in rows)  # of a long request, the rest

    def _pause(self, began_s: float) -> float:
        """Leave the processor to those that answer, as long as this thread's share demands."""
        now_s = time.thread_time()
        self._stop.wait((now_s - began_s) * (1 / CPU_SHARE - 1))
        return now_s

    def _next_records(self) -> tuple[object, Iterator[Record]]:
        """The records of some requests, as they were before a prediction of the shadow's."""
        epoch, one = self._queue.popleft()
        some = [one]
        n_rows = len(one.ids)
        while self._queue and self._queue[0][0] == epoch and n_rows < BATCH_ROWS:
            _, one = self._queue.popleft()
            some.append(one)
            n_rows += len(one.ids)
        self._n_taken += n_rows
        return epoch, (record for one in some for record in self._records_of(one))

    def _records_of(self, one: Submission) -> Iterator[Record]:
        context, prepared, version = one.context, one.prepared, self.version
        for row, inputs in enumerate(inputs_of(one.version, prepared)):
            yield Record(
                id="",
                time_us=prepared.time_us,  # by which it is found beside its primary
                model=version.name,
                version=version.version,
                inputs=inputs,
                outputs=b"",
                outcome="",
                source=context.source,
                actor=context.actor.name or None,
                owner=context.actor.owner or None,
                request_id=one.ids[0],
                row_index=row,
                role="shadow",
                bundle_digest=version.digest,
            )

    def _predict(self, epoch: object, rows: Sequence[Record]) -> None:
        counts = self._counts
        try:
            found = self._request(msgspec.msgpack.encode([one.inputs for one in rows]))
        except (OSError, EOFError, msgspec.DecodeError):
            counts.n_failed += len(rows)
            raise
        ids = self._new_ids(len(rows))
        records = [
            msgspec.structs.replace(
                row,
                id=id_,
                outputs=predicted.outputs,
                outcome=predicted.outcome,
                outcome_number=predicted.outcome_number,
                latency_us=predicted.latency_us,
            )
            for row, id_, predicted in zip(rows, ids, found, strict=False)
            if predicted.outputs
        ]
        refused = refused_of(records)
        good = [one for one in records if one.id not in refused]
        n_recorded = self._record(good, epoch) if good else 0
        counts.n_failed += len(rows) - len(good)
        counts.n_recorded += n_recorded
        counts.n_dropped_later += len(good) - n_recorded

    def _start(self) -> None:
        """Start the process, unless it runs.

        Raises:
            OSError: it can't be started, or has ended.
            EOFError: it ended before the version was loaded.
        """
        if self._process is not None:
            return
        path = self.version.bundle.path
        assert path is not None  # it is in the registry
        with self._lock:
            if self._stop.is_set():
                raise EOFError
            self._process = process = subprocess.Popen(
                [interpreter(), "-P", "-m", "podium.deployments.shadow_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
        order = msgspec.msgpack.encode(ShadowOrder(str(Path(path).resolve()), self._trust))
        self._exchange(process, order, self._limits.start_s)

    def _request(self, frame: bytes) -> list[ShadowRow]:
        assert self._process is not None
        return _PREDICTIONS.decode(self._exchange(self._process, frame, self._limits.call_s))

    def _exchange(self, process: subprocess.Popen[bytes], frame: bytes, seconds: float) -> bytes:
        """Send a frame and read the next one; a process that takes too long for it is killed."""
        assert process.stdin is not None
        assert process.stdout is not None
        killer = threading.Timer(seconds, process.kill)
        killer.daemon = True
        killer.start()
        try:
            write_frame(process.stdin, frame)
            return read_frame(process.stdout)
        finally:
            killer.cancel()

    def _kill(self) -> None:
        """End the process; its pipes are closed by whoever reads them, and by no other thread."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was buffered for it goes nowhere
                    pipe.close()
