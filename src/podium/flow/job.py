"""A job: rows on their way through the model, and whoever waits for them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from podium.flow.answer import predictions_of
from podium.flow.typed import Row
from podium.signature import Signature
from podium.table import Outputs, Table


@dataclass(frozen=True)
class Answers:
    """What one call of the model answered, for all the jobs that were in it."""

    signature: Signature
    outputs: Outputs

    @cached_property
    def predictions(self) -> list[Any]:
        """Predictions as JSON holds them."""
        return predictions_of(self.signature, self.outputs)

    @cached_property
    def probabilities(self) -> list[list[float]] | None:
        """Probabilities row by row, or None."""
        given = self.outputs.probabilities
        return None if given is None else given.tolist()


def job_digest(body: bytes) -> bytes:
    """By what a body is known again."""
    return blake2b(body, digest_size=16).digest()


class Job(ABC):
    """Rows that wait to be answered; settled exactly once.

    Attributes:
        rows: typed rows, or None where there is a table.
        table: or None where there are typed rows.
        deadline_s: when it is too late, by the clock of the event loop.
        digest: of what was sent, by which rows that end the process are known again.
        is_settled: nobody waits any more.
    """

    __slots__ = ("deadline_s", "digest", "is_settled", "n_rows", "rows", "table")

    def __init__(
        self,
        n_rows: int,
        *,
        rows: Sequence[Row] | None = None,
        table: Table | None = None,
        digest: bytes = b"",
    ) -> None:
        self.n_rows = n_rows
        self.rows = rows
        self.table = table
        self.digest = digest
        self.deadline_s = 0.0
        self.is_settled = False

    @abstractmethod
    def settle(self, answers: Answers, at: int) -> None:
        """Tell the answers to these rows, which begin at `at` among those of the call."""

    @abstractmethod
    def fail(self, error: Exception) -> None:
        """Tell why there is none."""


class AwaitedJob(Job):
    """A job whose caller is a coroutine."""

    __slots__ = ("future",)

    def __init__(self, table: Table, *, digest: bytes = b"") -> None:
        super().__init__(table.n_rows, table=table, digest=digest)
        self.future: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self.future.add_done_callback(self._left)

    def settle(self, answers: Answers, at: int) -> None:
        """Give the outputs of these rows to the coroutine."""
        outputs = answers.outputs
        is_all = len(outputs) == self.n_rows
        if not self.future.done():
            self.future.set_result(outputs if is_all else outputs.rows(slice(at, at + self.n_rows)))

    def fail(self, error: Exception) -> None:
        """Raise the error in the coroutine."""
        if not self.future.done():
            self.future.set_exception(error)

    def _left(self, _future: asyncio.Future[Outputs]) -> None:
        self.is_settled = True
