"""The last minutes of a model: rates between samples, quantiles of what fell between them."""

from __future__ import annotations

import pytest

from podium.metrics.metrics import Metrics
from podium.metrics.timeline import POINTS_MAX, Timeline, quantile_ms


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def timeline(metrics: Metrics, clock: Clock) -> Timeline:
    return Timeline(metrics, clock)


def test_a_point_is_what_happened_between_two_samples(timeline, metrics, clock):
    one, other = metrics.of("churn", "1"), metrics.of("churn", "2")
    one.count_predicted(1, 1_000, [50_000])
    timeline.sample()
    one.count_predicted(2, 30, [300, 400])
    other.count_predicted(1, 10, [20_000], "asgi")
    other.refused(503)
    other.refused(422)
    clock.now_s += 4

    is_new = timeline.sample()

    (point,) = timeline.points("churn")
    assert is_new
    assert (point.time_s, point.rows, point.turned_away) == (clock.now_s, 10.0, 0.5)
    assert 0.25 <= point.p50_ms <= 0.5
    assert 10 <= point.p99_ms <= 25
    assert timeline.by_version("churn")["1"].rows == 1_030
    assert timeline.by_version("churn")["2"].turned_away == 2


def test_a_model_that_is_idle_has_no_latency(timeline, metrics, clock):
    metrics.of("churn", "1").count_predicted(1, 1, [300])
    timeline.sample()
    clock.now_s += 2
    timeline.sample()

    (point,) = timeline.points("churn")
    assert (point.rows, point.p50_ms, point.p99_ms) == (0.0, None, None)
    assert timeline.points("nothing") == []


def test_two_who_sample_at_once_get_one_point(timeline, metrics, clock):
    metrics.of("churn", "1")
    timeline.sample()
    clock.now_s += 2

    assert [timeline.sample() for _ in range(3)] == [True, False, False]


def test_a_clock_that_was_set_back_begins_anew(timeline, metrics, clock):
    metrics.of("churn", "1").count_predicted(1, 1, [300])
    timeline.sample()
    clock.now_s -= 3_600
    timeline.sample()

    assert timeline.points("churn") == []
    clock.now_s += 2
    assert timeline.sample()


def test_old_points_are_dropped(timeline, metrics, clock):
    metrics.of("churn", "1")
    for _ in range(POINTS_MAX + 5):
        clock.now_s += 2
        timeline.sample()

    points = timeline.points("churn")
    assert len(points) == POINTS_MAX
    assert points[-1].time_s == clock.now_s


@pytest.mark.parametrize(
    ("bucket", "share", "ms"), [(0, 0.5, 0.05), (2, 0.5, 0.375), (2, 1.0, 0.5), (-1, 0.5, 10_000.0)]
)
def test_a_quantile_lies_within_its_bucket(bucket, share, ms):
    latencies = [0] * 17
    latencies[bucket] = 4

    assert quantile_ms(latencies, share) == ms
    assert quantile_ms([0] * 17, share) is None
