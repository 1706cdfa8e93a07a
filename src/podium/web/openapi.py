"""The OpenAPI document: every route of the API, concrete for each model."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from importlib import metadata
from typing import Any
from urllib.parse import urlencode

import msgspec

from podium.flow.deployment import Deployment
from podium.signature import Signature
from podium.signature.reading import label_text
from podium.signature.schema import (
    columns_schema,
    prediction_schema,
    probabilities_schema,
    row_schema,
)
from podium.web.http import Request, Response
from podium.web.site import Site

Schema = dict[str, Any]
_PROBLEM_MEDIA = "application/problem+json"
_FAILURES = {
    "400": "The body can't be read, or the address is odd.",
    "411": "The Content-Length is missing.",
    "413": "The body is too long, or holds too many rows.",
    "415": "The content type isn't read here.",
    "422": "Some values are not accepted; `cells` lists them.",
    "500": "The model failed.",
    "503": "The answer can't be recorded, or the server is busy: try again.",
}


def document(site: Site, request: Request) -> Response:
    """The document itself: `GET /openapi.json`."""
    return Response.json(describe(site, request.root_path))


def describe(site: Site, root_path: str) -> Schema:
    """The document as plain values."""
    paths: Schema = {
        "/api/models": {
            "get": _get("list_models", "List the models", "models", {"type": "object"})
        },
        "/livez": {"get": _get("livez", "Whether the server lives", "server", {"type": "object"})},
        "/readyz": {"get": _ready()},
    }
    schemas: Schema = {"Problem": _problem_schema(), "Warning": _warning_schema()}
    for deployment in site.deployments.values():
        name, key = deployment.name, _key(deployment.name)
        paths[f"/api/models/{name}"] = {
            "get": _get(f"get_{key}", f"Describe {name}", name, {"type": "object"})
        }
        paths[f"/api/models/{name}/predict"] = {"post": _predict(deployment, key)}
        schemas |= _schemas(deployment, key)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": site.settings.title,
            "version": metadata.version("podium"),
            "description": "Predictions of the models that are served here.",
        },
        "servers": [{"url": root_path or "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def examples_of(signature: Signature) -> Schema:
    """One example body a content type, as texts and plain values."""
    rows = list(signature.examples) or [dict.fromkeys(signature.names)]
    return {
        "application/json": {
            "row": rows[0],
            "rows": rows[:2],
            "columns": {name: [row[name] for row in rows[:2]] for name in signature.names},
        },
        "text/csv": _csv(signature, rows[:2]),
        "application/x-ndjson": "".join(
            msgspec.json.encode(row).decode() + "\n" for row in rows[:2]
        ),
        "application/x-www-form-urlencoded": urlencode(
            {name: _text(value) for name, value in rows[0].items()}
        ),
    }


def _predict(deployment: Deployment, key: str) -> Schema:
    examples = examples_of(deployment.signature)
    rows = examples["application/json"]
    content: Schema = {
        "application/json": {
            "schema": {
                "oneOf": [
                    _ref(f"{key}_row"),
                    {"type": "array", "items": _ref(f"{key}_row"), "minItems": 1},
                    _ref(f"{key}_columns"),
                ]
            },
            "examples": {
                "row": {"summary": "One row", "value": rows["row"]},
                "rows": {"summary": "Several rows", "value": rows["rows"]},
                "columns": {"summary": "Columns", "value": rows["columns"]},
            },
        }
    }
    for media in ("text/csv", "application/x-ndjson"):
        content[media] = {"schema": {"type": "string"}, "example": examples[media]}
    content["application/x-www-form-urlencoded"] = {"schema": {"type": "object"}}
    title = deployment.card.title or deployment.name
    return {
        "operationId": f"predict_{key}",
        "summary": f"Predict: {title}",
        "description": deployment.card.description,
        "tags": [deployment.name],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {
                "description": "One answer for one row, many for many.",
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [_ref(f"{key}_answer"), _ref(f"{key}_answers")]}
                    },
                    "text/csv": {"schema": {"type": "string"}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                },
            },
            **_failures(),
        },
    }


def _schemas(deployment: Deployment, key: str) -> Schema:
    signature = deployment.signature
    named = {"model": {"const": deployment.name}, "version": {"type": "string"}}
    one: Schema = {
        "prediction": prediction_schema(signature),
        "id": {"type": "string", "description": "Of the record; absent when none is kept."},
        **named,
        "warnings": {"type": "array", "items": _ref("Warning")},
    }
    many: Schema = {
        "predictions": {"type": "array", "items": prediction_schema(signature)},
        "ids": {"type": "array", "items": {"type": "string"}},
        **named,
        "warnings": {"type": "array", "items": _ref("Warning")},
    }
    if signature.output.has_probabilities:
        one["probabilities"] = probabilities_schema(signature.output)
        many["probabilities"] = {"type": "array", "items": one["probabilities"]}
    return {
        f"{key}_row": row_schema(signature),
        f"{key}_columns": columns_schema(signature),
        f"{key}_answer": _object(one, [name for name in one if name != "id"]),
        f"{key}_answers": _object(many, [name for name in many if name != "ids"]),
    }


def _get(operation: str, summary: str, tag: str, schema: Schema) -> Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
            **_failures(("400",)),
        },
    }


def _ready() -> Schema:
    ready = _get("readyz", "Whether every model is loaded", "server", {"type": "object"})
    ready["responses"]["503"] = {
        "description": "Some models aren't loaded yet.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return ready


def _failures(codes: Sequence[str] = tuple(_FAILURES)) -> Schema:
    content = {_PROBLEM_MEDIA: {"schema": _ref("Problem")}}
    return {code: {"description": _FAILURES[code], "content": content} for code in codes}


def _problem_schema() -> Schema:
    text = {"type": "string"}
    cell = {
        "problem": text,
        "accepted": text,
        "row": {"type": "integer", "minimum": 0},
        "field": text,
        "value": text,
        "code": text,
    }
    properties: Schema = {
        "type": text,
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "code": text,
        "hint": text,
        "cells": {"type": "array", "items": _object(cell, ["problem"])},
        "n_cells": {"type": "integer"},
    }
    return _object(properties, ["type", "title", "status", "detail", "code"])


def _warning_schema() -> Schema:
    text = {"type": "string"}
    row = {"type": "integer", "minimum": 0, "description": "Absent where one row was sent."}
    return _object({"row": row, "field": text, "message": text, "code": text}, ["field", "message"])


def _object(properties: Schema, required: Sequence[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _key(name: str) -> str:
    """A model's name as part of identifiers; different names stay different."""
    return "".join(c if c.isalnum() else f"_{ord(c):x}_" if c != "_" else "_" for c in name)


def _csv(signature: Signature, rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(signature.names)
    writer.writerows([_text(row[name]) for name in signature.names] for row in rows)
    return text.getvalue()


def _text(value: Any) -> str:
    return "" if value is None else label_text(value)
