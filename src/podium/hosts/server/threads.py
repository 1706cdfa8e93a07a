"""Threads of native libraries: all workers together use no more than there are cores."""

from __future__ import annotations

import os

from threadpoolctl import threadpool_limits

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def share_cores(n_workers: int) -> int:
    """Limit the native thread pools of this process to its share of the cores; returns that share.

    A variable that the operator set stays as it is. The variables are for libraries that are loaded
    from now on; loaded ones are called directly.
    """
    share = max(_n_cores() // n_workers, 1)
    is_ours = not any(name in os.environ for name in _VARIABLES)
    for name in _VARIABLES:
        os.environ.setdefault(name, str(share))
    if is_ours:
        threadpool_limits(share)
    return share


def _n_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
