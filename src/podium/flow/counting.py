"""Requests that got predictions, counted after their responses were sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from podium.flow.submission import Submission

_lane_of = attrgetter("context.lane")


def count(answered: Sequence[Submission], now_ns: int) -> None:
    """Count requests of one batch: their rows, their latencies, how long they waited and ran.

    Args:
        answered: by one version, at least one.
        now_ns: by `time.perf_counter_ns`.
    """
    metrics = answered[0].version.metrics
    for lane, group in groupby(answered, _lane_of):
        some = list(group)
        latencies_us = [(now_ns - one.prepared.began_ns) // 1_000 for one in some]
        metrics.count_predicted(
            len(some), sum(one.n_rows for one in some), latencies_us, lane, *_spent_us(some)
        )


def _spent_us(some: Sequence[Submission]) -> tuple[int, int]:
    """How long requests waited for the model, from their arrival on, and how long it took, in sum."""
    waited_ns = ran_ns = 0
    for one in some:
        outputs = one.batch_outputs
        if outputs is not None and outputs.began_ns:
            waited_ns += outputs.began_ns - one.prepared.began_ns
            ran_ns += outputs.ended_ns - outputs.began_ns
    return waited_ns // 1_000, ran_ns // 1_000
