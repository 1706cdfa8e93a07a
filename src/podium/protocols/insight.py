"""The OpenAPI description of what explains a model: what if."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.flow.version import LoadedVersion
from podium.protocols.schemas import TEXT, object_schema, ref
from podium.signature.schema import Schema, prediction_schemas

# Creates an operation: its id, summary, tag, the schema of its response, and its failures.
Get = Callable[[str, str, str, str, dict[str, str]], Schema]
_ASKED = {
    "400": "The body can't be read, or the model has no curves.",
    "422": "Some values are not accepted, or the field has no curve: `cells` lists them.",
    "500": "The model failed.",
    "503": "The model can't be loaded, or the server is busy.",
}


def insight_paths(
    version: LoadedVersion, key: str, failures: dict[str, str], get: Get
) -> dict[str, Schema]:
    """The operations that explain a model, by path.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
    """
    name = version.name
    what_if = get(
        f"what_if_{key}",
        f"How the prediction of {name} depends on one field",
        name,
        f"{key}_what_if",
        _ASKED | failures,
    )
    asked = {"schema": ref(f"{key}_question"), **_example(version)}
    body = {"required": True, "content": {"application/json": asked}}
    return {f"/api/models/{name}/whatif": {"post": what_if | {"requestBody": body}}}


def insight_schemas(version: LoadedVersion, key: str) -> dict[str, Schema]:
    """Their schemas, by name."""
    outputs = prediction_schemas(version.signature)
    names: Schema = {"enum": list(version.signature.names)} if version.signature.names else {}
    point = object_schema({"value": {"description": "Of the field."}, **outputs})
    answer: dict[str, Any] = {"model": TEXT, "version": TEXT, "field": TEXT, "value": {}}
    answer |= outputs
    answer["warnings"] = {"type": "array", "items": ref("Warning")}
    answer["curve"] = {
        "type": "array",
        "items": point,
        "description": "The predictions for the values of the field, the rest of the row unchanged.",
    }
    return {
        f"{key}_question": object_schema({"row": ref(f"{key}_row"), "field": TEXT | names}),
        f"{key}_what_if": object_schema(answer),
    }


def _example(version: LoadedVersion) -> Schema:
    signature = version.signature
    if not signature.examples or not signature.fields:
        return {}
    return {"example": {"row": signature.examples[0], "field": signature.names[0]}}
