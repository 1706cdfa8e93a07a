"""A signature as JSON Schema (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from podium.signature.fields import Field, Output, Signature
from podium.signature.reading import label_text

Schema = dict[str, Any]
_JSON_TYPES = {
    "float": "number",
    "integer": "integer",
    "boolean": "boolean",
    "text": "string",
    "date": "string",
    "datetime": "string",
}


def row_schema(signature: Signature) -> Schema:
    """The schema of one row: an object of field names and values."""
    schema: Schema = {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in signature.fields},
        "additionalProperties": False,
    }
    required = [field.name for field in signature.fields if field.missing == "refuse"]
    return schema | ({"required": required} if required else {})


def columns_schema(signature: Signature) -> Schema:
    """The schema of many rows as columns: an object of field names and arrays."""
    arrays = {f.name: {"type": "array", "items": field_schema(f)} for f in signature.fields}
    schema: Schema = {"type": "object", "properties": arrays, "additionalProperties": False}
    required = [field.name for field in signature.fields if field.missing == "refuse"]
    return schema | ({"required": required} if required else {})


def field_schema(field: Field) -> Schema:
    """The schema of one field's value."""
    schema: Schema = {"title": field.label}
    if field.type == "category":
        schema |= _category_schema(field)
    else:
        schema["type"] = _JSON_TYPES[field.type]
    if field.type in ("float", "integer"):
        low, high = field.bounds.minimum, field.bounds.maximum
        schema |= {} if low is None else {"minimum": low}
        schema |= {} if high is None else {"maximum": high}
    if field.type == "text":
        schema["maxLength"] = field.max_length
    if field.type == "date":
        schema["format"] = "date"
    if field.type == "datetime":
        schema["format"] = "date-time"
    description = describe(field)
    schema |= {"description": description} if description else {}
    if field.missing != "refuse":
        schema = _nullable(schema)
    return schema


def describe(field: Field) -> str:
    """The field's help, unit and training range, in a sentence or two."""
    said = [field.description.strip()] if field.description else []
    unit = f" {field.unit}" if field.unit else ""
    low, high = field.seen.minimum, field.seen.maximum
    if low is not None and high is not None:
        said.append(f"Seen in training: {low} to {high}{unit}.")
    elif field.unit:
        said.append(f"In {field.unit}.")
    return " ".join(said)


def output_schema(signature: Signature) -> Schema:
    """The schema of the answer to one row."""
    properties: Schema = {"prediction": prediction_schema(signature)}
    if signature.output.has_probabilities and len(signature.outputs) == 1:
        properties["probabilities"] = probabilities_schema(signature.output)
    return {"type": "object", "properties": properties, "required": list(properties)}


def prediction_schema(signature: Signature) -> Schema:
    """The schema of one prediction: an object by output where there are several."""
    if len(signature.outputs) == 1:
        return _one_output(signature.output)
    properties = {output.name: _one_output(output) for output in signature.outputs}
    return {"type": "object", "properties": properties, "required": list(properties)}


def probabilities_schema(output: Output) -> Schema:
    """The schema of one probability a class."""
    share = {"type": "number", "minimum": 0, "maximum": 1}
    labels = [label_text(label) for label in output.classes]
    return {"type": "object", "properties": dict.fromkeys(labels, share), "required": labels}


def _one_output(output: Output) -> Schema:
    title: Schema = {"title": output.label}
    if output.description:
        title["description"] = output.description
    if output.task == "classification" and output.classes:
        return title | {"enum": list(output.classes)}
    if output.task == "value":
        return title
    if output.task == "regression":
        unit = {"description": f"In {output.unit}."} if output.unit else {}
        return unit | title | {"type": "number"}
    return title | {"type": ["integer", "number", "string"]}


def _category_schema(field: Field) -> Schema:
    labels = list(field.labels)
    if field.unknown == "refuse":
        return {"enum": labels}
    kinds = sorted({_json_type(label) for label in labels}) or ["string"]
    return {"type": kinds if len(kinds) > 1 else kinds[0], "examples": labels[:5]}


def _json_type(label: object) -> str:
    if isinstance(label, bool):
        return "boolean"
    return "string" if isinstance(label, str) else "number"


def _nullable(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*kinds, "null"]}
