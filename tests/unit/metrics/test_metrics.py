"""Counting: what is counted where, from whichever thread, and what is asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from podium.errors import StoreError
from podium.metrics import families
from podium.metrics.families import BATCH_BOUNDS, LATENCY_BOUNDS_US
from podium.metrics.metrics import Metrics, outcome_of

N_THREADS, N_TIMES = 8, 2_000


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def often_switched() -> Iterator[None]:
    """Threads take turns so often that what isn't safe shows."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


def test_a_predicted_batch_counts_its_requests_rows_and_latencies(metrics, read):
    metrics.of("churn", "1").count_predicted(3, 5, [900, 1_000, 1_001], "fast")

    value = read(metrics.snapshot())
    name = "podium_request_duration_seconds"
    assert value("podium_requests_total", lane="fast", outcome="ok") == 3
    assert value("podium_rows_total", model="churn", version="1") == 5
    assert value(f"{name}_count") == value(f"{name}_bucket", le="+Inf") == 3
    assert value(f"{name}_bucket", le="0.0005") == 0
    assert value(f"{name}_bucket", le="0.001") == 2
    assert value(f"{name}_bucket", le="0.0025") == 3
    assert value(f"{name}_sum") == pytest.approx(0.002901)


@pytest.mark.parametrize("latency_us", [0, *LATENCY_BOUNDS_US, LATENCY_BOUNDS_US[-1] + 1])
@pytest.mark.parametrize("n_requests", [1, 3])
def test_a_latency_is_in_the_first_bucket_that_holds_it(metrics, latency_us, n_requests):
    metrics.of("churn", "1").count_predicted(n_requests, 1, [latency_us] * n_requests)

    *counts, _ = metrics.snapshot().counted.histograms[families.DURATION.series("churn", "1")]
    right = [latency_us <= bound for bound in (*LATENCY_BOUNDS_US, latency_us)].index(True)
    assert counts == [n_requests if at == right else 0 for at in range(len(counts))]


def test_latencies_of_one_batch_may_lie_far_apart(metrics):
    latencies = [50, 100, 101, 9_999_999, 10_000_000, 10_000_001, 60_000_000]
    metrics.of("churn", "1").count_predicted(7, 7, latencies)

    *counts, total = metrics.snapshot().counted.histograms[families.DURATION.series("churn", "1")]
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (2, 1, 2, 2)
    assert (sum(counts), total) == (7, sum(latencies))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 512, 513, 1_024, 1_025, 10_000])
def test_a_batch_is_in_the_first_bucket_that_holds_it(metrics, n_rows):
    metrics.of("churn", "1").batched(n_rows, "turn")

    known = metrics.snapshot().counted.histograms
    *counts, total = known[families.BATCH_ROWS.series("churn", "1", "turn")]
    right = [n_rows <= bound for bound in (*BATCH_BOUNDS, n_rows)].index(True)
    assert counts == [int(at == right) for at in range(len(counts))]
    assert total == n_rows


def test_batches_are_counted_by_the_reason_of_their_release(metrics, read):
    one = metrics.of("churn", "1")
    one.batched(64, "chunk")
    one.batched(64, "chunk")
    one.batched(1, "after_call")

    value = read(metrics.snapshot())
    assert value("podium_batch_rows_count", reason="chunk") == 2
    assert value("podium_batch_rows_sum", reason="chunk") == 128
    assert value("podium_batch_rows_count", reason="after_call") == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, "invalid") for status in (400, 404, 413, 415, 422)),
        *((status, "failed") for status in (500, 504)),
        *((status, "refused") for status in (429, 503)),
    ],
)
def test_a_request_without_an_answer_counts_by_its_status(metrics, read, status, outcome):
    metrics.of("churn", "1").refused(status, "asgi")

    value = read(metrics.snapshot())
    assert outcome_of(status) == outcome
    assert value("podium_requests_total", lane="asgi", outcome=outcome) == 1
    assert value("podium_requests_total") == 1


def test_every_outcome_is_there_before_the_first_request(metrics, read):
    metrics.of("churn", "1")

    value = read(metrics.snapshot())
    for lane in ("fast", "asgi"):
        for outcome in ("ok", "invalid", "failed", "refused"):
            assert value("podium_requests_total", lane=lane, outcome=outcome) == 0


def test_versions_are_counted_separately(metrics, read):
    metrics.of("churn", "1").count_predicted(1, 1, [1])
    metrics.of("churn", "2").count_predicted(2, 2, [1, 1])

    value = read(metrics.snapshot())
    assert value("podium_rows_total", version="1") == 1
    assert value("podium_rows_total", version="2") == 2
    assert metrics.of("churn", "2") is metrics.of("churn", "2")


@pytest.mark.slow
def test_nothing_is_lost_that_many_threads_count_while_others_read(metrics, often_switched):
    one = metrics.of("churn", "1")

    together = threading.Barrier(N_THREADS + 1)

    def count() -> None:
        together.wait()
        for n in range(N_TIMES):
            one.count_predicted(1, 2, [n])
            one.batched(2, f"reason {n % 7}")
            one.refused(422)

    threads = [threading.Thread(target=count) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    count()  # this thread made the metrics: it counts without the lock
    while any(thread.is_alive() for thread in threads):
        metrics.snapshot()
    for thread in threads:
        thread.join()

    counted = metrics.snapshot().counted
    n_all = (N_THREADS + 1) * N_TIMES
    durations = counted.histograms[families.DURATION.series("churn", "1")]
    sizes = [
        known[:-1] for series, known in counted.histograms.items() if series[0].endswith("rows")
    ]
    assert counted.counters[families.ROWS.series("churn", "1")] == 2 * n_all
    assert counted.counters[families.REQUESTS.series("churn", "1", "fast", "invalid")] == n_all
    assert sum(durations[:-1]) == sum(map(sum, sizes)) == n_all
    assert durations[-1] == (N_THREADS + 1) * sum(range(N_TIMES))


def test_watched_values_are_read_each_time(metrics, read):
    waiting = [7]
    metrics.watch(families.QUEUE_ROWS, lambda: waiting[0], "churn", "1")

    assert read(metrics.snapshot())("podium_queue_rows", model="churn") == 7
    waiting[0] = 0
    assert read(metrics.snapshot())("podium_queue_rows", model="churn") == 0


def test_what_has_no_number_now_is_left_out(metrics):
    def failing() -> float:
        raise StoreError("the disk is gone")

    metrics.watch(families.OUTBOX_ROWS, failing)
    metrics.watch(families.CONNECTIONS, lambda: None)

    snapshot = metrics.snapshot()
    told = {series[0] for series in (*snapshot.current, *snapshot.counted.counters)}
    assert told & {"podium_outbox_rows", "podium_open_connections"} == set()


def test_a_process_reports_on_itself(metrics, read):
    value = read(metrics.snapshot())

    assert value("podium_workers") == 1
    assert value("process_resident_memory_bytes") > 10_000_000
    assert value("process_start_time_seconds") > 1_700_000_000


def test_two_metrics_share_nothing(metrics):
    metrics.of("churn", "1").count_predicted(1, 1, [1])

    assert Metrics().snapshot().counted.counters == {}
