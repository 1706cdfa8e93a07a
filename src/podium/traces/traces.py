"""Spans of predictions, made after their responses were sent, from times that are taken anyway.

A request costs a random number, or a look for its `traceparent`; only what is sampled becomes spans.
Its span has one for each step: `read and wait` until the model is called with its rows, `predict` the call,
and `record and respond`. No span holds a value of a request.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

from podium.distribution import version as podium_version
from podium.flow.observer import Observer
from podium.flow.submission import Submission
from podium.plugins import needs

# How long an attempt to send spans may take, which happens in a thread of its own.
EXPORT_S = 5
CLOSE_S = 2
# Source: W3C Trace Context, section 3.2. Other versions than 00 may have more after the flags.
_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-"
    r"(?P<flags>[0-9a-f]{2})(?:-.*)?",
    re.ASCII,
)


class Traces:
    """An observer of predictions, which makes spans of some of them.

    Where the host has set a tracer provider, the spans go there. Otherwise they are sent by OTLP over
    HTTP, to where the usual variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`), by a thread whose queue is
    bounded: while nobody receives them, spans are dropped, and requests notice nothing.

    Args:
        share: of the requests that are sampled, 0 to 1, where the caller doesn't say.

    Raises:
        MissingExtra: OpenTelemetry isn't installed.
    """

    def __init__(self, share: float) -> None:
        with needs("opentelemetry"):
            from opentelemetry import trace
            from opentelemetry.sdk.trace import TracerProvider
        self._share = share
        self._trace = trace
        found = trace.get_tracer_provider()
        is_hosts = not isinstance(found, trace.ProxyTracerProvider)
        self._own: TracerProvider | None = None
        if not is_hosts:
            self._own, self._exporter = _own_provider()
        self._tracer = (self._own or found).get_tracer("podium", podium_version())

    def observe(self, some: Sequence[Submission]) -> None:
        """Make the spans of those requests that are sampled."""
        share = self._share
        for one in some:
            header = one.traceparent
            # Nearly always this is all: of what follows, requests that aren't sampled see nothing.
            if header or random.random() < share:  # noqa: S311 - no secret
                self._decide(one, header)

    def close(self) -> None:
        """Send what waits, and stop."""
        if self._own is None:
            return
        # Whoever stops a server doesn't wait for a collector that is down: what is left is dropped.
        giving_up = threading.Timer(CLOSE_S, self._exporter.shutdown)
        giving_up.start()
        self._own.shutdown()
        giving_up.cancel()

    def _decide(self, one: Submission, header: str) -> None:
        """Make the spans of a request, unless its caller says that it isn't sampled."""
        parent = _PARENT.fullmatch(header.strip()) if header else None
        if parent is not None and not int(parent["flags"], 16) & 1:
            return
        # What can't be read is as if it weren't there.
        if header and parent is None and random.random() >= self._share:  # noqa: S311
            return
        self._span(one, parent, time.perf_counter_ns())

    def _span(self, one: Submission, parent: re.Match[str] | None, now_ns: int) -> None:
        trace, outputs, version = self._trace, one.batch_outputs, one.version
        assert outputs is not None
        context = trace.set_span_in_context(trace.INVALID_SPAN)  # not that of whoever runs now
        if parent is not None:
            caller = trace.SpanContext(
                int(parent["trace"], 16),
                int(parent["span"], 16),
                is_remote=True,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(caller))
        to_time_ns = time.time_ns() - now_ns
        times_ns = (one.prepared.began_ns, outputs.began_ns, outputs.ended_ns, now_ns)
        began_ns, called_ns, ended_ns, sent_ns = (to_time_ns + one for one in times_ns)
        span = self._tracer.start_span(
            f"predict {version.name}",
            context,
            trace.SpanKind.SERVER,
            start_time=began_ns,
            attributes={
                "podium.model": version.name,
                "podium.version": version.version,
                "podium.rows": one.n_rows,
                "podium.source": one.context.source,
                "podium.request_id": one.ids[0] if one.ids else "",
            },
        )
        inside = trace.set_span_in_context(span)
        steps = {
            "read and wait": (began_ns, called_ns),
            "predict": (called_ns, ended_ns),
            "record and respond": (ended_ns, sent_ns),
        }
        for name, (first_ns, last_ns) in steps.items():
            self._tracer.start_span(name, inside, start_time=first_ns).end(last_ns)
        span.end(sent_ns)


def open_traces(share: float, observers: list[Observer]) -> Traces | None:
    """Traces as one of the observers; none if the share is 0.

    Raises:
        MissingExtra: OpenTelemetry isn't installed.
    """
    if not share:
        return None
    traces = Traces(share)
    observers.append(traces)
    return traces


def _own_provider() -> tuple[Any, Any]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "podium"}
    provider = TracerProvider(ALWAYS_ON, Resource.create(named), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(timeout=EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter
