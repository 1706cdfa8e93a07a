"""The OpenAPI document of the Open Inference Protocol v2, written after its specification.

The published files can't be used to make requests: in MLServer's a type is called `bytes`, and in KServe's
the parameters' names don't match the paths.

Source: "Open Inference Protocol", REST; and of Triton's extensions what has a path here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
PARAMETERS: Schema = {"type": "object"}


def document(models: Sequence[str], fields: dict[str, Sequence[str]]) -> Schema:
    """The document of a server with these models; requests are as free as the protocol leaves them.

    Args:
        fields: the names of the numbers that a model takes: its path has requests that fit it.
    """
    parameters = [in_path("name", {"enum": [*models, "no such model"]})]
    both = [*parameters, in_path("version", TEXT)]
    model, repository = "/v2/models/{name}", "/v2/repository/models/{name}"
    paths: Schema = {
        "/v2": get(),
        "/v2/health/live": get(),
        "/v2/health/ready": get(),
        "/v2/models/stats": get(),
        "/v2/repository/index": post({"type": "object", "properties": {"ready": _BOOLEAN}}),
        f"{model}/infer": post(_REQUEST, parameters),
        f"{model}/versions/{{version}}/infer": post(_REQUEST, both),
        f"{repository}/load": post({"type": "object"}, parameters),
        f"{repository}/unload": post({"type": "object"}, parameters),
    }
    for end in ("", "/ready", "/config", "/stats"):
        paths[f"{model}{end}"] = get(parameters)
        paths[f"{model}/versions/{{version}}{end}"] = get(both)
    for name, names in fields.items():
        paths[f"/v2/models/{name}/infer"] = post(_fitting(names))
    return {
        "openapi": "3.0.3",
        "info": {"title": "Open Inference Protocol", "version": "2"},
        "paths": paths,
        "components": {"schemas": {"data": _DATA}},
    }


def in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **schema}}


def get(parameters: Sequence[Schema] = ()) -> Schema:
    return {"get": {"parameters": parameters, "responses": {"200": {"description": "OK"}}}}


def post(schema: Schema, parameters: Sequence[Schema] = (), **texts: str) -> Schema:
    """An operation with a body of JSON, or of a text, by its content type."""
    content = {"application/json": {"schema": schema}}
    content |= {media: {"schema": TEXT} for media in texts.values()}
    body = {"required": True, "content": content}
    operation = get(parameters)["get"] | {"requestBody": body}
    return {"post": operation}


def object_of(required: Schema, optional: Schema) -> Schema:
    properties = required | optional
    return {"type": "object", "required": [*required], "properties": properties}


def list_of(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


_BOOLEAN: Schema = {"type": "boolean"}
# Flat, or nested as deeply as one likes.
_DATA: Schema = list_of(
    {"anyOf": [{"$ref": "#/components/schemas/data"}, {"type": "number"}, TEXT, _BOOLEAN]}
)
_INPUT = object_of(
    {
        "name": TEXT,
        "shape": list_of({"type": "integer"}),
        "datatype": TEXT,
        "data": {"$ref": "#/components/schemas/data"},
    },
    {"parameters": PARAMETERS},
)
_REQUEST = object_of(
    {"inputs": list_of(_INPUT)},
    {
        "id": TEXT,
        "parameters": PARAMETERS,
        "outputs": list_of(object_of({"name": TEXT}, {"parameters": PARAMETERS})),
    },
)


def _fitting(names: Sequence[str]) -> Schema:
    """Requests with one row, in one tensor."""
    n_fields = len(names)
    shape = {"type": "array", "enum": [[1, n_fields]]}
    numbers = list_of(
        {"type": "number", "minimum": 1, "maximum": 6}, minItems=n_fields, maxItems=n_fields
    )
    datatypes = {"type": "string", "enum": ["FP64", "FP32"]}
    whole = object_of({"name": TEXT, "shape": shape, "datatype": datatypes, "data": numbers}, {})
    whole["additionalProperties"] = False
    inputs = list_of(whole, minItems=1, maxItems=1)
    return object_of({"inputs": inputs}, {"id": TEXT}) | {"additionalProperties": False}
