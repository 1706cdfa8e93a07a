"""What a runtime can do, and how requests become calls of it."""

from __future__ import annotations

from dataclasses import dataclass

from podium.errors import SetupError


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How the requests that wait for a model become calls of it.

    Attributes:
        rows_max: requests are gathered for one call up to so many rows.
        wait_s: how long a request waits for others. With 0, those that arrived in one turn of the
            event loop, or while the last call ran, are one call.
        workers: how many calls run at the same time: in threads, or awaited.

    Raises:
        SetupError: a number is out of range.
    """

    rows_max: int = 1_024
    wait_s: float = 0.0
    workers: int = 1

    def __post_init__(self) -> None:
        if self.rows_max < 1 or self.workers < 1 or not 0 <= self.wait_s <= 1:
            raise SetupError(
                f"{self} isn't valid",
                hint="rows_max and workers are at least 1, wait_s is from 0 to 1 seconds",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFeatures:
    """What a runtime supports, for the scheduler of its calls.

    Attributes:
        is_async: `predict_async` exists and is to be awaited on the event loop.
        takes_rows: `predict_rows` takes rows of plain cells, without a table around them; if it
            is awaited, `predict_rows_async`.
        can_crash: a call may crash the process, as C code may. The server then finds the rows that
            did it, which costs a little for each call.
        has_effects: a call may change something elsewhere, so that none is made before the first
            request comes.
        max_batch_rows: more rows than this must be cut into several calls; None is no limit.
        batch: how requests become calls, unless the version that is served has another policy.
    """

    is_async: bool = False
    takes_rows: bool = False
    can_crash: bool = True
    has_effects: bool = False
    max_batch_rows: int | None = None
    batch: BatchPolicy = BatchPolicy()
