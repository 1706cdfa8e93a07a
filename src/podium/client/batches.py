"""Long inputs, cut into requests that every server takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from podium.client.answers import RequestLimits
from podium.client.calls import columns_body, rows_body
from podium.client.rows import Rows

# Several requests of this many are predicted side by side; other callers' requests run in between.
BATCH_ROWS = 1_000
PARALLEL = 4
# A batch is made smaller than would just fit: the rows after it may be longer.
_MARGIN = 0.9


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one request.

    Attributes:
        start: the number of its first row in the whole input.
        key: its idempotency key; "" for none.
    """

    start: int
    body: bytes
    key: str


def batches(rows: Rows, limits: RequestLimits, n_rows_max: int | None, key: str) -> Iterator[Batch]:
    """The batches of some rows, each encoded when it is needed.

    The same rows are cut in the same way each time, and get the same keys.

    Args:
        limits: of the server, for rows and bytes of one request.
        n_rows_max: the most rows of a batch; by default as many as fit an ordinary request.
        key: the beginning of their keys; "" for none.
    """
    start, n_rows = 0, n_rows_max or min(BATCH_ROWS, limits.rows_max)
    while start < rows.n_rows:
        stop = min(start + n_rows, rows.n_rows)
        columns = rows.some(start, stop)
        body = columns_body(columns) if columns else rows_body(stop - start)
        if len(body) > limits.body_max_bytes and stop - start > 1 and n_rows_max is None:
            n_rows = max(1, int((stop - start) * _MARGIN * limits.body_max_bytes / len(body)))
            continue
        yield Batch(start, body, f"{key}-{start}" if key else "")
        start = stop


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return uuid.uuid4().hex
