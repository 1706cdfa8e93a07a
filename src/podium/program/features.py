"""What a runtime supports, and how requests are combined into calls."""

from __future__ import annotations

from dataclasses import dataclass

from podium.errors import SetupError


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How the requests that wait for a model are combined into calls.

    Attributes:
        rows_max: requests are combined into one call up to this many rows.
        wait_s: how long a request waits for others. With 0, a call combines the requests that
            arrived in one turn of the event loop, or during the last call.
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
        is_async: whether `predict_async` exists and is to be awaited on the event loop.
        takes_rows: whether `predict_rows` takes rows of plain cells, without a table; if it is
            awaited, `predict_rows_async`.
        can_crash: whether a call may crash the process, as C code may. The server then identifies
            the rows to blame, which costs a little for each call.
        has_effects: whether a call may change something elsewhere, so that none is made before the
            first request.
        max_batch_rows: more rows than this are split into several calls; None is no limit.
        batch: how requests become calls, unless the served version has another policy.
    """

    is_async: bool = False
    takes_rows: bool = False
    can_crash: bool = True
    has_effects: bool = False
    max_batch_rows: int | None = None
    batch: BatchPolicy = BatchPolicy()
