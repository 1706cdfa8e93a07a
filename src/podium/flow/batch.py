"""Step 3: jobs that are waiting at the same time run together.

Without a `wait_s` in the policy there is no timer: the jobs that arrive in one turn of the event
loop become one call, and while a call runs in a thread, the next batch fills. Large tables run in
chunks, and small jobs run between the chunks. Every job is settled exactly once, even if it
fails, times out, or its caller disconnects.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from msgspec.structs import astuple

from podium.bisection import halves
from podium.errors import NoPrediction, Overloaded, TimedOut
from podium.flow.call import Call, Guard, Reason
from podium.flow.cost import INLINE_MAX_S, Cost
from podium.flow.job import BatchOutputs, Job
from podium.flow.job_queue import JobQueue
from podium.flow.limits import Bounds
from podium.flow.run import checked, explanation, run, run_async
from podium.flow.typed import TypedReader
from podium.outputs import Outputs
from podium.runtimes.protocol import (
    AsyncRowsRuntime,
    AsyncRuntime,
    BatchPolicy,
    RowsRuntime,
    Runtime,
)
from podium.table import Table

# A job that may have ended the process waits this long for the awaited calls before it, and later
# jobs wait for it: if it ran beside others again, the culprit would remain unknown.
ALONE_S = 1.0
SWEEP_S = 0.25
# A context for each call of a model, in the thread or the task that makes it, by the jobs in it.
Around: TypeAlias = Callable[[Sequence[Any]], AbstractContextManager[object]]
_NOTHING: AbstractContextManager[object] = nullcontext()


def nothing_around(_jobs: Sequence[Any], /) -> AbstractContextManager[object]:
    """Nothing surrounds a call."""
    return _NOTHING


class Batcher:
    """Combines the jobs that wait for one model into few calls. Bound to one event loop.

    Args:
        runtime: makes the predictions.
        reader: turns typed rows into tables.
        cost: the cost of a call; cheap calls run on the loop, others in a thread.
        policy: how many rows and calls may run at once; the runtime's own by default.
        executor: the threads for those calls; by default the batcher creates its own.
        settled: called with the jobs that were settled together: those of one call, or, for an
            awaited model, those of all calls that ended in one turn of the loop.
        batched: called with the number of rows and the reason of every call.
        guard: notified before jobs run and after they ran, where a call could end the process.
        around: what surrounds each call.
    """

    def __init__(
        self,
        runtime: Runtime,
        reader: TypedReader,
        cost: Cost,
        *,
        policy: BatchPolicy | None = None,
        bounds: Bounds = Bounds(),
        executor: Executor | None = None,
        settled: Callable[[list[Any]], object] | None = None,
        batched: Callable[[int, Reason], object] | None = None,
        guard: Guard | None = None,
        around: Around = nothing_around,
    ) -> None:
        self._around = around
        self._runtime = runtime
        self._reader = reader
        self._cost = cost
        self._policy = policy = policy or runtime.features.batch
        self._most = runtime.features.max_batch_rows
        self._bounds = bounds
        self._when_settled = settled
        self._when_batched = batched
        self._guard = guard if runtime.features.can_crash else None
        self.loop = asyncio.get_running_loop()
        self._executor = executor or ThreadPoolExecutor(
            policy.workers, thread_name_prefix="podium-run"
        )
        self._takes_rows = runtime.features.takes_rows
        self._is_async = runtime.features.is_async
        self._rows_max = min(policy.rows_max, self._most or policy.rows_max)
        chunk_rows = min(cost.chunk_rows, self._most or cost.chunk_rows)
        self._queue = JobQueue(
            bounds,
            rows_max=self._rows_max,
            chunk_rows=None if self._is_async else chunk_rows,
            guard=self._guard,
            table_of=lambda job: self._table([job]),
        )
        self._running: dict[int, Call] = {}
        self._n_calls = 0
        self._is_scheduled = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._settled_jobs: list[Job] = []
        self._is_telling = False
        self._n_suspects = 0
        self._held_since_s = 0.0

    @property
    def n_rows_waiting(self) -> int:
        """The number of rows that wait for a call or are in one."""
        queue = self._queue
        return queue.n_small_rows + queue.n_large_rows + queue.n_bulk_rows

    @property
    def call_s(self) -> float:
        """The seconds since the current call in the model's thread began; 0 without one."""
        if self._is_async or not self._running:
            return 0.0
        return self.loop.time() - min(call.began_s for call in self._running.values())

    @property
    def is_guarded(self) -> bool:
        """Whether jobs need a digest, which identifies requests that end the process."""
        return self._guard is not None

    def submit(self, job: Job) -> None:
        """Add a job to the queue; it is settled soon.

        Raises:
            Overloaded: the queue is full; the job isn't accepted.
            Quarantined: its rows ended the process twice.
        """
        if self._guard is not None:
            self._guard.check(job)
        job.deadline_s = self.loop.time() + self._bounds.deadline_s
        self._queue.add(job)
        if self._sweeping is None:
            self._sweeping = self.loop.call_later(SWEEP_S, self._sweep)
        self._schedule()

    def close(self) -> None:
        """Release the threads and the timer; jobs that still wait fail with an error."""
        for timer in (self._sweeping, self._waiting):
            if timer is not None:
                timer.cancel()
        for job in list(self._jobs()):
            self._fail(
                job,
                Overloaded(
                    "the server is shutting down",
                    hint="send the request again, to another server if there is one",
                ),
            )
        self._report_size()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _schedule(self) -> None:
        if not self._is_scheduled and len(self._running) < self._policy.workers:
            self._is_scheduled = True
            self.loop.call_soon(self._turn, "turn")

    def _turn(self, reason: Reason) -> None:
        """Start the next call, and make sure that another one follows."""
        self._is_scheduled = False
        while len(self._running) < self._policy.workers:
            if self._is_held():
                return  # until a call ends or times out
            call = None if self._is_waiting() else self._queue.next_call(reason)
            if call is None:
                return
            self._start(call)
            # Awaited calls that begin together may end together, and are then recorded together.
            if not self._is_async:
                break
        if self._queue:
            self._schedule()

    def _is_held(self) -> bool:
        """Whether a job that may have ended the process runs alone now, or is about to."""
        if self._guard is None or not self._running:
            return False
        first = self._queue.first_small
        if not self._n_suspects and not (first is not None and self._guard.is_suspect(first)):
            return False
        now_s = self.loop.time()
        if not self._held_since_s:
            self._held_since_s = now_s
            self.loop.call_later(ALONE_S, self._schedule)
        return now_s - self._held_since_s < ALONE_S

    def _is_waiting(self) -> bool:
        """Whether the first jobs should wait for more to arrive; a timer ends the wait."""
        wait_s = self._policy.wait_s
        first = self._queue.first_small
        if not wait_s or self._is_async or first is None or not self._queue.is_small_only:
            return False
        in_calls = sum(call.n_rows for call in self._running.values())
        came_s = first.deadline_s - self._bounds.deadline_s
        left_s = wait_s - (self.loop.time() - came_s)
        if left_s <= 0 or self._queue.n_small_rows - in_calls >= self._rows_max:
            return False
        if self._waiting is None:
            self._waiting = self.loop.call_later(left_s, self._end_wait)
        return True

    def _end_wait(self) -> None:
        self._waiting = None
        self._schedule()

    def _start(self, call: Call) -> None:
        n_rows = call.n_rows
        if self._when_batched is not None:
            self._when_batched(n_rows, call.reason)
        self._n_calls += 1
        number = self._n_calls
        self._running[number] = call
        call.began_s, call.began_ns = self.loop.time(), time.perf_counter_ns()
        if call.is_suspect:
            self._n_suspects += 1
            self._held_since_s = 0.0  # jobs behind it wait for their own `wait_s`
        if self._guard is not None:
            call.guarded = self._guard.begin(call.jobs)
        if self._is_async:
            call.task = self.loop.create_task(self._awaited(number, call))
        elif self._cost.of(n_rows) <= INLINE_MAX_S:
            try:
                outputs = self._run(call)
            except Exception as error:  # noqa: BLE001 - jobs must be settled, whatever happens
                self._failed(number, error)
            else:
                self._deliver_outputs(number, outputs)
        else:
            future = self.loop.run_in_executor(self._executor, self._run, call)
            future.add_done_callback(lambda done: self._ended(number, done))

    def _run(self, call: Call) -> Outputs:
        with self._around(call.jobs):
            rows = self._rows(call)
            if rows is None:
                return run(self._runtime, call.table or self._table(call.jobs))
            runtime: RowsRuntime = self._runtime  # type: ignore[assignment]
            return checked(runtime.predict_rows(rows), self._runtime.signature, len(rows))

    def _rows(self, call: Call) -> list[tuple[Any, ...]] | None:
        """The typed rows of a call, if the model accepts them without a table."""
        if not self._takes_rows or call.table is not None or not all(j.rows for j in call.jobs):
            return None
        if self._most is not None and call.n_rows > self._most:
            return None  # a large job is a slice of a table
        return [astuple(row) for job in call.jobs for row in job.rows or ()]

    def _table(self, jobs: Sequence[Job]) -> Table:
        tables = [self._reader.table(job.rows) if job.rows else job.table for job in jobs]
        return Table.concat([table for table in tables if table is not None])

    async def _awaited(self, number: int, call: Call) -> None:
        of_tables: AsyncRuntime = self._runtime  # type: ignore[assignment]
        of_rows: AsyncRowsRuntime = self._runtime  # type: ignore[assignment]
        signature = self._runtime.signature
        try:
            with self._around(call.jobs):
                rows = self._rows(call)
                if rows is None:
                    table = self._table(call.jobs)
                    outputs = await run_async(of_tables, signature, table, self._most)
                else:
                    outputs = checked(await of_rows.predict_rows_async(rows), signature, len(rows))
        except Exception as error:  # noqa: BLE001 - jobs must be settled, whatever happens
            self._failed(number, error)
        else:
            self._deliver_outputs(number, outputs)
        if self._queue:
            self._schedule()

    def _ended(self, number: int, done: asyncio.Future[Outputs]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._deliver_outputs(number, done.result())
        elif isinstance(error, Exception):
            self._failed(number, error)
        if not self._is_scheduled:
            self._turn("after_call")

    def _deliver_outputs(self, number: int, outputs: Outputs) -> None:
        call = self._pop_call(number)
        large, began_ns = call.large, call.began_ns
        if large is not None:
            began_ns = large.began_ns = large.began_ns or began_ns
            large.is_running = False
            large.parts.append(outputs)
            large.at += len(outputs)
            if large.at < large.table.n_rows and not large.job.is_settled:
                self._queue.rotate_large()
                return
            self._queue.leave_large()
            outputs = Outputs.concat(large.parts)
        batch_outputs = BatchOutputs(self._runtime.signature, outputs, began_ns)
        at = 0
        for job in call.jobs:
            self._queue.leave(job)
            if not job.is_settled:
                job.batch_outputs, job.at, job.is_settled = batch_outputs, at, True
                self._settled_jobs.append(job)
            at += job.n_rows
        self._settled()

    def _failed(self, number: int, error: Exception) -> None:
        """Find the job that made the model fail, so that only its caller gets the error."""
        call = self._pop_call(number)
        if len(call.jobs) > 1:
            self._queue.add_again(Call(part, "bisection") for part in halves(call.jobs))
            return
        table = self._table(call.jobs) if call.table is None else call.table
        error = explanation(error, self._runtime.signature, table)
        if call.large is not None:
            self._queue.leave_large()
            error = error.moved(call.large.at) if isinstance(error, NoPrediction) else error
        for job in call.jobs:
            self._queue.leave(job)
            self._fail(job, error)
        self._settled()

    def _settled(self) -> None:
        # Awaited calls end one by one, often several in one turn: what follows runs once for all
        # of them.
        if not self._is_async:
            self._report_size()
        elif not self._is_telling:
            self._is_telling = True
            self.loop.call_soon(self._report_size)

    def _report_size(self) -> None:
        self._is_telling = False
        jobs, self._settled_jobs = self._settled_jobs, []
        if jobs and self._when_settled is not None:
            self._when_settled(jobs)

    def _pop_call(self, number: int) -> Call:
        call = self._running.pop(number)
        self._n_suspects -= call.is_suspect
        self._held_since_s = 0.0
        if self._guard is not None:
            self._guard.end(call.guarded)
        return call

    def _fail(self, job: Job, error: Exception) -> None:
        if not job.is_settled:
            job.error = error
            self._settle(job)

    def _settle(self, job: Job) -> None:
        job.is_settled = True
        self._settled_jobs.append(job)

    def _jobs(self) -> Iterable[Job]:
        """All jobs that aren't settled yet."""
        yield from self._queue.jobs()
        for call in self._running.values():
            yield from call.jobs

    def _sweep(self) -> None:
        """Fail the jobs whose deadline has passed."""
        now_s = self.loop.time()
        late = [job for job in self._jobs() if job.deadline_s < now_s and not job.is_settled]
        for job in late:
            self._fail(
                job,
                TimedOut(
                    f"the model took longer than {self._bounds.deadline_s:g} s",
                    hint="try again later, or with fewer rows",
                ),
            )
        if late:
            self._settled()
        is_busy = bool(self._queue or self._running)
        self._sweeping = self.loop.call_later(SWEEP_S, self._sweep) if is_busy else None
