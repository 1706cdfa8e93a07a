"""A job: rows on their way through the model, and whoever waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from podium.flow.answer import predictions_of
from podium.flow.typed import Row
from podium.outputs import Outputs
from podium.signature import Signature
from podium.table import Table


@dataclass(frozen=True)
class BatchOutputs:
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

    @cached_property
    def scores(self) -> list[float] | None:
        """Scores row by row, or None."""
        given = self.outputs.scores
        return None if given is None else given.tolist()


def job_digest(body: bytes) -> bytes:
    """By what a body is known again."""
    return blake2b(body, digest_size=16).digest()


class Job:
    """Rows that wait to be answered; settled exactly once.

    Attributes:
        rows: typed rows, or None where there is a table.
        table: or None where there are typed rows.
        deadline_s: when it is too late, by the clock of the event loop.
        digest: of what was sent, by which rows that end the process are known again.
        is_settled: nobody waits any more.
        answers: of the call that these rows were in, where they begin at `at`.
        error: why there are none.
    """

    __slots__ = (
        "at",
        "batch_outputs",
        "deadline_s",
        "digest",
        "error",
        "is_settled",
        "n_rows",
        "rows",
        "table",
    )

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
        self.batch_outputs: BatchOutputs | None = None
        self.at = 0
        self.error: Exception | None = None

    @property
    def outputs(self) -> Outputs:
        """The answers to these rows alone, once they are there."""
        assert self.batch_outputs is not None
        outputs = self.batch_outputs.outputs
        if len(outputs) == self.n_rows:
            return outputs
        return outputs.rows(slice(self.at, self.at + self.n_rows))
