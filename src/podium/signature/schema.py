"""A signature as JSON Schema (draft 2020-12)."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.signature.accepted import labels_text
from podium.signature.fields import (
    NUMBERS,
    TIMES,
    Field,
    Output,
    ScoreKind,
    Signature,
    Threshold,
)
from podium.signature.labels import INTEGER_MAX, label_text, plain_text

Schema = dict[str, Any]
EXAMPLES_MAX = 3
_SCORES: dict[ScoreKind, str] = {
    "decision_function": "The decision function: outliers are below 0.",
    "distance": "The distance to the centre of the row's cluster.",
    "log_likelihood": "The natural logarithm of the row's likelihood.",
}
_NO_NUL = "^[^\\u0000]*$"


def row_schema(signature: Signature) -> Schema:
    """The schema of one row: an object of field names and values."""
    return _row(
        signature,
        {
            field.name: field_schema(field) | _examples(signature, field)
            for field in signature.fields
        },
    )


def columns_schema(signature: Signature, rows_max: int | None = None) -> Schema:
    """The schema of many rows as columns: an object of field names and arrays.

    Args:
        rows_max: the most rows in one request.
    """
    most = {} if rows_max is None else {"maxItems": rows_max}
    properties = {
        field.name: {"type": "array", "items": field_schema(field), "minItems": 1, **most}
        for field in signature.fields
    }
    # An object without any column is one row whose values are all missing.
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
        schema |= {"maxLength": field.max_length, "pattern": _NO_NUL}
    if field.type == "date":
        schema["format"] = "date"
    if field.type == "datetime":
        schema["format"] = "date-time"
    description = describe(field)
    schema |= {"description": description} if description else {}
    return schema if field.missing == "refuse" else _nullable(schema)


def describe(field: Field) -> str:
    """The field's description, unit and training range, in a sentence or two."""
    sentences = [field.description.strip()] if field.description else []
    unit = f" {field.unit}" if field.unit else ""
    low, high = field.seen.minimum, field.seen.maximum
    if low is not None and high is not None:
        sentences.append(f"Seen in training: {plain_text(low)} to {plain_text(high)}{unit}.")
    elif field.labels and field.unknown != "refuse":
        sentences.append(f"Seen in training: {labels_text(field.labels)}.")
    elif field.unit:
        sentences.append(f"In {field.unit}.")
    if field.zone:
        sentences.append(f"In {field.zone} where it has no offset.")
    if field.type in TIMES:
        # JSON Schema has no bounds for dates: they are given in words.
        edges = zip(("Not before", "Not after"), _edges(field), strict=True)
        sentences += [f"{word} {bound}." for word, bound in edges if bound is not None]
    if not field.is_used:
        sentences.append("The model doesn't use it.")
    return " ".join(sentences)


def output_schema(signature: Signature) -> Schema:
    """The schema of the prediction for one row."""
    properties = prediction_schemas(signature)
    if signature.output.threshold is not None:
        properties["threshold"] = threshold_schema(signature.output.threshold)
    return _object(properties)


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def prediction_schemas(signature: Signature) -> dict[str, Schema]:
    """The JSON schemas of the prediction for one row, by key."""
    schemas = {"prediction": prediction_schema(signature)}
    output = signature.output
    if len(signature.outputs) > 1:
        shares = {o.name: probabilities_schema(o) for o in signature.outputs if o.has_probabilities}
        if shares:
            schemas["probabilities"] = _object(shares)
        return schemas
    if output.words:
        schemas["label"] = {"enum": list(output.words), "description": _words(output)}
    if output.has_probabilities:
        schemas["probabilities"] = probabilities_schema(output)
    if output.score:
        schemas["score"] = {"type": "number", "description": _SCORES[output.score]}
    if output.has_distances:
        schemas["distances"] = distances_schema(output)
    return schemas


def threshold_schema(threshold: Threshold) -> Schema:
    """The schema of the threshold, which is the same in every response."""
    return {"const": msgspec.to_builtins(threshold), "description": threshold.sentence}


def prediction_schema(signature: Signature) -> Schema:
    """The schema of one prediction: an object by output where there are several."""
    if len(signature.outputs) == 1:
        return _one_output(signature.output)
    return _object({output.name: _one_output(output) for output in signature.outputs})


def probabilities_schema(output: Output) -> Schema:
    """The schema of the probabilities, one for each class."""
    share = {"type": "number", "minimum": 0, "maximum": 1}
    labels = [label_text(label) for label in output.classes]
    return {"type": "object", "properties": dict.fromkeys(labels, share), "required": labels}


def distances_schema(output: Output) -> Schema:
    """The schema of the distances, one to each cluster."""
    labels = list(output.distance_labels)
    return {
        "type": "object",
        "description": "The distance to the centre of each cluster.",
        "properties": {label: {"type": "number", "minimum": 0} for label in labels},
        "required": labels,
    }


def _words(output: Output) -> str:
    named = zip(output.classes[:EXAMPLES_MAX], output.words, strict=False)
    more = ", …" if len(output.classes) > EXAMPLES_MAX else ""
    return ", ".join(f"{label_text(label)}: {word}" for label, word in named) + more + "."


def _one_output(output: Output) -> Schema:
    title: Schema = {"title": output.label}
    if output.description:
        title["description"] = output.description
    if output.classes:
        return title | {"enum": list(output.classes)}
    if output.task == "value":
        return title
    if output.task == "regression":
        sentences = [f"In {output.unit}."] if output.unit else []
        if output.quantile is not None:
            sentences.append(f"Meant to be above {output.quantile:.4g} of the true values.")
        described = {"description": " ".join(sentences)} if sentences else {}
        return described | title | {"type": "number"}
    return title | {"type": ["integer", "number", "string"]}


def _row(signature: Signature, properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [field.name for field in signature.fields if field.is_required]
    return schema | ({"required": required} if required else {})


def _examples(signature: Signature, field: Field) -> Schema:
    values = [row.get(field.name) for row in signature.examples]
    # By their texts, so that true isn't accepted as 1.
    different = {label_text(value): value for value in values if value is not None}
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
        return {"enum": [*field.labels, *field.spellings]}
    if field.label_types == {str}:
        return {"type": "string"}
    return {"type": ["string", "number", "boolean"]}


def _nullable(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*kinds, "null"]}
