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
    parameters = [_in_path("name", {"enum": [*models, "no such model"]})]
    both = [*parameters, _in_path("version", TEXT)]
    model, repository = "/v2/models/{name}", "/v2/repository/models/{name}"
    paths: Schema = {
        "/v2": _get(),
        "/v2/health/live": _get(),
        "/v2/health/ready": _get(),
        "/v2/models/stats": _get(),
        "/v2/repository/index": _post({"type": "object", "properties": {"ready": _BOOLEAN}}),
        f"{model}/infer": _post(_REQUEST, parameters),
        f"{model}/versions/{{version}}/infer": _post(_REQUEST, both),
        f"{repository}/load": _post({"type": "object"}, parameters),
        f"{repository}/unload": _post({"type": "object"}, parameters),
    }
    for end in ("", "/ready", "/config", "/stats"):
        paths[f"{model}{end}"] = _get(parameters)
        paths[f"{model}/versions/{{version}}{end}"] = _get(both)
    for name, names in fields.items():
        paths[f"/v2/models/{name}/infer"] = _post(_fitting(names))
    return {
        "openapi": "3.0.3",
        "info": {"title": "Open Inference Protocol", "version": "2"},
        "paths": paths,
        "components": {"schemas": {"data": _DATA}},
    }


def _in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **schema}}


def _get(parameters: Sequence[Schema] = ()) -> Schema:
    return {"get": {"parameters": parameters, "responses": {"200": {"description": "OK"}}}}


def _post(schema: Schema, parameters: Sequence[Schema] = ()) -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation = _get(parameters)["get"] | {"requestBody": body}
    return {"post": operation}


def _object(required: Schema, optional: Schema) -> Schema:
    properties = required | optional
    return {"type": "object", "required": [*required], "properties": properties}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


_BOOLEAN: Schema = {"type": "boolean"}
# Flat, or nested as deeply as one likes.
_DATA: Schema = _list(
    {"anyOf": [{"$ref": "#/components/schemas/data"}, {"type": "number"}, TEXT, _BOOLEAN]}
)
_INPUT = _object(
    {
        "name": TEXT,
        "shape": _list({"type": "integer"}),
        "datatype": TEXT,
        "data": {"$ref": "#/components/schemas/data"},
    },
    {"parameters": PARAMETERS},
)
_REQUEST = _object(
    {"inputs": _list(_INPUT)},
    {
        "id": TEXT,
        "parameters": PARAMETERS,
        "outputs": _list(_object({"name": TEXT}, {"parameters": PARAMETERS})),
    },
)


def _fitting(names: Sequence[str]) -> Schema:
    """Requests with one row, in one tensor."""
    n_fields = len(names)
    shape = {"type": "array", "enum": [[1, n_fields]]}
    numbers = _list(
        {"type": "number", "minimum": 1, "maximum": 6}, minItems=n_fields, maxItems=n_fields
    )
    datatypes = {"type": "string", "enum": ["FP64", "FP32"]}
    whole = _object({"name": TEXT, "shape": shape, "datatype": datatypes, "data": numbers}, {})
    whole["additionalProperties"] = False
    inputs = _list(whole, minItems=1, maxItems=1)
    return _object({"inputs": inputs}, {"id": TEXT}) | {"additionalProperties": False}
