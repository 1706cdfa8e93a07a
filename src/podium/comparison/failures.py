"""Failed requests of each version, as the servers count them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from podium.comparison.checks import Counted
from podium.metrics import families
from podium.metrics.families import Series
from podium.metrics.siblings import counted_in

# The outcomes of requests, and of rows for a shadow, that a version was called for.
_OUTCOMES = {
    families.REQUESTS.name: ("ok", "failed"),
    families.SHADOW_ROWS.name: ("recorded", "failed"),
}


def failures_of(counters: Mapping[Series, int], model: str) -> dict[str, Counted]:
    """The requests of a model's versions and those that failed, by the name of the version; the
    rows of a shadow count as requests.

    Those count that a version was called for: what was refused before is nobody's fault here.

    Args:
        counters: as `podium.metrics` has them.
    """
    found: dict[str, Counted] = {}
    for (family, *labels), count in counters.items():
        if labels[:1] == [model] and labels[-1] in _OUTCOMES.get(family, ()):
            before = found.get(labels[1], Counted(0, 0))
            n_failed = count if labels[-1] == "failed" else 0
            found[labels[1]] = Counted(before.n_requests + count, before.n_failed + n_failed)
    return found


def failures_in(home: Path, model: str) -> dict[str, Counted]:
    """The same as the servers of a home folder wrote it last."""
    return failures_of(counted_in(home).counters, model)
