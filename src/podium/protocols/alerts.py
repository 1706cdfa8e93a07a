"""Alerts in the API: what is alarming about a model, and who knows of it."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action, Actor, allowed
from podium.errors import InputError, MalformedBody
from podium.http import Request, Response
from podium.monitoring.alerts import STATES, Alert, State
from podium.monitoring.channels import alert_value
from podium.protocols.insight import Get
from podium.protocols.schemas import ref
from podium.records.export import time_text
from podium.signature.schema import Schema
from podium.web.alerts import acknowledged, alerts_of
from podium.web.router import Route
from podium.web.site import Site

_OPEN: tuple[State, ...] = ("pending", "firing")
_TIMES = {
    "since_us": "since",
    "fired_us": "fired",
    "resolved_us": "resolved",
    "acknowledged_us": "acknowledged",
}


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody says who knows of an alert.

    Attributes:
        note: why, or what is done about it.
    """

    note: str = ""


_ACKNOWLEDGEMENT = msgspec.json.Decoder(Acknowledgement)


def index(site: Site, request: Request, name: str) -> Response:
    """The alerts of a model, the newest first: `GET /api/models/{name}/alerts?state=`."""
    site.require_model(name, request.actor)
    found = alerts_of(site).alerts(name, states_of(request.query.get("state", "open")))
    return Response.json({"alerts": [value_of(one) for one in found]})


def acknowledge(site: Site, request: Request, name: str, number: str) -> Response:
    """Note who knows: `POST /api/models/{name}/alerts/{number}/acknowledge`."""
    site.require_model(name, request.actor)
    sent = Acknowledgement()
    if request.body:
        try:
            sent = _ACKNOWLEDGEMENT.decode(request.body)
        except msgspec.DecodeError as error:
            raise MalformedBody(
                f"the body isn't an acknowledgement: {error}", hint='send {"note": "..."}'
            ) from error
    return Response.json(value_of(acknowledged(site, request, name, number, sent.note)))


def states_of(text: str) -> tuple[State, ...]:
    """The states that a filter names.

    Raises:
        InputError: it is no state.
    """
    known = {"open": _OPEN, "all": STATES} | {one: (one,) for one in STATES}
    if text not in known:
        raise InputError(f"state is {text[:80]!r}", hint=f"known: {', '.join(known)}")
    return known[text]


def value_of(alert: Alert) -> dict[str, Any]:
    """An alert as the API tells it: its times as ISO 8601 in UTC, and None where there is none."""
    value = alert_value(alert)
    for old, new in _TIMES.items():
        time_us = value.pop(old)
        value[new] = None if time_us is None else time_text(time_us)
    value["windows"] = list(alert.windows)
    return value


def alert_paths(
    name: str, key: str, failures: dict[str, str], get: Get, actor: Actor
) -> dict[str, Schema]:
    """The operations on the alerts of a model that an actor may use, by path.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
    """
    if not allowed(actor, Action.SEE, name):
        return {}
    known = {"404": "There is no such alert, or nothing is counted here."} | failures
    listed = get(
        f"list_alerts_{key}",
        f"What is alarming about {name}",
        name,
        "Alerts",
        known | {"400": "There is no such state."},
    )
    states = {"enum": ["open", "all", *STATES], "default": "open"}
    state = {"name": "state", "in": "query", "schema": states}
    path = _ALERTS.format(name=name)
    paths: dict[str, Schema] = {path: {"get": listed | {"parameters": [state]}}}
    if allowed(actor, Action.MANAGE, name):
        put = get(
            f"acknowledge_alert_{key}",
            f"Say that an alert of {name} is known",
            name,
            "Alert",
            known | {"400": "The body can't be read."},
        )
        number = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}
        body = {"content": {"application/json": {"schema": ref("Acknowledgement")}}}
        paths[f"{path}/{{number}}/acknowledge"] = {
            "post": put | {"parameters": [number], "requestBody": body}
        }
    return paths


def alert_schemas() -> dict[str, Schema]:
    """The schemas of alerts, by name."""
    _, schemas = msgspec.json.schema_components(
        [Alert, Acknowledgement], ref_template="#/components/schemas/{name}"
    )
    properties = schemas["Alert"]["properties"]
    for old, new in _TIMES.items():
        del properties[old]
        properties[new] = {"type": ["string", "null"], "format": "date-time"}
    properties["sentence"] = {"type": "string"}
    properties["windows"] = {"type": "array", "items": {"enum": ["hour", "day", "week"]}}
    schemas["Alert"]["required"] = sorted(properties)
    schemas["Alerts"] = {
        "type": "object",
        "properties": {
            "alerts": {"type": "array", "items": {"$ref": "#/components/schemas/Alert"}}
        },
        "required": ["alerts"],
    }
    return schemas


_ALERTS = "/api/models/{name}/alerts"
ROUTES = (
    Route("api_alerts", ("GET",), _ALERTS, index, Action.SEE),
    Route(
        "api_acknowledge",
        ("POST",),
        f"{_ALERTS}/{{number}}/acknowledge",
        acknowledge,
        Action.MANAGE,
    ),
)
