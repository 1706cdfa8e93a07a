"""Our numbers under the names of other systems, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from podium.metrics.exposition import exposition
from podium.metrics.metrics import Metrics
from podium.metrics.others import FAMILIES, System, renamed


def read(metrics: Metrics, *systems: System) -> dict[tuple[str, ...], float]:
    some = [family for one in systems for family in FAMILIES[one]]
    # The parser adds `_total` to the names of counters.
    text = exposition(renamed(metrics.snapshot(), systems), some)
    return {
        (sample.name.removesuffix("_total"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted() -> Metrics:
    metrics = Metrics()
    one = metrics.of("churn", "1")
    one.count_predicted(2, 30, [120, 99_000], "fast", 700, 5_000)
    one.count_predicted(1, 10, [880], "asgi", 300, 1_000)
    one.batched(30, "turn")
    one.batched(10, "after_call")
    one.refused(503)
    one.refused(500, "asgi")
    one.refused(422)
    metrics.of("churn", "2").count_predicted(1, 1, [2_000_000])
    return metrics


def test_triton_s_names_have_our_counts():
    found = read(counted(), "triton")

    of_first = {name: value for (name, *labels), value in found.items() if labels == ["churn", "1"]}
    assert of_first == {
        "nv_inference_request_success": 3,
        "nv_inference_count": 40,
        "nv_inference_exec_count": 2,
        "nv_inference_request_duration_us": 100_000,
        "nv_inference_queue_duration_us": 1_000,
        "nv_inference_compute_infer_duration_us": 6_000,
    }
    failures = {
        k[3]: v for k, v in found.items() if k[0] == "nv_inference_request_failure" and k[2] == "1"
    }
    assert failures == {"REJECTED": 1, "BACKEND": 1, "OTHER": 1}
    assert found["nv_inference_request_success", "churn", "2"] == 1


def test_kserve_s_histogram_has_all_versions_of_a_model():
    found = read(counted(), "kserve")

    assert {name[0].rpartition("_")[0] for name in found} == {"request_predict_seconds"}
    assert found["request_predict_seconds_count", "churn"] == 4
    assert found["request_predict_seconds_sum", "churn"] == 2.1
    assert found["request_predict_seconds_bucket", "churn", "0.1"] == 3
    assert found["request_predict_seconds_bucket", "churn", "+Inf"] == 4


def test_both_together_are_both():
    metrics = counted()

    assert read(metrics, "triton", "kserve") == read(metrics, "triton") | read(metrics, "kserve")
    assert read(metrics) == {}
