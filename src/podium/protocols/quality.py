"""How good a model is in use, in the API."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action
from podium.http import Request, Response
from podium.monitoring.live_quality import LiveQuality
from podium.protocols.insight import Get
from podium.protocols.schemas import in_query
from podium.records.export import time_text
from podium.signature.schema import Schema
from podium.web.quality_pages import measured
from podium.web.router import Route
from podium.web.site import Site


def show(site: Site, request: Request, name: str) -> Response:
    """The live quality of a version: `GET /api/models/{name}/quality?version=&since=`."""
    site.require_model(name, request.actor)
    query = request.query
    found = measured(site, name, query.get("version", ""), query.get("since", ""))
    return Response.json(value_of(found))


def value_of(found: LiveQuality) -> dict[str, Any]:
    """The quality as the API tells it: its times as ISO 8601 in UTC."""
    value: dict[str, Any] = msgspec.to_builtins(found)
    value["since"] = time_text(value.pop("since_us"))
    value["until"] = time_text(value.pop("until_us"))
    return value


def quality_operation(name: str, key: str, failures: dict[str, str], get: Get) -> Schema:
    """The operation for a model."""
    known = {
        "404": "There is no such version, or no records are kept here.",
        "400": "`since` is no time.",
    } | failures
    texts = {
        "version": "The alias, name or digest of a version; the champion.",
        "since": "From when: `7d`, `12h` or a time; by default 30 days ago.",
    }
    title = f"How good {name} is, as far as the truth is known"
    return get(f"quality_{key}", title, name, "LiveQuality", known) | {
        "parameters": in_query(texts)
    }


def quality_schemas() -> dict[str, Schema]:
    """The schemas of live quality and its parts, by name."""
    _, schemas = msgspec.json.schema_components(
        [LiveQuality], ref_template="#/components/schemas/{name}"
    )
    properties = schemas["LiveQuality"]["properties"]
    for old, new in (("since_us", "since"), ("until_us", "until")):
        del properties[old]
        properties[new] = {"type": "string", "format": "date-time"}
    schemas["LiveQuality"]["required"] = sorted(properties)
    return schemas


ROUTES = (
    Route("api_quality", ("GET",), "/api/models/{name}/quality", show, Action.SEE, reads=True),
)
