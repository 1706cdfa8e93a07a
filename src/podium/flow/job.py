"""A job: rows on their way through the model, and the caller that waits for them."""

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
    """The outputs of one call of the model, for all jobs in it."""

    signature: Signature
    outputs: Outputs

    @cached_property
    def predictions(self) -> list[Any]:
        """The predictions for JSON."""
        return predictions_of(self.signature, self.outputs)

    @cached_property
    def probabilities(self) -> list[list[float]] | None:
        """The probabilities by row, or None."""
        given = self.outputs.probabilities
        return None if given is None else given.tolist()

    @cached_property
    def scores(self) -> list[float] | None:
        """The scores by row, or None."""
        given = self.outputs.scores
        return None if given is None else given.tolist()


def job_digest(body: bytes) -> bytes:
    """A digest that identifies an equal body."""
    return blake2b(body, digest_size=16).digest()


class Job:
    """Rows that wait for their predictions; settled exactly once.

    Attributes:
        rows: typed rows, or None if there is a table.
        table: the rows as a table, or None if they are typed.
        deadline_s: when it times out, by the clock of the event loop.
        digest: of the body, to recognize rows that end the process.
        is_settled: whether there is a result, or nobody waits for one any more.
        answers: the outputs of the call that these rows were in, where they begin at `at`.
        error: why there are no outputs.
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
        """The outputs for these rows alone, once they are there."""
        assert self.batch_outputs is not None
        outputs = self.batch_outputs.outputs
        if len(outputs) == self.n_rows:
            return outputs
        return outputs.rows(slice(self.at, self.at + self.n_rows))
