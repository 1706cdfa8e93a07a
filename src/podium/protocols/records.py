"""One record by the API, with all that its page shows."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.http import Request, Response
from podium.records.export import time_text
from podium.records.history import Statement, earlier_statements
from podium.records.record import Feedback, Record
from podium.web.router import LISTED, Route
from podium.web.site import Site
from podium.web.visible_records import visible_record


def get(site: Site, request: Request, record_id: str) -> Response:
    """A record that the caller may see: `GET /api/records/{record_id}`."""
    record, _ = visible_record(site, request.actor, record_id)
    return Response.json(record_value(record))


def record_value(record: Record) -> dict[str, Any]:
    """A record as JSON: times as ISO 8601 in UTC, and its feedback with what was said before."""
    return {
        "id": record.id,
        "time": time_text(record.time_us),
        "model": record.model,
        "version": record.version,
        "bundle_digest": record.bundle_digest,
        "request_id": record.request_id,
        "row_index": record.row_index,
        "role": record.role,
        "source": record.source,
        "actor": record.actor,
        "business_key": record.business_key,
        "latency_us": record.latency_us,
        "inputs": msgspec.Raw(record.inputs),
        "outputs": msgspec.Raw(record.outputs),
        "feedback": _feedback(record.feedback),
    }


def _feedback(feedback: Feedback | None) -> dict[str, Any] | None:
    if feedback is None:
        return None
    earlier = [_feedback_json(one.truth, one) for one in earlier_statements(feedback)]
    return _feedback_json(msgspec.Raw(feedback.truth), feedback) | {"earlier": earlier}


def _feedback_json(truth: Any, one: Feedback | Statement) -> dict[str, Any]:
    return {"truth": truth, "time": time_text(one.time_us), "actor": one.actor, "note": one.note}


ROUTES = (Route("api_record", ("GET",), "/api/records/{record_id}", get, LISTED, reads=True),)
