"""The measured cost of calling a model, which decides where the model runs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from podium.runtimes.protocol import Runtime
from podium.signature.cells import check_table
from podium.table import Table

# A call that takes longer doesn't run on the event loop.
INLINE_MAX_S = 0.001
CHUNK_ROWS = 64
_SECONDS_A_FIGURE = 0.02
_CALLS_MAX = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """The duration of a call, in seconds: a fixed part, and a part for each row."""

    call_s: float
    row_s: float

    def of(self, n_rows: int) -> float:
        """The expected duration of a call with this many rows, in seconds."""
        return self.call_s + n_rows * self.row_s

    @property
    def chunk_rows(self) -> int:
        """How many rows of a large table run at once, so that small requests can run in between."""
        spare_s = INLINE_MAX_S / 2 - self.call_s
        if spare_s > CHUNK_ROWS * self.row_s:
            n_rows = int(spare_s / max(self.row_s, 1e-9))
        else:  # in a thread: the rows take no longer than the call itself
            n_rows = int(self.call_s / self.row_s) if self.row_s else 0
        return min(max(n_rows, CHUNK_ROWS), 32 * CHUNK_ROWS)


# A model that couldn't be measured may be slow, so it runs in a thread.
UNKNOWN = Cost(call_s=1.0, row_s=0.0)


def measure(runtime: Runtime) -> Cost:
    """The cost of a model, measured with the examples of its signature.

    The cost of a model that can't be called with them, or that is awaited, is unknown.
    """
    examples = runtime.signature.examples
    if runtime.features.is_async or not examples:
        return UNKNOWN
    try:
        table, _ = check_table(runtime.signature, Table.of(list(examples)))
        many = Table.concat([table] * -(-CHUNK_ROWS // table.n_rows)).take(slice(CHUNK_ROWS))
        one_s, many_s = _seconds(runtime, table.take(slice(1))), _seconds(runtime, many)
    except Exception:  # noqa: BLE001 - another package's runtime may raise anything
        return UNKNOWN
    row_s = max(many_s - one_s, 0.0) / (CHUNK_ROWS - 1)
    return Cost(max(one_s - row_s, 0.0), row_s)


def _seconds(runtime: Runtime, table: Table) -> float:
    """The median duration of some calls after a first one, which may still load something."""
    runtime.predict(table)
    taken: list[float] = []
    while len(taken) < _CALLS_MAX and sum(taken) < _SECONDS_A_FIGURE:
        began_s = time.perf_counter()
        runtime.predict(table)
        taken.append(time.perf_counter() - began_s)
    return sorted(taken)[len(taken) // 2]
