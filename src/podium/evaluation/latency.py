"""How long a version takes for recorded rows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from podium.errors import ModelError, NoPrediction
from podium.evaluation.reports import Latency
from podium.evaluation.rows import Predictor
from podium.flow.run import run

ALONE_MAX = 200
# A slow model is called less often: for so long in all.
ALONE_S = 2.0


class Stopwatch:
    """The latency of a version's calls: in batches while it replays, and of some rows alone."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._batch_s = 0.0
        self._n_rows = 0
        self._inputs: list[bytes] = []

    def add(self, inputs: Sequence[bytes], seconds: float) -> None:
        """A batch of rows that was predicted within some seconds."""
        self._batch_s += seconds
        self._n_rows += len(inputs)
        self._inputs += inputs[: ALONE_MAX - len(self._inputs)]

    def report(self, champion: Predictor | None) -> Latency | None:
        """The figures; None where nothing was predicted."""
        if not self._n_rows:
            return None
        alone = _alone_us(self._predictor, self._inputs)
        theirs = _alone_us(champion, self._inputs) if champion is not None else []
        p50, p95 = np.quantile(alone, (0.5, 0.95)).tolist() if alone else (0.0, 0.0)
        champion_p50, champion_p95 = (
            np.quantile(theirs, (0.5, 0.95)).tolist() if theirs else (None, None)
        )
        return Latency(
            batch_us=self._batch_s * 1e6 / self._n_rows,
            n_alone=len(alone),
            p50_us=p50,
            p95_us=p95,
            champion_p50_us=champion_p50,
            champion_p95_us=champion_p95,
        )


def _alone_us(predictor: Predictor, inputs: Sequence[bytes]) -> list[float]:
    """Microseconds of calls with a row each; the first one, which may load something, left out."""
    taken: list[float] = []
    table = predictor.rows_of(inputs).table
    rows = [table.take(slice(at, at + 1)) for at in range(table.n_rows)]
    until_s = time.monotonic() + ALONE_S
    for row in [*rows[:1], *rows]:
        began_s = time.perf_counter()
        try:
            run(predictor.bundle.runtime, row)
        except (ModelError, NoPrediction):
            continue
        taken.append((time.perf_counter() - began_s) * 1e6)
        if time.monotonic() > until_s:
            break
    return taken[1:] or taken
