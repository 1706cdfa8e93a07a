"""Calls of a model: what is in one, and who watches whether the process survives it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from podium.flow.job import Job
from podium.outputs import Outputs
from podium.table import Table

# Why a batch was released: the turn of the loop ended, it was full, the call before it ended, it
# is a chunk of a large table, or a part of a batch that failed.
Reason: TypeAlias = Literal["turn", "full", "after_call", "chunk", "bisection"]


@dataclass(slots=True)
class Large:
    """A large table on its way, chunk by chunk.

    Attributes:
        at: the row that the next chunk begins with.
        is_running: a chunk of it is in a call; only one is at a time.
    """

    job: Job
    table: Table
    parts: list[Outputs] = field(default_factory=list)
    at: int = 0
    is_running: bool = False


@dataclass(slots=True)
class Call:
    """What one call of the model holds: some jobs, or a chunk of a large one.

    Attributes:
        guarded: the guard's number of it.
        is_suspect: its job may have ended the process before.
        task: what awaits it; kept here, since the loop alone doesn't keep a task alive.
        began_s: when it was started, by the loop's clock.
    """

    jobs: Sequence[Job]
    reason: Reason
    large: Large | None = None
    table: Table | None = None
    guarded: int = 0
    is_suspect: bool = False
    task: asyncio.Task[None] | None = None
    began_s: float = 0.0

    @property
    def n_rows(self) -> int:
        """Of all its jobs, or of the chunk."""
        if self.table is not None:
            return self.table.n_rows
        return sum(job.n_rows for job in self.jobs)


class Guard(Protocol):
    """Knows which rows may have ended the process; see `hosts/server/quarantine.py`."""

    def check(self, job: Job) -> None:
        """Refuse rows that did it twice.

        Raises:
            Quarantined: they did.
        """

    def is_suspect(self, job: Job) -> bool:
        """Whether these rows were in the call that ended the process."""

    def begin(self, jobs: Sequence[Job]) -> int:
        """Note that a call with these jobs begins; returns a number for `end`."""

    def end(self, number: int) -> None:
        """Note that it ended, and the process didn't."""
