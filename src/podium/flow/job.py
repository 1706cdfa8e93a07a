"""A job: rows on their way through the model, and the caller that waits for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from podium.flow.answer import predictions_of
from podium.flow.typed import Row
from podium.outputs import Outputs
from podium.signature import Signature
from podium.table import Table


class Lists(NamedTuple):
    """The outputs of some rows as lists, for JSON.

    Attributes:
        probabilities: by row and class, or None.
        scores: by row, or None.
        distances: by row and cluster, or None.
    """

    predictions: list[Any]
    probabilities: list[list[float]] | None
    scores: list[float] | None
    distances: list[list[float]] | None

    def row(self, at: int) -> tuple[Any, list[float] | None, float | None, list[float] | None]:
        """The outputs of one row."""
        return (
            self.predictions[at],
            None if self.probabilities is None else self.probabilities[at],
            None if self.scores is None else self.scores[at],
            None if self.distances is None else self.distances[at],
        )


class BatchOutputs:
    """The outputs of one call of the model, for all jobs in it.

    Attributes:
        began_ns: when the call began, of several the first; by `time.perf_counter_ns`. 0: unknown.
        ended_ns: when the outputs were there.
    """

    __slots__ = ("_lists", "began_ns", "ended_ns", "outputs", "signature")

    def __init__(self, signature: Signature, outputs: Outputs, began_ns: int = 0) -> None:
        self.signature = signature
        self.outputs = outputs
        self.began_ns = began_ns
        self.ended_ns = time.perf_counter_ns()
        self._lists: Lists | None = None

    def lists(self) -> Lists:
        """The outputs as lists."""
        if self._lists is None:
            outputs = self.outputs
            self._lists = Lists(
                predictions_of(self.signature, outputs),
                None if outputs.probabilities is None else outputs.probabilities.tolist(),
                None if outputs.scores is None else outputs.scores.tolist(),
                None if outputs.distances is None else outputs.distances.tolist(),
            )
        return self._lists


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
