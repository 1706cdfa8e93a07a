"""Spans of predictions, as a collector receives them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import podium
from podium.testing import Client, ServerProcess

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Receives spans by OTLP over HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.bodies = b""
        super().__init__(("127.0.0.1", 0), _Received)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Received(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.server.bodies += body
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def traced(spans: list[Any]) -> list[Any]:
    return [one for one in spans if one.name.startswith("predict ")]


def keys(span: Any) -> set[str]:
    return {one.key for one in span.attributes}


@pytest.mark.slow
def test_our_server_sends_a_span_a_step_in_both_lanes(
    collector: Collector, models_file: Path, tmp_path: Path
) -> None:
    environment = {
        "PODIUM_TRACES_SHARE": "1e-12",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
    }
    model = f"{models_file}:fragile"
    with ServerProcess(model, home=tmp_path / "home", environment=environment) as server:
        url = f"{server.address}/api/models/fragile/predict"

        def send(flags: str, **headers: str) -> None:
            context = {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"} | headers
            assert httpx.post(url, json={"x": 987654.5}, headers=context).status_code == 200

        send("01")
        send("01", accept="text/csv")
        send("00")
        assert httpx.post(url, json={"x": 1}).status_code == 200
        bad = {"traceparent": "00-zz-1-01"}
        assert httpx.post(url, json={"x": 1}, headers=bad).status_code == 200

        sampled = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        for more in ({}, {"accept": "text/csv"}, {"traceparent": f"00-{TRACE}-{SPAN}-00"}):
            reply = httpx.post(url, json={"x": "987654"}, headers=sampled | more)
            assert reply.status_code == 422

    found_roots = traced(collector.spans)
    refused = [one for one in found_roots if "podium.rows" not in keys(one)]
    roots = [one for one in found_roots if "podium.rows" in keys(one)]
    assert [one.parent_span_id.hex() for one in refused] == [SPAN] * 2
    for one in refused:
        assert one.attributes[-1].key == "http.response.status_code"
        assert one.attributes[-1].value.int_value == 422
        assert one.start_time_unix_nano <= one.end_time_unix_nano
        assert one.status.code == 0
    assert [one.trace_id.hex() for one in roots] == [TRACE] * 2
    assert [one.parent_span_id.hex() for one in roots] == [SPAN] * 2
    for root in roots:
        steps = [one for one in collector.spans if one.parent_span_id == root.span_id]
        assert [one.name for one in steps] == ["read and wait", "predict", "record and respond"]
        edges = [root.start_time_unix_nano]
        for step in steps:
            assert step.start_time_unix_nano == edges[-1] <= step.end_time_unix_nano
            edges.append(step.end_time_unix_nano)
        assert edges[-1] == root.end_time_unix_nano
        found = {one.key: one.value for one in root.attributes}
        assert found["podium.model"].string_value == "fragile"
        assert found["podium.rows"].int_value == 1
        assert len(found["podium.request_id"].string_value) == 32
    assert b"987654" not in collector.bodies


def test_the_share_decides_where_the_caller_does_not(
    collector: Collector, models_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path), traces_share=0.5)
    client = Client(app)

    for _ in range(200):
        client.post("/api/models/fragile/predict", {"x": 1})
    off = f"00-{TRACE}-{SPAN}-00"
    client.post("/api/models/fragile/predict", [{"x": 1}] * 7, traceparent=off)
    app.close()

    roots = traced(collector.spans)
    assert 60 < len(roots) < 140  # 14 in 10^9 runs are outside
    assert len({one.trace_id for one in roots}) == len(roots)
    assert not any(one.parent_span_id for one in roots)


@pytest.mark.slow
def test_a_collector_that_is_down_fails_no_request(
    models_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port}")
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path), traces_share=1.0)
    client = Client(app)

    replies = [client.post("/api/models/fragile/predict", {"x": n}) for n in range(600)]
    app.close()

    assert {one.status for one in replies} == {200}
    assert json.loads(replies[-1].body)["prediction"] == 599


def test_a_fault_is_a_span_of_that_status(
    collector: Collector, models_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path), traces_share=1.0)

    status = Client(app).post("/api/models/fragile/predict", {"x": -1}).status
    app.close()

    (span,) = traced(collector.spans)
    assert status == span.attributes[-1].value.int_value == 500
    assert span.status.code == 2
    assert span.end_time_unix_nano > span.start_time_unix_nano


def test_opentelemetry_can_be_switched_off(
    models_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path), traces_share=1.0)

    observers = [type(one).__name__ for one in app.service.observers]
    app.close()

    assert "Traces" not in observers


def test_without_a_share_nothing_observes(models_file: Path, tmp_path: Path) -> None:
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path), traces_share=0)

    observers = [type(one).__name__ for one in app.service.observers]
    app.close()

    assert "Traces" not in observers


@pytest.mark.slow
def test_a_host_s_own_provider_gets_the_spans(models_file: Path, tmp_path: Path) -> None:
    code = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from flask import Flask
from podium.hosts.flask import Podium
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
app = Flask("host")
models = {{"fragile": {f"{models_file}:fragile"!r}}}
Podium(app, models, url_prefix="/ml", home={str(tmp_path)!r}, traces_share=1.0)
context = {{"traceparent": "00-{TRACE}-{SPAN}-01"}}
client = app.test_client()
reply = client.post("/ml/api/models/fragile/predict", json={{"x": 1}}, headers=context)
assert reply.status_code == 200, reply.text
found = exporter.get_finished_spans()
print(len(found), found[-1].name, format(found[-1].context.trace_id, "x"))
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )

    assert done.stdout == f"4 predict fragile {TRACE}\n", done.stderr


MODELS = """
import podium
from opentelemetry.propagate import inject


def sent() -> float:
    '''Whether what is sent now belongs to the trace; -1: to none.'''
    headers = {{}}
    inject(headers)
    return float("{trace}" in headers["traceparent"]) if headers else -1.0


@podium.model
def calling(x: float) -> float:
    '''Calls something.'''
    return sent()


@podium.model
async def waiting(x: float) -> float:
    '''Calls something, and waits.'''
    return sent()
"""


@pytest.mark.slow
def test_what_a_model_calls_continues_the_trace_of_the_caller(
    collector: Collector, tmp_path: Path
) -> None:
    file = tmp_path / "models.py"
    file.write_text(MODELS.format(trace=TRACE))
    environment = {
        "PODIUM_TRACES_SHARE": "1e-12",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
    }
    models = [f"{file}:calling", f"{file}:waiting"]
    with ServerProcess(*models, home=tmp_path / "home", environment=environment) as server:
        for name in ("calling", "waiting"):
            url = f"{server.address}/api/models/{name}/predict"
            for flags, expected in (("01", 1.0), ("00", -1.0), (None, -1.0), ("01", 1.0)):
                headers = {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"} if flags else {}
                reply = httpx.post(url, json={"x": 1}, headers=headers)
                assert reply.json()["prediction"] == expected, (name, flags)
