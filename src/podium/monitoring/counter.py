"""Counts the values of answered rows, beside the requests: an observer of the prediction service.

Requests are put into a buffer, and a thread counts them. It takes a small share of a core: where
that isn't enough, a sample is counted, and the rest as rows alone. Nothing that fails here reaches
a request. Each row is in exactly one tally, and each tally is added to the file once: one that
can't be written stays until it can.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary

import numpy as np

from podium.bundle.baseline import Baseline
from podium.errors import BundleError, InvalidRows, StoreError
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.monitoring.layout import Layout
from podium.monitoring.pieces import Batch, Piece, Shadowed, endings_of, pieces_of, without_values
from podium.monitoring.shared_counts import Counts
from podium.records import forks
from podium.records.counted import Key, Role, Tally
from podium.records.record import Record

TAKE_S, WRITE_S, TIDY_S = 0.1, 1.0, 3_600.0
# Of a core, for the thread in the process that answers: it takes turns with the event loop.
CPU_SHARE = 0.02
# Of all models of a process; above, a sample is counted.
ROWS_PER_S = 10_000
# What waits beyond that is counted as rows alone.
WAITING_ROWS_MAX, WAITING_MAX = 200_000, 16_384
# While the file can't be written: one for each hour, version and role.
TALLIES_MAX = 1_000
# After so many requests the thread sleeps for a moment: on one core the event loop couldn't ask for its
# turn, and would wait for the scheduler's clock tick of 4 ms.
BREATH_REQUESTS, BREATH_S = 32, 1e-5
_CLOSED_S = 10.0
_log = logging.getLogger("podium")


class Counter(forks.ForkAware):
    """Counts what one process answers, and adds it to a file once a second.

    Args:
        tidy: called now and then, in the same thread, once the file was written.

    Attributes:
        n_failed: how often the file couldn't be written.
    """

    def __init__(self, file: Counts, tidy: Callable[[], object] = lambda: None) -> None:
        self.n_failed = 0
        self._file = file
        self._tidy = tidy
        self._layouts: WeakKeyDictionary[LoadedVersion, Layout] = WeakKeyDictionary()
        self._is_failing = self._is_puzzled = self._is_closed = False
        self._reset()
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it has answered."""
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()  # of what waits
        self._waiting: list[Batch] = []
        self._n_waiting = self._n_requests = 0
        self._skipped: dict[tuple[LoadedVersion, Role, int], Piece] = {}
        self._counting = threading.Lock()  # of what follows
        self._pieces: deque[Piece] = deque()
        self._tallies: dict[Key, Tally] = {}
        self._n_seen = self._n_halvings = 0
        self._n_counted = self._spent_s = self._row_s = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def observe(self, some: Sequence[Submission]) -> None:
        """Put answered requests into the buffer: those in the sample, where not all are counted."""
        if not some:
            return
        n_rows, n_halvings, chosen = sum([one.n_rows for one in some]), self._n_halvings, some
        if n_halvings:
            endings = endings_of(n_halvings)
            chosen = [o for o in some if o.n_rows > 1 or o.ids[0].endswith(endings)]
        first, n_skipped = some[0], len(some) - len(chosen)
        self._put(
            Batch(
                first.version,
                chosen,
                first.prepared.time_us,
                time.perf_counter_ns(),
                n_rows - n_skipped,
                n_skipped,
                n_halvings,
            ),
            len(chosen),
        )

    def refuse(self, version: LoadedVersion, error: InvalidRows) -> None:
        """Put refused rows into the buffer."""
        self._put(Batch(version, error, time.time_ns() // 1_000), 1)

    def shadow(self, version: LoadedVersion, records: Sequence[Record]) -> None:
        """Put what a shadow predicted into the buffer."""
        if records:
            time_us, n_halvings = records[0].time_us, self._n_halvings
            self._put(
                Batch(
                    version, Shadowed(records), time_us, n_rows=len(records), n_halvings=n_halvings
                ),
                1,
            )

    def flush(self) -> None:
        """Count and write now what was put into the buffer before."""
        while self._step():
            pass
        self._write()

    def close(self) -> None:
        """Count and write what waits, and end; what comes later isn't counted."""
        self._is_closed = True
        self._stop.set()
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join(_CLOSED_S)
        self.flush()
        self._file.close()

    def _put(self, batch: Batch, n_requests: int) -> None:
        with self._lock:
            self._n_seen += batch.n_rows + batch.n_skipped
            is_full = (
                self._n_waiting + batch.n_rows > WAITING_ROWS_MAX
                or self._n_requests + n_requests > WAITING_MAX
            )
            if is_full:
                piece = without_values(batch)
                place = piece.version, piece.role, piece.hour
                before = self._skipped.setdefault(place, piece)
                if before is not piece:
                    before.n_rows += piece.n_rows
                    before.n_refused += piece.n_refused
            else:
                self._waiting.append(batch)
                self._n_waiting += batch.n_rows
                self._n_requests += n_requests
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(
                    target=self._run, name="podium-monitoring", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        written_s = tidied_s = 0.0
        while not self._stop.wait(TAKE_S):
            began_s = time.thread_time()
            while self._step() and not self._stop.is_set():
                now_s = time.thread_time()
                self._stop.wait((now_s - began_s) * (1 / CPU_SHARE - 1))
                began_s = now_s
            now_s = time.monotonic()
            if now_s - written_s >= WRITE_S:
                self._write()
                self._set_sample(now_s - written_s)
                written_s = now_s
            if now_s - tidied_s >= TIDY_S and not self._is_failing:
                with suppress(StoreError):  # writing says it, too
                    self._tidy()
                tidied_s = now_s

    def _step(self) -> bool:
        """Count a piece of what waits; returns whether there was one."""
        with self._counting:
            began_s = time.thread_time()
            if not self._pieces:
                self._take()
            if not self._pieces:
                return False
            piece = self._pieces.popleft()
            self._count(piece)
            self._n_counted += piece.n_counted
            self._spent_s += time.thread_time() - began_s
            return True

    def _take(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
            skipped, self._skipped = self._skipped, {}
            self._n_waiting = self._n_requests = 0
        self._pieces.extend(skipped.values())
        self._pieces.extend(pieces_of(_one_by_one(taken)))

    def _set_sample(self, seconds: float) -> None:
        """Choose how large a sample is counted next, by what came in these seconds.

        It is halved until it is no more than may be counted, and than there is time for.
        """
        n_seen, self._n_seen = self._n_seen, 0
        if self._n_counted:
            self._row_s = self._spent_s / self._n_counted
            self._n_counted, self._spent_s = self._n_counted / 2, self._spent_s / 2
        most = min(ROWS_PER_S, CPU_SHARE / self._row_s) if self._row_s else ROWS_PER_S
        n_halvings = 0
        while n_seen / seconds > most * (1 << n_halvings):
            n_halvings += 1
        self._n_halvings = n_halvings

    def _count(self, piece: Piece) -> None:
        layout = self._layout(piece.version)
        tally = self._tally(piece.version, piece.role, piece.hour)
        tally.n_rows += piece.n_rows
        tally.n_refused += piece.n_refused
        try:
            counts = piece.count(layout)
        except Exception:  # noqa: BLE001 - a model's outputs may be of any type
            if not self._is_puzzled:
                _log.exception("values_not_counted: %s", piece.version.name)
            self._is_puzzled = True
            return
        tally.counts = tally.counts + counts
        tally.n_counted += piece.n_counted

    def _layout(self, version: LoadedVersion) -> Layout:
        layout = self._layouts.get(version)
        if layout is None:
            try:
                baseline = version.bundle.baseline
            except BundleError as error:
                _log.warning("baseline_not_read: %s: %s", version.name, error)
                baseline = Baseline()
            self._layouts[version] = layout = Layout(baseline, version.signature)
        return layout

    def _tally(self, version: LoadedVersion, role: Role, hour: int) -> Tally:
        layout = self._layout(version)
        key = Key(version.name, version.digest, role, hour)
        tally = self._tallies.get(key)
        if tally is None:
            tally = Tally(layout.text, np.zeros(layout.n_slots, np.int64))
            if len(self._tallies) < TALLIES_MAX:
                self._tallies[key] = tally
        return tally

    def _write(self) -> None:
        """Add the tallies to the file; what can't be written is tried again."""
        with self._counting:
            if not self._tallies:
                return
            try:
                self._file.add(self._tallies)
            except StoreError as error:
                self.n_failed += 1
                if not self._is_failing:  # once, not once a second
                    _log.error("counts_not_written: %s", error)
                self._is_failing = True
            else:
                self._tallies = {}
                self._is_failing = False


def _one_by_one(batches: list[Batch]) -> Iterator[Batch]:
    """Empties the list: to free thousands of requests at once takes long, too."""
    batches.reverse()
    n_requests = 0
    while batches:
        batch = batches.pop()
        n_requests += len(batch.found) if isinstance(batch.found, Sequence) else 1
        if n_requests >= BREATH_REQUESTS:
            time.sleep(BREATH_S)
            n_requests = 0
        yield batch
