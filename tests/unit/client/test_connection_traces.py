"""A client continues the trace of the program that it is in."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider

from podium.client.calls import predict_one
from podium.client.connection import request_of


def test_requests_carry_the_context_of_the_current_span():
    call = predict_one("fragile", {"x": 1.5}, "")

    with TracerProvider().get_tracer("caller").start_as_current_span("outer") as span:
        inside = request_of(call)["headers"]
    outside = request_of(call)["headers"]

    trace, parent = span.get_span_context().trace_id, span.get_span_context().span_id
    assert inside["traceparent"].startswith(f"00-{trace:032x}-{parent:016x}-".encode())
    assert "traceparent" not in outside
