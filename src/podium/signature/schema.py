"""A signature as JSON Schema (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from podium.signature.fields import INTEGER_MAX, NUMBERS, TIMES, Field, Output, Signature
from podium.signature.reading import label_text, plain_text

Schema = dict[str, Any]
EXAMPLES_MAX = 3


def row_schema(signature: Signature) -> Schema:
    """The schema of one row: an object of field names and values."""
    return _row(
        signature,
        {
            field.name: field_schema(field) | _examples(signature, field)
            for field in signature.fields
        },
    )


def columns_schema(signature: Signature) -> Schema:
    """The schema of many rows as columns: an object of field names and arrays."""
    properties = {
        field.name: {"type": "array", "items": field_schema(field), "minItems": 1}
        for field in signature.fields
    }
    # An object without any column is one row, all of whose values are missing.
    return _row(signature, properties) | {"minProperties": 1}


def field_schema(field: Field) -> Schema:
    """The schema of one field's value."""
    schema: Schema = {"title": field.label}
    if field.type == "category":
        schema |= _category_schema(field)
    elif field.type in NUMBERS:
        schema |= _number_schema(field)
    else:
        schema["type"] = "boolean" if field.type == "boolean" else "string"
    if field.type == "text":
        schema["maxLength"] = field.max_length
    if field.type == "date":
        schema["format"] = "date"
    if field.type == "datetime":
        schema["format"] = "date-time"
    description = describe(field)
    schema |= {"description": description} if description else {}
    return schema if field.missing == "refuse" else _nullable(schema)


def describe(field: Field) -> str:
    """The field's help, unit and training range, in a sentence or two."""
    said = [field.description.strip()] if field.description else []
    unit = f" {field.unit}" if field.unit else ""
    low, high = field.seen.minimum, field.seen.maximum
    if low is not None and high is not None:
        said.append(f"Seen in training: {plain_text(low)} to {plain_text(high)}{unit}.")
    elif field.unit:
        said.append(f"In {field.unit}.")
    if field.type in TIMES:
        # JSON Schema has no bounds for dates: they are told in words.
        edges = zip(("Not before", "Not after"), _edges(field), strict=True)
        said += [f"{word} {bound}." for word, bound in edges if bound is not None]
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


def _row(signature: Signature, properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [field.name for field in signature.fields if field.missing == "refuse"]
    return schema | ({"required": required} if required else {})


def _examples(signature: Signature, field: Field) -> Schema:
    given = [row.get(field.name) for row in signature.examples]
    # By their texts, so that true doesn't pass for 1.
    different = {label_text(value): value for value in given if value is not None}
    return {"examples": list(different.values())[:EXAMPLES_MAX]} if different else {}


def _edges(field: Field) -> tuple[int | float | str | None, int | float | str | None]:
    """The least and the greatest value that isn't refused."""
    low, high = field.bounds.minimum, field.bounds.maximum
    if field.outside == "refuse":
        low = low if field.seen.minimum is None else field.seen.minimum
        high = high if field.seen.maximum is None else field.seen.maximum
    return low, high


def _number_schema(field: Field) -> Schema:
    low, high = _edges(field)
    if field.type == "float":
        schema: Schema = {"type": "number"}
    else:
        schema = {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX}
    schema |= {} if low is None else {"minimum": low}
    return schema | ({} if high is None else {"maximum": high})


def _category_schema(field: Field) -> Schema:
    if field.unknown == "refuse":
        return {"enum": list(field.labels)}
    return {"type": ["string", "number", "boolean"]}


def _nullable(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*kinds, "null"]}
