"""The API: models, predictions, and whether the server is well."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.flow.deployment import Deployment
from podium.flow.predict import Ask, Reply, reply_now
from podium.records.outboxed import OutboxedStore
from podium.signature.schema import output_schema, row_schema
from podium.web.examples import example_rows
from podium.web.http import Request, Response
from podium.web.site import Site


def predict(site: Site, request: Request, name: str) -> Response:
    """Answer rows: `POST /api/models/{name}/predict`."""
    return answered(reply_now(site.deployment(name, request.actor), ask_of(request)))


def ask_of(request: Request) -> Ask:
    """A request to the API as a request for predictions."""
    headers = request.headers
    return Ask(
        request.body,
        request.media,
        headers.get("accept", ""),
        source="api",
        actor=request.actor.name or None,
        key=headers.get("idempotency-key", ""),
    )


def answered(reply: Reply) -> Response:
    """An answer as a response."""
    headers = {"idempotency-replayed": "true"} if reply.is_repeated else {}
    return Response(reply.body, 200, reply.media, headers)


def models(site: Site, request: Request) -> Response:
    """What models there are: `GET /api/models`."""
    visible = site.visible(request.actor).values()
    return Response.json({"models": [_summary(request, one) for one in visible]})


def model(site: Site, request: Request, name: str) -> Response:
    """All that is known of a model: `GET /api/models/{name}`."""
    deployment = site.deployment(name, request.actor)
    signature = deployment.signature
    value = _summary(request, deployment) | {
        "card": msgspec.to_builtins(deployment.card),
        "signature": {
            "fields": msgspec.to_builtins(signature.fields),
            "outputs": msgspec.to_builtins(signature.outputs),
        },
        "input_schema": row_schema(signature),
        "output_schema": output_schema(signature),
        "examples": example_rows(signature),
    }
    return Response.json(value)


def livez(site: Site, request: Request) -> Response:  # noqa: ARG001 - as every view
    """Whether the process answers: `GET /livez`."""
    return Response.json({"status": "alive"})


def readyz(site: Site, request: Request) -> Response:
    """Whether every model is loaded and records are kept: `GET /readyz`, 503 while not."""
    # Names are for those who may see the models: a public probe need not know them.
    visible = site.visible(request.actor)
    models = {name: one.bundle.is_started for name, one in visible.items()}
    is_loaded = site.is_ready()
    records = _records_state(site, is_loaded=is_loaded)
    status = "loading" if not is_loaded else "failing" if records == "failing" else "ready"
    response = Response.json({"status": status, "models": models, "records": records})
    if status != "ready":
        response.status = 503
        response.headers["retry-after"] = "1"
    return response


def _records_state(site: Site, *, is_loaded: bool) -> str:
    """How records are kept; what the matter is stands in the log, where no caller reads it."""
    store = site.store
    if store is None:
        return "off"
    if not isinstance(store, OutboxedStore) or not is_loaded:
        return "kept"
    if store.outbox.probe() is not None:
        return "failing"
    return "waiting for the store" if store.shipping.is_alarmed else "kept"


def _summary(request: Request, deployment: Deployment) -> dict[str, Any]:
    card = deployment.card
    return {
        "name": deployment.name,
        "version": deployment.version,
        "title": card.title,
        "description": card.description,
        "task": deployment.signature.output.task,
        "target": [output.name for output in deployment.signature.outputs],
        "metrics": {metric.name: metric.value for metric in card.metrics},
        "links": _links(request, deployment),
    }


def _links(request: Request, deployment: Deployment) -> dict[str, str]:
    name = deployment.name
    links = {
        "self": request.url(f"/api/models/{name}"),
        "predict": request.url(f"/api/models/{name}/predict"),
        "form": request.url(f"/models/{name}"),
        "docs": request.url(f"/docs#{name}"),
        "openapi": request.url("/openapi.json"),
    }
    if deployment.store is not None:
        links["records"] = request.url(f"/models/{name}/records")
    return links
