"""What a model saw and predicted, in the API."""

from __future__ import annotations

import time
from typing import Any, get_args

import msgspec

from podium.access import Action
from podium.errors import InputError, NotFound, SetupError
from podium.http import Request, Response
from podium.monitoring.monitoring import Monitoring
from podium.monitoring.report import Report
from podium.monitoring.windows import WINDOW_HOURS
from podium.protocols.insight import Get
from podium.protocols.schemas import in_query
from podium.records.counted import Role
from podium.records.export import time_text
from podium.records.period import moment_us
from podium.signature.schema import Schema
from podium.web.router import Route
from podium.web.site import Site

_TIME: Schema = {"type": "string", "format": "date-time"}


def show(site: Site, request: Request, name: str) -> Response:
    """A report of a version: `GET /api/models/{name}/monitor?since=&window=&version=&role=`."""
    site.require_model(name, request.actor)
    return Response.json(value_of(reported(site, name, request.query)))


def reported(site: Site, name: str, query: dict[str, str]) -> Report:
    """The report that a query asks for.

    Raises:
        NotFound: nothing is counted here, or there is no such version.
        InputError: the query is invalid.
        StoreError: the counts can't be read.
    """
    if site.monitoring is None:
        raise NotFound(
            "the values of predictions aren't counted here",
            hint="serve with records = true and monitoring = true",
        )
    return report_of(
        site.monitoring,
        name,
        window=query.get("window", ""),
        since=query.get("since", ""),
        version=query.get("version", ""),
        role=query.get("role", ""),
    )


def report_of(
    monitoring: Monitoring,
    model: str,
    *,
    window: str = "",
    since: str = "",
    version: str = "",
    role: str = "",
) -> Report:
    """A report, as texts ask for it; "" is the default of each.

    Args:
        window: hour, day or week.
        since: so long ago, such as `7d`, or a date or a time.
        version: its alias, name or digest.
        role: primary or shadow.

    Raises:
        PodiumError: as `Monitoring.report` has it.
    """
    now_us = time.time_ns() // 1_000
    try:
        since_us = moment_us(since, now_us) if since else None
    except SetupError as error:
        raise InputError(f"since: {error.message}", hint=error.hint) from error
    return monitoring.report(
        model,
        _one_of("window", window or "day", tuple(WINDOW_HOURS)),
        since_us,
        version=version,
        role=_one_of("role", role or "primary", get_args(Role)),
        now_us=now_us,
    )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise InputError(f"{name} is {value[:80]!r}", hint=f"known: {', '.join(known)}")
    return value


def value_of(report: Report) -> dict[str, Any]:
    """A report as the API tells it: its times as ISO 8601 in UTC."""
    value: dict[str, Any] = msgspec.to_builtins(report)
    for place, old, new in (
        (value, "since_us", "since"),
        (value, "until_us", "until"),
        *((one, "time_us", "time") for one in value["windows"]),
    ):
        place[new] = time_text(place.pop(old))
    return value | {"level": report.level}


def monitoring_schemas() -> dict[str, Schema]:
    """The schemas of a report and its parts, by name."""
    _, schemas = msgspec.json.schema_components(
        [Report], ref_template="#/components/schemas/{name}"
    )
    for name, old, new in (
        ("Report", "since_us", "since"),
        ("Report", "until_us", "until"),
        ("Window", "time_us", "time"),
    ):
        del schemas[name]["properties"][old]
        schemas[name]["properties"][new] = _TIME
    schemas["Report"]["properties"]["level"] = {"enum": ["amber", "none", "red"]}
    for name in ("Report", "Window"):
        schemas[name]["required"] = sorted(schemas[name]["properties"])
    return schemas


def monitor_operation(name: str, key: str, failures: dict[str, str], get: Get) -> Schema:
    """The operation of a model.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
    """
    known = {
        "404": "There is no such version, or nothing is counted here.",
        "400": "A parameter is invalid, or there would be too many windows.",
    }
    title = f"Compare what {name} sees with its training data"
    texts = {
        "window": "`hour`, `day` or `week`; `day`.",
        "since": "From when: `7d`, `12h` or a time; by default 24 hours, 30 days or 26 weeks ago.",
        "version": "The alias, name or digest of a version; the champion.",
        "role": "`primary` or `shadow`; `primary`.",
    }
    operation = get(f"monitor_{key}", title, name, "Report", known | failures)
    return operation | {"parameters": in_query(texts)}


ROUTES = (Route("api_monitor", ("GET",), "/api/models/{name}/monitor", show, Action.SEE),)
