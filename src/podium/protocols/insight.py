"""The OpenAPI description of what explains a model: what if, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.flow.version import LoadedVersion
from podium.protocols.importance import importance_schemas
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
_EXPLAINED = {
    "400": "The body can't be read, or the model can't be explained.",
    "422": "Some values are not accepted: `cells` lists them.",
    "429": "The actor had too many explanations: try again after Retry-After.",
    "500": "The model failed.",
    "503": "The model can't be loaded, or too many explanations wait.",
    "504": "The explanation takes too long.",
}


def explanation_path(record_id: Schema, failures: dict[str, str], get: Get) -> Schema:
    """The operation that explains a record.

    Args:
        record_id: its parameter.
        failures: those of every operation.
    """
    known = _EXPLAINED | failures | {"404": "There is no such record, or its version is gone."}
    operation = get(
        "explain_record", "Why a prediction is as it is", "all models", "Explanation", known
    )
    return operation | {"parameters": [record_id]}


def model_paths(
    version: LoadedVersion, key: str, failures: dict[str, str], get: Get, *, explains: bool
) -> dict[str, Schema]:
    """The operations that explain a model, by path.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
        explains: whether the actor may see explanations.
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
    known = {"404": "It wasn't measured what matters to the model."} | failures
    matters = get(f"importance_{key}", f"What matters to {name}", name, "Importance", known)
    paths = {
        f"/api/models/{name}/whatif": {"post": what_if | {"requestBody": body}},
        f"/api/models/{name}/importance": {"get": matters},
    }
    if explains:
        why = get(
            f"explain_{key}",
            f"Why {name} predicts what it does",
            name,
            "Explanation",
            _EXPLAINED | failures,
        )
        example = {"row": version.signature.examples[0]} if version.signature.examples else None
        content: Schema = {"schema": ref(f"{key}_to_explain")}
        content |= {} if example is None else {"example": example}
        sent = {"required": True, "content": {"application/json": content}}
        paths[f"/api/models/{name}/explain"] = {"post": why | {"requestBody": sent}}
    return paths


def shared_schemas() -> dict[str, Schema]:
    """The schemas that are the same for every model, by name."""
    number: Schema = {"type": "number"}
    by_field: Schema = {"type": "object", "additionalProperties": number}
    count: Schema = {"type": "integer", "minimum": 1}
    links = ["probability", "log-odds", "log", "identity"]
    return importance_schemas() | {
        "Explanation": object_schema(
            {
                "id": TEXT,
                "model": TEXT,
                "version": TEXT,
                "output": TEXT,
                "label": {"type": ["string", "number", "boolean", "null"]},
                "base": number
                | {"description": "The mean of the explained number over the background rows."},
                "value": number | {"description": "The explained number for this row."},
                "contributions": by_field
                | {"description": "Of each field: with the base they add up to the value."},
                "standard_errors": {"anyOf": [by_field, {"type": "null"}]},
                "link": {"enum": links, "description": "What the number is."},
                "method": TEXT | {"description": "All but `sampling` are exact."},
                "n_background": count,
            },
            optional=["id"],
        )
    }


def model_schemas(version: LoadedVersion, key: str) -> dict[str, Schema]:
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
        f"{key}_to_explain": object_schema(
            {"row": ref(f"{key}_row"), "output": TEXT, "label": {}}, optional=["output", "label"]
        ),
    }


def _example(version: LoadedVersion) -> Schema:
    signature = version.signature
    if not signature.examples or not signature.fields:
        return {}
    return {"example": {"row": signature.examples[0], "field": signature.names[0]}}
