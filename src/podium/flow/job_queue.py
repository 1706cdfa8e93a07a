"""Jobs that wait for one model, and the choice of those in the next call.

Small jobs are combined; a large one runs in chunks, one at a time, and small jobs run in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from podium.errors import Overloaded
from podium.flow.call import Call, Guard, Large, Reason
from podium.flow.job import Job
from podium.flow.limits import Bounds
from podium.table import Table


class JobQueue:
    """The jobs of one model that aren't in a call. Those that were settled meanwhile are skipped.

    Args:
        rows_max: the most rows of small jobs in one call.
        chunk_rows: a job with more rows is large; None if each job is a call of its own.
        guard: knows which jobs may have ended the process; those run alone.
        table_of: makes the table of a large job, which is cut into chunks.

    Attributes:
        n_small_rows: rows of small jobs, waiting or in a call.
        n_large_rows: rows of large jobs.
        n_bulk_rows: rows of bulk requests, whose number is limited elsewhere.
    """

    def __init__(
        self,
        bounds: Bounds,
        *,
        rows_max: int,
        chunk_rows: int | None,
        guard: Guard | None,
        table_of: Callable[[Job], Table],
    ) -> None:
        self._bounds = bounds
        self._rows_max = rows_max
        self._chunk_rows = chunk_rows
        self._guard = guard
        self._table_of = table_of
        self._small_rows_max = min(bounds.rows_max, chunk_rows or bounds.rows_max)
        self.n_small_rows = 0
        self.n_large_rows = 0
        self.n_bulk_rows = 0
        self._small: deque[Job] = deque()
        self._large: deque[Large] = deque()
        self._again: deque[Call] = deque()
        self._is_chunk_next = False

    def __bool__(self) -> bool:
        return bool(self._small or self._large or self._again)

    def add(self, job: Job) -> None:
        """Append a job to the queue of its kind.

        Raises:
            Overloaded: the queue is full; the job isn't added.
        """
        n_rows = job.n_rows
        if n_rows > self._small_rows_max:
            self._add_large(job)
            return
        if self.n_small_rows + n_rows > self._bounds.queue_rows_max:
            self._check_room(self.n_small_rows, n_rows)
        self.n_small_rows += n_rows
        self._small.append(job)

    def _add_large(self, job: Job) -> None:
        if job.n_rows <= self._bounds.rows_max:
            self._check_room(self.n_large_rows, job.n_rows)  # not that of small jobs
        if self._chunk_rows is not None and job.n_rows > self._chunk_rows:
            self._large.append(Large(job, self._table_of(job)))
        else:
            self._small.append(job)
        self._count_large(job, job.n_rows)

    def _check_room(self, n_waiting: int, n_rows: int) -> None:
        # A job that is larger than the limit may run if nothing else waits, or else it never could.
        if n_waiting and n_waiting + n_rows > self._bounds.queue_rows_max:
            raise Overloaded(
                f"{n_waiting} rows are already waiting for this model",
                hint="try again in a moment, with fewer requests at a time",
            )

    def add_again(self, calls: Iterable[Call]) -> None:
        """Insert the parts of a failed call before everything else."""
        self._again.extendleft(reversed(list(calls)))

    def leave(self, job: Job) -> None:
        """Stop counting the rows of a job."""
        if job.n_rows <= self._small_rows_max:
            self.n_small_rows -= job.n_rows
        else:
            self._count_large(job, -job.n_rows)

    def _count_large(self, job: Job, n_rows: int) -> None:
        if job.n_rows > self._bounds.rows_max:
            self.n_bulk_rows += n_rows
        else:
            self.n_large_rows += n_rows

    def rotate_large(self) -> None:
        """Let the next large job run."""
        self._large.rotate(-1)

    def leave_large(self) -> None:
        """Remove the first large job; its rows are counted until it leaves, too."""
        self._large.popleft()

    @property
    def first_small(self) -> Job | None:
        """The first small job, if no other kind of job comes before it."""
        return self._small[0] if self._small else None

    @property
    def is_small_only(self) -> bool:
        """Whether only small jobs wait."""
        return bool(self._small) and not self._large and not self._again

    def next_call(self, reason: Reason) -> Call | None:
        """What runs next; None if nothing can."""
        if self._again:
            return self._again.popleft()
        chunk = self._next_chunk()
        if chunk is not None:
            return chunk
        self._is_chunk_next = bool(self._large)
        jobs: list[Job] = []
        n_rows = 0
        while self._small:
            if n_rows and n_rows + self._small[0].n_rows > self._rows_max:
                reason = "full"
                break
            job = self._small.popleft()
            if job.is_settled:  # its caller left, or it timed out
                self.leave(job)
                continue
            if self._guard is not None and self._guard.is_suspect(job):
                if not jobs:
                    return Call([job], reason, is_suspect=True)
                self._small.appendleft(job)  # alone, in the next call
                break
            jobs.append(job)
            n_rows += job.n_rows
            if self._chunk_rows is None:
                break
        return Call(jobs, reason) if jobs else None

    def _next_chunk(self) -> Call | None:
        """Rows of the first large job, if it is its turn and none of its rows are in a call."""
        while self._large and not self._large[0].is_running and self._large[0].job.is_settled:
            self.leave(self._large.popleft().job)
        if not self._large or self._large[0].is_running or self._chunk_rows is None:
            return None
        if self._small and not self._is_chunk_next:
            return None
        self._is_chunk_next = False
        large = self._large[0]
        large.is_running = True
        table = large.table.take(slice(large.at, large.at + self._chunk_rows))
        return Call([large.job], "chunk", large, table)

    def jobs(self) -> Iterable[Job]:
        """All jobs that wait."""
        yield from self._small
        for large in self._large:
            yield large.job
        for call in self._again:
            yield from call.jobs
