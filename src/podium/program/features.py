"""What a runtime can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFeatures:
    """What a runtime can do, for whoever schedules its calls.

    Attributes:
        releases_gil: calls in threads overlap.
        is_async: `predict_async` exists and is to be awaited on the event loop.
        takes_rows: `predict_rows` answers rows of plain cells, with no table around them; where it
            is awaited, `predict_rows_async`.
        max_batch_rows: more rows than this must be cut into several calls; None is no limit.
    """

    releases_gil: bool = False
    is_async: bool = False
    takes_rows: bool = False
    max_batch_rows: int | None = None
