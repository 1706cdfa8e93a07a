"""`/metrics`: what Prometheus gets."""

from __future__ import annotations

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
