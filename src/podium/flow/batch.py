"""Step 3: jobs that wait together are run together.

There is no timer. What arrived in one turn of the event loop is one call; while a call runs in a
thread, the next batch gathers. Large tables run in chunks, and small jobs pass between them. Every
job is settled exactly once, whoever fails, is too late or leaves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from msgspec.structs import astuple

from podium.errors import Overloaded, TimedOut
from podium.flow.call import Call, Guard, Large, Reason
from podium.flow.cost import INLINE_MAX_S, Cost
from podium.flow.job import Answers, Job
from podium.flow.run import checked, joined, run, run_async
from podium.flow.typed import TypedReader
from podium.program import Program
from podium.runtimes.protocol import AsyncRowsRuntime, AsyncRuntime, RowsRuntime, Runtime
from podium.table import Outputs, Table

BATCH_ROWS_MAX = 1_024
# Jobs of an awaited model that overlap. Each is a call of its own: were some in one call, a bad row
# would make the good ones ask their upstream again.
AWAITED_MAX = 256
# So long a job that may have ended the process waits for the awaited calls before it, and those after
# it wait for it: were it in company again, nobody would know who did it.
ALONE_S = 1.0
SWEEP_S = 0.25


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait, and how long.

    Attributes:
        queue_rows_max: the most rows that wait; a job that finds more is refused.
        deadline_s: from a job's arrival to its answer.
    """

    queue_rows_max: int = 10_000
    deadline_s: float = 10.0


class Batcher:
    """Gathers the jobs that wait for one model, and runs them as few calls. Lives on one loop.

    Args:
        runtime: what answers.
        reader: makes tables of typed rows.
        cost: of the model's calls; cheap ones run on the loop, others in a thread.
        executor: the threads for those; one of its own when left out.
        settled: called whenever some jobs were settled, after the last of them; for an awaited
            model once for all calls that ended in one turn of the loop.
        batched: called with rows and reason of every call.
        guard: told which jobs are about to run, and that they did, where a call could end the
            process.
    """

    def __init__(
        self,
        runtime: Runtime,
        reader: TypedReader,
        cost: Cost,
        *,
        bounds: Bounds = Bounds(),
        executor: Executor | None = None,
        settled: Callable[[], object] | None = None,
        batched: Callable[[int, Reason], object] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._runtime = runtime
        self._reader = reader
        self._cost = cost
        self._chunk_rows = cost.chunk_rows
        self._bounds = bounds
        self._when_settled = settled
        self._when_batched = batched
        # A program is numpy and our own kernel: nothing of the user's could end the process there.
        self._guard = None if isinstance(runtime, Program) else guard
        self.loop = asyncio.get_running_loop()
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="podium-run")
        self._takes_rows = runtime.features.takes_rows
        self._is_async = runtime.features.is_async
        self._calls_max = AWAITED_MAX if self._is_async else 1
        self._small: deque[Job] = deque()
        self._large: deque[Large] = deque()
        self._again: deque[Call] = deque()
        self._running: dict[int, Call] = {}
        self._n_calls = 0
        self._n_small_rows = 0
        self._n_large_rows = 0
        self._is_scheduled = False
        self._is_chunk_next = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._is_telling = False
        self._n_suspects = 0
        self._held_since_s = 0.0

    @property
    def n_rows_waiting(self) -> int:
        """How many rows wait for a call, or are in one."""
        return self._n_small_rows + self._n_large_rows

    @property
    def is_guarded(self) -> bool:
        """Whether jobs need a digest, by which those that end the process are known again."""
        return self._guard is not None

    def submit(self, job: Job) -> None:
        """Answer a job, soon.

        Raises:
            Overloaded: too much waits already; the job isn't taken.
            Quarantined: its rows ended the process twice.
        """
        if self._guard is not None:
            self._guard.check(job)
        # Large tables fill no place of the small jobs. One that is larger than the bound passes alone,
        # or nobody could ever ask for it.
        is_large = self._is_large(job)
        n_rows = self._n_large_rows if is_large else self._n_small_rows
        if n_rows and n_rows + job.n_rows > self._bounds.queue_rows_max:
            raise Overloaded(
                f"{n_rows} rows wait for this model already",
                hint="try again in a moment, with fewer requests at a time",
            )
        self._count(job, job.n_rows)
        job.deadline_s = self.loop.time() + self._bounds.deadline_s
        if is_large:
            self._large.append(Large(job, self._table([job])))
        else:
            self._small.append(job)
        if self._sweeping is None:
            self._sweeping = self.loop.call_later(SWEEP_S, self._sweep)
        self._schedule()

    def close(self) -> None:
        """Let go of the threads and the timer; who still waits is told that it ends."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for job in list(self._jobs()):
            self._fail(job, Overloaded("the server is being stopped", hint="ask another"))
        self._tell()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _is_large(self, job: Job) -> bool:
        return job.n_rows > self._chunk_rows and not self._is_async

    def _count(self, job: Job, n_rows: int) -> None:
        if self._is_large(job):
            self._n_large_rows += n_rows
        else:
            self._n_small_rows += n_rows

    def _schedule(self) -> None:
        if not self._is_scheduled and len(self._running) < self._calls_max:
            self._is_scheduled = True
            self.loop.call_soon(self._turn, "turn")

    def _turn(self, reason: Reason) -> None:
        """Start the next call, and see to it that another follows."""
        self._is_scheduled = False
        while len(self._running) < self._calls_max:
            if self._is_held():
                return  # until a call ends, or it took too long
            call = self._next(reason)
            if call is None:
                return
            self._start(call)
            # Awaited calls that begin together may end together, and are then recorded together.
            if not self._is_async:
                break
        if self._small or self._large or self._again:
            self._schedule()

    def _is_held(self) -> bool:
        """Whether an awaited job that may have ended the process is, or is to be, alone."""
        if self._guard is None or not self._running:
            return False
        if not self._n_suspects and not (self._small and self._guard.is_suspect(self._small[0])):
            return False
        now_s = self.loop.time()
        if not self._held_since_s:
            self._held_since_s = now_s
            self.loop.call_later(ALONE_S, self._schedule)
        return now_s - self._held_since_s < ALONE_S

    def _next(self, reason: Reason) -> Call | None:
        if self._again:
            return self._again.popleft()
        while self._large and self._large[0].job.is_settled:
            job = self._large.popleft().job
            self._count(job, -job.n_rows)
        if self._large and (self._is_chunk_next or not self._small):
            self._is_chunk_next = False
            return self._chunk()
        self._is_chunk_next = bool(self._large)
        jobs: list[Job] = []
        n_rows = 0
        while self._small:
            if n_rows and n_rows + self._small[0].n_rows > BATCH_ROWS_MAX:
                reason = "full"
                break
            job = self._small.popleft()
            if job.is_settled:  # its caller left, or it was too late
                self._count(job, -job.n_rows)
                continue
            if self._guard is not None and self._guard.is_suspect(job):
                if not jobs:
                    return Call([job], reason, is_suspect=True)
                self._small.appendleft(job)  # alone, in the call after this one
                break
            jobs.append(job)
            n_rows += job.n_rows
            if self._is_async:
                break
        return Call(jobs, reason) if jobs else None

    def _chunk(self) -> Call:
        large = self._large[0]
        n_rows = self._chunk_rows
        table = large.table.take(slice(large.at, large.at + n_rows))
        return Call([large.job], "chunk", large, table)

    def _start(self, call: Call) -> None:
        n_rows = call.n_rows
        if self._when_batched is not None:
            self._when_batched(n_rows, call.reason)
        self._n_calls += 1
        number = self._n_calls
        self._running[number] = call
        if call.is_suspect:
            self._n_suspects += 1
            self._held_since_s = 0.0  # those after it have their own time to wait
        if self._guard is not None:
            call.guarded = self._guard.begin(call.jobs)
        if self._is_async:
            call.task = self.loop.create_task(self._awaited(number, call))
        elif self._cost.of(n_rows) <= INLINE_MAX_S:
            try:
                outputs = self._run(call)
            except Exception as error:  # noqa: BLE001 - jobs must be settled, whatever happened
                self._failed(number, error)
            else:
                self._answered(number, outputs)
        else:
            future = self.loop.run_in_executor(self._executor, self._run, call)
            future.add_done_callback(lambda done: self._ended(number, done))

    def _run(self, call: Call) -> Outputs:
        rows = self._rows(call)
        if rows is None:
            return run(self._runtime, call.table or self._table(call.jobs))
        runtime: RowsRuntime = self._runtime  # type: ignore[assignment]
        return checked(runtime.predict_rows(rows), self._runtime.signature, len(rows))

    def _rows(self, call: Call) -> list[tuple[Any, ...]] | None:
        """The rows of a call, if the model takes them as they are."""
        if not self._takes_rows or call.table is not None or not all(j.rows for j in call.jobs):
            return None
        return [astuple(row) for job in call.jobs for row in job.rows or ()]

    def _table(self, jobs: Sequence[Job]) -> Table:
        tables = [self._reader.table(job.rows) if job.rows else job.table for job in jobs]
        return Table.concat([table for table in tables if table is not None])

    async def _awaited(self, number: int, call: Call) -> None:
        of_tables: AsyncRuntime = self._runtime  # type: ignore[assignment]
        of_rows: AsyncRowsRuntime = self._runtime  # type: ignore[assignment]
        signature = self._runtime.signature
        try:
            rows = self._rows(call)
            if rows is None:
                outputs = await run_async(of_tables, signature, self._table(call.jobs))
            else:
                outputs = checked(await of_rows.predict_rows_async(rows), signature, len(rows))
        except Exception as error:  # noqa: BLE001 - jobs must be settled, whatever happened
            self._failed(number, error)
        else:
            self._answered(number, outputs)
        if self._small or self._again:
            self._schedule()

    def _ended(self, number: int, done: asyncio.Future[Outputs]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._answered(number, done.result())
        elif isinstance(error, Exception):
            self._failed(number, error)
        if not self._is_scheduled:
            self._turn("after_call")

    def _answered(self, number: int, outputs: Outputs) -> None:
        call = self._taken(number)
        large = call.large
        if large is not None:
            large.parts.append(outputs)
            large.at += len(outputs)
            if large.at < large.table.n_rows and not large.job.is_settled:
                return
            self._large.popleft()
            outputs = joined(large.parts)
        answers = Answers(self._runtime.signature, outputs)
        at = 0
        for job in call.jobs:
            self._count(job, -job.n_rows)
            if not job.is_settled:
                job.settle(answers, at)
                job.is_settled = True
            at += job.n_rows
        self._settled()

    def _failed(self, number: int, error: Exception) -> None:
        """Find the job that made the model fail: only its caller gets the error."""
        call = self._taken(number)
        if len(call.jobs) > 1:
            middle = len(call.jobs) // 2
            for part in (call.jobs[middle:], call.jobs[:middle]):
                self._again.appendleft(Call(part, "bisection"))
            return
        if call.large is not None:
            self._large.popleft()
        for job in call.jobs:
            self._count(job, -job.n_rows)
            self._fail(job, error)
        self._settled()

    def _settled(self) -> None:
        # Awaited calls end one by one, often many in one turn: what follows is done once for them.
        if not self._is_async:
            self._tell()
        elif not self._is_telling:
            self._is_telling = True
            self.loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._is_telling = False
        if self._when_settled is not None:
            self._when_settled()

    def _taken(self, number: int) -> Call:
        call = self._running.pop(number)
        self._n_suspects -= call.is_suspect
        self._held_since_s = 0.0
        if self._guard is not None:
            self._guard.end(call.guarded)
        return call

    def _fail(self, job: Job, error: Exception) -> None:
        if not job.is_settled:
            job.fail(error)
            job.is_settled = True

    def _jobs(self) -> Iterable[Job]:
        """All that aren't answered yet."""
        yield from self._small
        for large in self._large:
            yield large.job
        for call in (*self._again, *self._running.values()):
            yield from call.jobs

    def _sweep(self) -> None:
        """Tell those who are too late."""
        now_s = self.loop.time()
        late = [job for job in self._jobs() if job.deadline_s < now_s and not job.is_settled]
        for job in late:
            self._fail(
                job,
                TimedOut(
                    f"the model didn't answer within {self._bounds.deadline_s:g} s",
                    hint="try again later, or with fewer rows",
                ),
            )
        if late:
            self._settled()
        is_busy = bool(self._small or self._large or self._again or self._running)
        self._sweeping = self.loop.call_later(SWEEP_S, self._sweep) if is_busy else None
