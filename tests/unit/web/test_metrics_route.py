"""`/metrics`: what Prometheus gets."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import podium
from podium.testing import Client


def test_metrics_have_the_text_format(app: podium.App, client: Client):
    app.site.metrics.of("loans", "7").count_predicted(1, 12, [250])

    reply = client.get("/metrics")

    assert reply.status == 200
    assert reply.media == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert '\npodium_rows_total{model="loans",version="7"} 12\n' in reply.text


def test_the_head_of_metrics_has_no_body(client: Client):
    reply = client.request("HEAD", "/metrics")

    assert (reply.status, reply.body) == (200, b"")


def test_metrics_are_behind_the_gate(client: Client):
    assert client.get("/metrics", host="elsewhere.example").status == 421


def test_names_of_other_systems_are_there_if_the_settings_ask_for_them(
    models_file: Path, tmp_path: Path
):
    settings = {"home": str(tmp_path), "metrics_also": ("triton", "kserve")}
    app = podium.App(f"{models_file}:fragile", **settings)
    client = Client(app)

    client.post("/api/models/fragile/predict", {"x": 1.5})
    text = client.get("/metrics").text
    app.close()

    found = {one.name: one for one in text_string_to_metric_families(text)}
    success, ran = found["nv_inference_request_success"], found["podium_model_seconds"]
    assert [sample.value for sample in success.samples] == [1]
    assert [sample.value for sample in found["nv_inference_count"].samples] == [1]
    duration = found["nv_inference_compute_infer_duration_us"].samples[0].value
    assert duration == round(ran.samples[0].value * 1e6) > 0
    assert found["request_predict_seconds"].type == "histogram"


def test_other_names_are_not_there_by_default(client: Client):
    assert "nv_" not in client.get("/metrics").text
