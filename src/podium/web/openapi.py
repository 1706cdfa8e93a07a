"""The OpenAPI document: every route of the API, concrete for each model."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from podium.access import ANYONE, Actor
from podium.flow.decode import CSV, FORM, JSON, LINES
from podium.flow.deployment import Deployment
from podium.signature.schema import Schema
from podium.web.examples import form_fields, json_bodies, text_bodies
from podium.web.http import Request, Response
from podium.web.problems import MEDIA
from podium.web.schemas import TEXT, model_schemas, ref, shared_schemas
from podium.web.site import Site

_PREDICT_FAILURES = {
    "400": "The body can't be read, or the request is odd.",
    "411": "The Content-Length is missing.",
    "413": "The body is too long, or holds too many rows.",
    "415": "The content type isn't read here.",
    "422": "Some values are not accepted: `cells` lists them.",
    "500": "The model failed.",
    "503": "The answer can't be recorded, or the server is busy: try again.",
}
# With a space, which no model's name has.
_ALL, _SERVER = "all models", "the server"
_RETRY = {"Retry-After": {"description": "After how many seconds.", "schema": {"type": "integer"}}}
_ANSWER = "One answer for one row, many for many; written as the rows were, unless Accept says."


def document(site: Site, request: Request) -> Response:
    """The document itself: `GET /openapi.json`."""
    key = ("openapi", request.root_path)
    basis = (tuple(site.visible(request.actor).values()), request.actor)
    body = site.kept_pages.get(key, basis)
    if body is None:
        body = msgspec.json.encode(describe(site, request.root_path, request.actor))
        site.kept_pages.put(key, basis, body)
    return Response(body, 200, JSON)


def describe(site: Site, root_path: str = "", actor: Actor = ANYONE) -> Schema:
    """The document as plain values.

    Args:
        root_path: the prefix that Podium is mounted under.
        actor: whose models are described: those that they may see.
    """
    from importlib import metadata  # 10 ms that a start doesn't need

    visible = site.visible(actor)
    paths: Schema = {
        "/api/models": {"get": _get("list_models", "List the models", _ALL, "Models")},
        "/livez": {"get": _get("livez", "Whether the server lives", _SERVER, "Alive")},
        "/readyz": {"get": _readyz()},
    }
    schemas = shared_schemas()
    keys = keys_of(visible)
    for name, deployment in visible.items():
        key = keys[name]
        paths[f"/api/models/{name}"] = {
            "get": _get(f"get_{key}", f"Describe {name}", name, "ModelDetails")
        }
        paths[f"/api/models/{name}/predict"] = {"post": _predict(deployment, key)}
        schemas |= model_schemas(deployment, key)
    tags = [{"name": one.name, "description": _title(one)} for one in visible.values()]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": site.settings.title,
            "version": metadata.version("podium"),
            "description": "Predictions of the models that are served here.",
        },
        "servers": [{"url": root_path or "/"}],
        "tags": [
            *tags,
            {"name": _ALL, "description": "What models there are"},
            {"name": _SERVER, "description": "How the server is"},
        ],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def keys_of(names: Iterable[str]) -> dict[str, str]:
    """Each model's name as a part of identifiers; different names stay different."""
    keys: dict[str, str] = {}
    for name in names:
        key = stem = re.sub(r"\W", "_", name, flags=re.ASCII)
        n = 2
        while key in keys.values():
            key = f"{stem}_{n}"
            n += 1
        keys[name] = key
    return keys


def _predict(deployment: Deployment, key: str) -> Schema:
    return {
        "operationId": f"predict_{key}",
        "summary": f"Predict: {_title(deployment)}",
        "description": deployment.card.description,
        "tags": [deployment.name],
        "requestBody": {"required": True, "content": _bodies(deployment, key)},
        "responses": {
            "200": {
                "description": _ANSWER,
                "content": {
                    JSON: {"schema": {"oneOf": [ref(f"{key}_answer"), ref(f"{key}_answers")]}},
                    CSV: {"schema": TEXT},
                    LINES: {"schema": TEXT},
                },
            },
            **_failures(_PREDICT_FAILURES),
        },
    }


def _bodies(deployment: Deployment, key: str) -> Schema:
    """What may be sent, by content type, each with examples."""
    signature = deployment.signature
    values, texts = json_bodies(signature), text_bodies(signature)
    one, many = ref(f"{key}_row"), ref(f"{key}_columns")
    rows = {
        "type": "array",
        "items": one,
        "minItems": 1,
        "maxItems": deployment.limits.rows_max,
    }
    summaries = {"row": "One row", "rows": "Several rows", "columns": "Several rows, as columns"}
    return {
        JSON: {
            "schema": {"oneOf": [one, rows, many]},
            "examples": {
                name: {"summary": summary, "value": values[name]}
                for name, summary in summaries.items()
            },
        },
        CSV: {"schema": TEXT | {"minLength": 1}, "example": texts[CSV]},
        LINES: {"schema": TEXT | {"minLength": 1}, "example": texts[LINES]},
        FORM: {"schema": ref(f"{key}_form"), "example": form_fields(signature)},
    }


def _get(operation: str, summary: str, tag: str, schema: str) -> Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [tag],
        "responses": {"200": _json("As asked.", schema), **_failures()},
    }


def _readyz() -> Schema:
    operation = _get("readyz", "Whether every model is loaded", _SERVER, "Readiness")
    loading = _json("Some models aren't loaded yet.", "Readiness")
    operation["responses"]["503"] = loading | {"headers": _RETRY}
    return operation


def _json(description: str, schema: str) -> Schema:
    return {"description": description, "content": {JSON: {"schema": ref(schema)}}}


def _failures(known: dict[str, str] | None = None) -> Schema:
    """Every answer that isn't 200 is a problem, whatever the status."""
    content = {MEDIA: {"schema": ref("Problem")}}
    told = (known or {}) | {"default": "Any other problem."}
    return {
        status: {"description": description, "content": content}
        | ({"headers": _RETRY} if status == "503" else {})
        for status, description in told.items()
    }


def _title(deployment: Deployment) -> str:
    return deployment.card.title or deployment.name
