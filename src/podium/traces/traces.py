"""Spans of predictions, made after their responses were sent, from times that are taken anyway.

A request costs a random number, or a look for its `traceparent`; only what is sampled becomes spans.
Its span has one for each step: `read and wait` until the model is called with its rows, `predict` the call,
and `record and respond`. A request that was refused, or failed, has a span without steps. No span holds a
value of a request.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from podium.distribution import version as podium_version
from podium.flow.batch import nothing_around
from podium.flow.predict import PredictionService
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.plugins import needs

# How long an attempt to send spans may take, which happens in a thread of its own.
EXPORT_S = 5
CLOSE_S = 2
FAULT_MIN = 500
# Source: W3C Trace Context, section 3.2. Other versions than 00 may have more after the flags.
_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-"
    r"(?P<flags>[0-9a-f]{2})(?:-.*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A request that becomes spans.

    Attributes:
        parent: the span of the caller, by the ids of its trace and its own; None if there is none.
        times_ns: when it began and ended, since 1970.
        steps: by name, when each began and ended.
        is_fault: whether it failed by a fault of the server's.
    """

    name: str
    parent: tuple[int, int] | None
    times_ns: tuple[int, int]
    attributes: Mapping[str, Any]
    steps: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    is_fault: bool = False


class _Spans(Protocol):
    """Where spans go."""

    def add(self, one: _Sampled) -> None:
        """Make the spans of a request."""

    def close(self) -> None:
        """Send what waits, and stop."""


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
            import opentelemetry.sdk.trace  # noqa: F401 - what sends spans, beside the API
            from opentelemetry import trace
        self._share = share
        provider = trace.get_tracer_provider()
        is_hosts = not isinstance(provider, trace.ProxyTracerProvider)
        self._spans: _Spans = _HostsSpans(provider) if is_hosts else _OwnSpans()

    def observe(self, some: Sequence[Submission]) -> None:
        """Make the spans of those requests that are sampled."""
        share = self._share
        for one in some:
            header = one.traceparent
            # Nearly always this is all: of what follows, requests that aren't sampled see nothing.
            if header or random.random() < share:  # noqa: S311 - no secret
                self._predicted(one, header)

    def refused(self, version: LoadedVersion, status: int, header: str, began_ns: int) -> None:
        """Make the span of a request that got no prediction, if it is sampled.

        Args:
            status: that of HTTP with which it was refused, or failed.
            header: its traceparent; "" for none.
            began_ns: when it was read, by `time.perf_counter_ns`.
        """
        if not header and random.random() >= self._share:  # noqa: S311
            return
        is_sampled, parent = self._decision(header)
        if not is_sampled:
            return
        now_ns = time.perf_counter_ns()
        to_time_ns = time.time_ns() - now_ns
        attributes = {**_names_of(version), "http.response.status_code": status}
        times_ns = (began_ns + to_time_ns, now_ns + to_time_ns)
        name, is_fault = f"predict {version.name}", status >= FAULT_MIN
        self._spans.add(_Sampled(name, parent, times_ns, attributes, is_fault=is_fault))

    def around(self, some: Sequence[Any], /) -> AbstractContextManager[object]:
        """While a model is called: its own calls, by libraries that trace, continue the trace of a caller.

        Where several requests share a call, it is that of the first whose caller samples.
        """
        found = (self._decision(getattr(one, "traceparent", "")) for one in some)
        parent = next((parent for is_sampled, parent in found if is_sampled and parent), None)
        return nothing_around(some) if parent is None else _current(_continued(parent))

    def close(self) -> None:
        """Send what waits, and stop."""
        self._spans.close()

    def _decision(self, header: str) -> tuple[bool, tuple[int, int] | None]:
        """Whether a request is sampled that has a header or was chosen, and its caller's span."""
        found = _PARENT.fullmatch(header.strip()) if header else None
        if found is not None:
            is_sampled = bool(int(found["flags"], 16) & 1)
            return is_sampled, (int(found["trace"], 16), int(found["span"], 16))
        # What can't be read is as if it weren't there.
        return not header or random.random() < self._share, None  # noqa: S311

    def _predicted(self, one: Submission, header: str) -> None:
        is_sampled, parent = self._decision(header)
        if not is_sampled:
            return
        outputs, version, now_ns = one.batch_outputs, one.version, time.perf_counter_ns()
        assert outputs is not None
        to_time_ns = time.time_ns() - now_ns
        times_ns = (one.prepared.began_ns, outputs.began_ns, outputs.ended_ns, now_ns)
        began_ns, called_ns, ended_ns, sent_ns = (to_time_ns + one for one in times_ns)
        attributes = {
            **_names_of(version),
            "podium.rows": one.n_rows,
            "podium.source": one.context.source,
            "podium.request_id": one.ids[0] if one.ids else "",
        }
        steps = {
            "read and wait": (began_ns, called_ns),
            "predict": (called_ns, ended_ns),
            "record and respond": (ended_ns, sent_ns),
        }
        name = f"predict {version.name}"
        self._spans.add(_Sampled(name, parent, (began_ns, sent_ns), attributes, steps))


def _names_of(version: LoadedVersion) -> dict[str, str]:
    return {"podium.model": version.name, "podium.version": version.version}


class _HostsSpans:
    """Spans by the tracer of the host's provider, whose sampler, processors and exporters they pass."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace

        self._trace = trace
        self._tracer = provider.get_tracer("podium", podium_version())

    def add(self, one: _Sampled) -> None:
        """Make the spans of a request."""
        trace = self._trace
        context = trace.set_span_in_context(trace.INVALID_SPAN)  # not that of whoever runs now
        if one.parent is not None:
            context = _continued(one.parent)
        began_ns, ended_ns = one.times_ns
        span = self._tracer.start_span(
            one.name,
            context,
            trace.SpanKind.SERVER,
            start_time=began_ns,
            attributes=one.attributes,
        )
        if one.is_fault:
            span.set_status(trace.StatusCode.ERROR)
        inside = trace.set_span_in_context(span)
        for name, (first_ns, last_ns) in one.steps.items():
            self._tracer.start_span(name, inside, start_time=first_ns).end(last_ns)
        span.end(ended_ns)

    def close(self) -> None:
        """The host closes its provider."""


class _OwnSpans:
    """Spans of our own, sent by OTLP.

    They are complete when they are made, so that no tracer is needed, which would decide again whether
    each is sampled, look for its parent, and copy its attributes: that took ten times as long.
    """

    def __init__(self) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._trace, self._span, self._ids = trace, ReadableSpan, RandomIdGenerator()
        self._flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        self._statuses = trace.Status(trace.StatusCode.UNSET), trace.Status(trace.StatusCode.ERROR)
        self._shared = {
            "resource": _resource(),
            "instrumentation_scope": InstrumentationScope("podium", podium_version()),
        }
        self._exporter = OTLPSpanExporter(timeout=EXPORT_S)
        self._processor: Any = BatchSpanProcessor(self._exporter)

    def add(self, one: _Sampled) -> None:
        """Make the spans of a request."""
        caller, kinds = None, self._trace.SpanKind
        if one.parent is not None:
            caller = self._trace.SpanContext(*one.parent, True, self._flags)
        trace_id = self._ids.generate_trace_id() if caller is None else caller.trace_id
        context = self._context(trace_id)
        for name, times_ns in one.steps.items():
            self._end(name, self._context(trace_id), context, times_ns, kind=kinds.INTERNAL)
        self._end(
            one.name,
            context,
            caller,
            one.times_ns,
            kind=kinds.SERVER,
            attributes=one.attributes,
            status=self._statuses[one.is_fault],
        )

    def close(self) -> None:
        """Send what waits, and stop."""
        # Whoever stops a server doesn't wait for a collector that is down: what is left is dropped.
        giving_up = threading.Timer(CLOSE_S, self._exporter.shutdown)
        giving_up.start()
        self._processor.shutdown()
        giving_up.cancel()

    def _context(self, trace_id: int) -> Any:
        return self._trace.SpanContext(trace_id, self._ids.generate_span_id(), False, self._flags)

    def _end(
        self, name: str, context: Any, parent: Any, times_ns: tuple[int, int], **more: Any
    ) -> None:
        began_ns, ended_ns = times_ns
        self._processor.on_end(
            self._span(
                name,
                context,
                parent,
                start_time=began_ns,
                end_time=ended_ns,
                **self._shared,
                **more,
            )
        )


@contextmanager
def _current(context: Any) -> Iterator[None]:
    """A context of OpenTelemetry that is the current one."""
    from opentelemetry.context import attach, detach

    token = attach(context)
    try:
        yield
    finally:
        detach(token)


def _continued(parent: tuple[int, int]) -> Any:
    """The context of a caller's span, which is sampled."""
    from opentelemetry import trace

    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    caller = trace.SpanContext(*parent, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(caller))


def _resource() -> Any:
    """What the spans are about: the usual variables say, and the service is called podium if they don't."""
    from opentelemetry.sdk.resources import Resource

    class Hashed(Resource):
        """Its hash is computed once, not for each span that is sent: it encodes everything as JSON."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._hash = super().__hash__()

        def __hash__(self) -> int:
            return self._hash

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "podium"}
    created = Resource.create(named)
    return Hashed(created.attributes, created.schema_url)


def open_traces(share: float, service: PredictionService) -> Traces | None:
    """Traces as an observer of predictions and of refusals; none if the share is 0, or OpenTelemetry is switched off.

    Raises:
        MissingExtra: OpenTelemetry isn't installed.
    """
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not share or is_off:
        return None
    traces = Traces(share)
    service.observers.append(traces)
    service.failed_requests.observers.append(traces.refused)
    service.around = traces.around
    return traces
