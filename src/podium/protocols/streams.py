"""Monitoring as it changes, by WebSocket."""

from __future__ import annotations

from podium.access import Action
from podium.signature.schema import Schema
from podium.web import live, problems
from podium.web.router import Route

ROUTES = (
    Route(
        "api_monitor_stream",
        ("GET",),
        "/api/models/{name}/monitor/stream",
        live.stream,
        Action.SEE,
        is_for_both=True,
        is_stream=True,
    ),
)


def stream_operation(name: str, key: str) -> Schema:
    """The WebSocket of a model, as far as OpenAPI can describe one."""
    problem = {problems.MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": f"watch_{key}",
        "summary": f"Watch the monitoring of {name}, by WebSocket",
        "tags": [name],
        "responses": {
            "101": {"description": "Messages follow, one in two seconds: JSON objects."},
            "426": {"description": "The request asks for no WebSocket.", "content": problem},
        },
    }
