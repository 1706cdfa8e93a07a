"""How good a model is in use, in the API."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from podium.access import Action
from podium.errors import InputError, NotFound, SetupError
from podium.http import Request, Response
from podium.monitoring.live_quality import LiveQuality, live_quality
from podium.monitoring.pieces import HOUR_US
from podium.protocols.insight import Get
from podium.protocols.schemas import in_query
from podium.records.export import time_text
from podium.records.period import moment_us
from podium.signature.schema import Schema
from podium.web.router import Route
from podium.web.site import Site

SINCE = "30d"


def show(site: Site, request: Request, name: str) -> Response:
    """The live quality of a version: `GET /api/models/{name}/quality?version=&since=`."""
    site.require_model(name, request.actor)
    query = request.query
    found = measured(site, name, query.get("version", ""), query.get("since", ""))
    return Response.json(value_of(found))


def measured(site: Site, name: str, version: str = "", since: str = "") -> LiveQuality:
    """The quality of a version's predictions whose truth is known.

    Args:
        version: its alias, name or digest; the champion by default.
        since: so long ago, such as `7d`, or a date or a time; 30 days by default.

    Raises:
        NotFound: no records are kept here, nothing is counted, or there is no such version.
        InputError: `since` is no time.
        StoreError: the records can't be read.
    """
    monitoring = site.monitoring
    if site.store is None or monitoring is None:
        raise NotFound(
            "no records are kept and counted here",
            hint="serve with records = true and monitoring = true",
        )
    now_us = time.time_ns() // 1_000
    try:
        since_us = moment_us(since or SINCE, now_us)
    except SetupError as error:
        raise InputError(f"since: {error.message}", hint=error.hint) from error
    bundle = monitoring.bundle(name, version)

    def n_rows(start_us: int, end_us: int) -> int:
        found = monitoring.read(name, start_us // HOUR_US, end_us // HOUR_US + 1)
        own = (sums for key, sums in found.items() if key[1:3] == (bundle.digest, "primary"))
        return sum(one.n_rows for one in own)

    return live_quality(site.store, bundle, since_us, now_us, n_rows)


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
        "since": "So long ago, such as `7d`, or a time; 30 days ago.",
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
