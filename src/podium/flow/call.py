"""Calls of a model: what they contain, and the guard that records which one ended the process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from podium.flow.job import Job
from podium.outputs import Outputs
from podium.table import Table

# Why a batch was released: the turn of the loop ended, the batch was full, the previous call
# ended, or it is a chunk of a large table, or part of a batch that failed.
Reason: TypeAlias = Literal["turn", "full", "after_call", "chunk", "bisection"]


@dataclass(slots=True)
class Large:
    """A large table that runs chunk by chunk.

    Attributes:
        at: the first row of the next chunk.
        is_running: whether a chunk of it is in a call; there is at most one at a time.
        began_ns: when the call of the first chunk began; 0 before that.
    """

    job: Job
    table: Table
    parts: list[Outputs] = field(default_factory=list)
    at: int = 0
    is_running: bool = False
    began_ns: int = 0


@dataclass(slots=True)
class Call:
    """One call of the model: several jobs, or one chunk of a large job.

    Attributes:
        guarded: the number under which the guard knows it.
        is_suspect: its job may have ended the process before.
        task: the task that awaits it; referenced here because the loop alone doesn't keep it
            alive.
        began_s: when it started, by the loop's clock, which may be a millisecond behind.
        began_ns: the same by `time.perf_counter_ns`.
    """

    jobs: Sequence[Job]
    reason: Reason
    large: Large | None = None
    table: Table | None = None
    guarded: int = 0
    is_suspect: bool = False
    task: asyncio.Task[None] | None = None
    began_s: float = 0.0
    began_ns: int = 0

    @property
    def n_rows(self) -> int:
        """The number of rows of all its jobs, or of the chunk."""
        if self.table is not None:
            return self.table.n_rows
        return sum(job.n_rows for job in self.jobs)


class Guard(Protocol):
    """Records which rows may have ended the process; see `hosts/server/quarantine.py`."""

    def check(self, job: Job) -> None:
        """Refuse rows that ended the process twice.

        Raises:
            Quarantined: they did.
        """

    def is_suspect(self, job: Job) -> bool:
        """Whether these rows were in the call that ended the process."""

    def begin(self, jobs: Sequence[Job]) -> int:
        """Record that a call with these jobs begins; returns a number for `end`."""

    def end(self, number: int) -> None:
        """Record that the call ended and the process survived."""
