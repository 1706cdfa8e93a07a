"""The JSON that the API answers, as JSON Schema: answers, descriptions of models, problems."""

from __future__ import annotations

from collections.abc import Sequence

from podium.flow.deployment import Deployment
from podium.signature import Signature
from podium.signature.schema import (
    Schema,
    columns_schema,
    prediction_schema,
    probabilities_schema,
    row_schema,
)

TEXT: Schema = {"type": "string"}


def shared_schemas() -> dict[str, Schema]:
    """The schemas that are the same for every model, by name."""
    return {
        "Problem": _problem(),
        "BadCell": _bad_cell(),
        "Warning": _warning(),
        "Model": _summary(),
        "ModelDetails": _details(),
        "Models": object_schema({"models": {"type": "array", "items": ref("Model")}}),
        "Alive": object_schema({"status": {"const": "alive"}}),
        "Readiness": _readiness(),
    }


def model_schemas(deployment: Deployment, key: str) -> dict[str, Schema]:
    """The schemas of one model's rows and answers, by name.

    Args:
        key: what their names begin with.
    """
    signature = deployment.signature
    return {
        f"{key}_row": row_schema(signature),
        f"{key}_columns": columns_schema(signature),
        f"{key}_form": form_schema(signature),
        f"{key}_answer": _answer(deployment),
        f"{key}_answers": _answers(deployment),
    }


def form_schema(signature: Signature) -> Schema:
    """The schema of one row as a form sends it: a missing value is an empty text, or left out."""
    schema = row_schema(signature)
    properties = {name: _sent(one) for name, one in schema["properties"].items()}
    return schema | {"properties": properties}


def object_schema(properties: dict[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """The schema of an object that has all these properties but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _sent(schema: Schema) -> Schema:
    """A field's schema without null, which a form can't send."""
    if "enum" in schema:
        return schema | {"enum": [label for label in schema["enum"] if label is not None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kinds = [kind for kind in kinds if kind != "null"]
    return schema | {"type": kinds[0] if len(kinds) == 1 else kinds}


def _answer(deployment: Deployment) -> Schema:
    signature = deployment.signature
    properties: dict[str, Schema] = {"prediction": prediction_schema(signature)}
    if signature.output.has_probabilities:
        properties["probabilities"] = probabilities_schema(signature.output)
    properties["id"] = TEXT | {"description": "Of the record; absent where none is kept."}
    properties |= _origin(deployment)
    return object_schema(properties, optional=["id"])


def _answers(deployment: Deployment) -> Schema:
    signature = deployment.signature
    properties: dict[str, Schema] = {"predictions": _list(prediction_schema(signature))}
    if signature.output.has_probabilities:
        properties["probabilities"] = _list(probabilities_schema(signature.output))
    properties["ids"] = _list(TEXT) | {"description": "Of the records; absent where none is kept."}
    properties |= _origin(deployment)
    return object_schema(properties, optional=["ids"])


def _origin(deployment: Deployment) -> dict[str, Schema]:
    """Which model answered, and what it wants to be known."""
    return {
        "model": TEXT | {"const": deployment.name},
        "version": TEXT,
        "warnings": _list(ref("Warning")),
    }


def _warning() -> Schema:
    row = {"type": "integer", "minimum": 0, "description": "Absent where one row was sent."}
    return object_schema(
        {"row": row, "field": TEXT, "message": TEXT, "code": TEXT}, optional=["row"]
    )


def _problem() -> Schema:
    number = {"type": "integer"}
    properties: dict[str, Schema] = {
        "type": TEXT | {"examples": ["urn:podium:invalid_rows"]},
        "title": TEXT,
        "status": number,
        "detail": TEXT,
        "code": TEXT | {"description": "For programs; it stays.", "examples": ["invalid_rows"]},
        "instance": TEXT | {"description": "Of a fault: the log tells more under this name."},
        "hint": TEXT | {"description": "What to do."},
        "cells": _list(ref("BadCell")) | {"description": "The values that aren't accepted."},
        "n_cells": number | {"description": "How many there are, listed or not."},
    }
    return object_schema(properties, optional=["instance", "hint", "cells", "n_cells"])


def _bad_cell() -> Schema:
    row = {"type": "integer", "minimum": 0, "description": "From 0; absent where one was sent."}
    properties: dict[str, Schema] = {
        "problem": TEXT,
        "accepted": TEXT | {"description": "What would be accepted."},
        "row": row,
        "field": TEXT,
        "value": TEXT | {"description": "As it came, shortened."},
        "code": TEXT,
    }
    return object_schema(properties, optional=[name for name in properties if name != "problem"])


def _summary() -> Schema:
    return object_schema(
        {
            "name": TEXT,
            "version": TEXT,
            "title": TEXT,
            "description": TEXT,
            "task": TEXT,
            "target": _list(TEXT),
            "metrics": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
            "links": {"type": "object", "additionalProperties": TEXT},
        }
    )


def _details() -> Schema:
    anything = {"type": "object"}
    own = object_schema(
        {
            "card": anything,
            "signature": object_schema({"fields": _list(anything), "outputs": _list(anything)}),
            "input_schema": anything | {"description": "One row, as JSON Schema."},
            "output_schema": anything | {"description": "The answer to it, as JSON Schema."},
            "examples": _list(anything),
        }
    )
    summary = _summary()
    return {
        "type": "object",
        "properties": summary["properties"] | own["properties"],
        "required": summary["required"] + own["required"],
    }


def _readiness() -> Schema:
    loaded = {"type": "object", "additionalProperties": {"type": "boolean"}}
    return object_schema({"status": TEXT | {"enum": ["ready", "loading"]}, "models": loaded})


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}
