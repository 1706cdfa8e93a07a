"""Failed requests, by version: as this server counts them, and as the servers of a home wrote it."""

from __future__ import annotations

from pathlib import Path

from podium.comparison.checks import Counted
from podium.comparison.failures import failures_in, failures_of
from podium.metrics import families
from podium.metrics.metrics import Metrics
from podium.metrics.siblings import new_folder


def counted(model: str, version: str, n_requests: int, n_failed: int) -> Metrics:
    metrics = Metrics()
    metrics.of(model, version).count_predicted(n_requests, n_requests, [10])
    metrics.of(model, version).refused(500, n_requests=n_failed)
    metrics.of(model, version).refused(422, n_requests=7)
    metrics.of("other", version).refused(500)
    return metrics


def test_requests_that_the_caller_got_wrong_count_for_nobody():
    counters = counted("loans", "2", 10, 3).snapshot().counted.counters

    assert failures_of(counters, "loans") == {"2": Counted(13, 3)}


def test_all_servers_of_a_home_count_those_that_have_ended_too(tmp_path: Path):
    for n_failed in (1, 2):
        metrics = counted("loans", "2", 10, n_failed)
        metrics.write_snapshot(new_folder(tmp_path))
        if n_failed == 2:
            metrics.close()

    assert failures_in(tmp_path, "loans") == {"2": Counted(23, 3)}
    assert failures_in(tmp_path / "nowhere", "loans") == {}


def test_rows_that_a_shadow_failed_on_count_and_those_it_never_got_do_not():
    rows = {"recorded": 90, "failed": 4, "dropped": 50}
    series = families.SHADOW_ROWS.series
    counters = {series("loans", "2", outcome): count for outcome, count in rows.items()}

    assert failures_of(counters, "loans") == {"2": Counted(94, 4)}
