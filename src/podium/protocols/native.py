"""Podium's own API: models, predictions, and the deletion of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.access import Action
from podium.bundle import Card
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.protocols import (
    alerts,
    comparison,
    explanations,
    feedback,
    importance,
    jobs,
    monitoring,
    quality,
    records,
    streams,
    versions,
    whatif,
)
from podium.protocols.context import context_of
from podium.signature.schema import output_schema, row_schema
from podium.web import deletion_pages, problems
from podium.web.examples import example_rows
from podium.web.numbers import SPACE, headline
from podium.web.router import LISTED, FastForm, Route, ServingProtocol
from podium.web.site import Site


def _read(request: Request, _values: Mapping[str, str]) -> PredictRequest:
    context = context_of(request, accept=request.headers.get("accept", ""))
    return PredictRequest(request.body, request.media, context)


def _write(response: EncodedResponse) -> Response:
    headers = {"idempotency-replayed": "true"} if response.is_repeated else {}
    return Response(response.body, 200, response.media, headers)


def models(site: Site, request: Request) -> Response:
    """The models: `GET /api/models`."""
    visible = site.visible(request.actor).values()
    return Response.json({"models": [_summary(site, request, one) for one in visible]})


def model(site: Site, request: Request, name: str) -> Response:
    """Everything about one model: `GET /api/models/{name}`."""
    version = site.champion(name, request.actor)
    signature = version.signature
    value = _summary(site, request, version) | {
        "card": msgspec.to_builtins(version.card),
        "signature": {
            "fields": msgspec.to_builtins(signature.fields),
            "outputs": msgspec.to_builtins(signature.outputs),
        },
        "input_schema": row_schema(signature),
        "output_schema": output_schema(signature),
        "examples": example_rows(signature),
        "limits": {
            "rows_max": site.settings.rows_max,
            "body_max_bytes": site.settings.body_max_bytes,
        },
    }
    return Response.json(value)


def _summary(site: Site, request: Request, version: LoadedVersion) -> dict[str, Any]:
    card = version.card
    return {
        "name": version.name,
        "version": version.version,
        "title": card.title,
        "description": card.description,
        "task": version.signature.output.task,
        "target": [output.name for output in version.signature.outputs],
        "metrics": _metrics(card),
        "metrics_on": card.metrics_on,
        "metrics_note": headline(card).replace(SPACE, " "),
        "links": _links(site, request, version),
    }


def _metrics(card: Card) -> dict[str, Any]:
    """Metrics by name; by target and name if there are several targets."""
    several: dict[str, dict[str, float]] = {}
    for one in card.metrics:
        several.setdefault(one.output, {})[one.name] = one.value
    return several.get("", {}) if set(several) <= {""} else dict(several)


def _links(site: Site, request: Request, version: LoadedVersion) -> dict[str, str]:
    name = version.name
    links = {
        "self": request.url(f"/api/models/{name}"),
        "predict": request.url(f"/api/models/{name}/predict"),
        "form": request.url(f"/models/{name}"),
        "docs": request.url(f"/docs/{name}"),
        "openapi": request.url("/openapi.json"),
    }
    if site.store is not None:
        links["records"] = request.url(f"/models/{name}/records")
    return links


_GET, _POST, _DELETE = ("GET",), ("POST",), ("DELETE",)
_MODEL, _RECORDS, _RECORD = (
    "/api/models/{name}",
    "/api/models/{name}/records",
    "/api/records/{record_id}",
)
NATIVE = ServingProtocol(
    "podium",
    "/api/",
    (
        Route("api_models", _GET, "/api/models", models, LISTED),
        Route("api_model", _GET, _MODEL, model, Action.PREDICT),
        Route("predict", _POST, f"{_MODEL}/predict", None, Action.PREDICT, is_prediction=True),
        Route(
            "api_delete_records",
            _DELETE,
            _RECORDS,
            deletion_pages.delete_several,
            Action.DELETE,
            reads=True,
        ),
        Route("api_delete_record", _DELETE, _RECORD, deletion_pages.delete_one, LISTED, reads=True),
        *records.ROUTES,
        *feedback.ROUTES,
        *versions.ROUTES,
        *comparison.ROUTES,
        *monitoring.ROUTES,
        *streams.ROUTES,
        *whatif.ROUTES,
        *alerts.ROUTES,
        *explanations.ROUTES,
        *quality.ROUTES,
        *importance.ROUTES,
        *jobs.ROUTES,
    ),
    read=_read,
    write=_write,
    problem=problems.respond,
    fast=FastForm(
        media=frozenset({b"", b"application/json", b"application/json; charset=utf-8"}),
        accept=frozenset({b"", b"*/*", b"application/json", b"application/json, */*"}),
    ),
)
