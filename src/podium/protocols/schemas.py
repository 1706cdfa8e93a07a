"""JSON Schemas of the API's responses: predictions, descriptions of models, problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podium.flow.answer import PLURALS
from podium.flow.version import LoadedVersion
from podium.signature import Signature
from podium.signature.schema import (
    Schema,
    columns_schema,
    prediction_schemas,
    row_schema,
    threshold_schema,
)
from podium.signature.truth import KEY, NOTE_MAX

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
        "Deleted": object_schema(
            {"deleted": {"type": "integer"}, "remaining": {"type": "integer"}}
        ),
        "Record": _record(),
        "Feedback": feedback_schema(),
        "FeedbackOutcome": _feedback_outcome(),
        "Version": _version(),
        "Versions": _versions(),
        "TrafficChange": _traffic_change(),
        "VersionChange": object_schema(
            {"version": TEXT, "expect": TEXT, "note": TEXT, "force": {"type": "boolean"}},
            optional=["version", "expect", "note", "force"],
        ),
        "Alive": object_schema({"status": {"const": "alive"}}),
        "Home": object_schema(
            {"status": {"const": "alive"}, "name": TEXT, "links": {"type": "object"}}
        ),
        "Readiness": _readiness(),
    }


def model_schemas(version: LoadedVersion, key: str, rows_max: int) -> dict[str, Schema]:
    """The schemas of one model's rows and responses, by name.

    Args:
        key: the prefix of their names.
        rows_max: the most rows in one request.
    """
    signature = version.signature
    return {
        f"{key}_row": row_schema(signature),
        f"{key}_columns": columns_schema(signature, rows_max),
        f"{key}_form": form_schema(signature),
        f"{key}_answer": _one_output(version),
        f"{key}_answers": _many_outputs(version),
    }


def form_schema(signature: Signature) -> Schema:
    """The schema of one row in a form: a missing value is an empty string, or left out."""
    schema = row_schema(signature)
    properties = {name: _sent(one) for name, one in schema["properties"].items()}
    return schema | {"properties": properties}


def object_schema(properties: dict[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """The schema of an object with all these properties; only the optional ones may be missing."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _record() -> Schema:
    """A record as `GET /api/records/{record_id}` shows it."""
    maybe: Schema = {"type": ["string", "null"]}
    count: Schema = {"type": "integer", "minimum": 0}
    texts = dict.fromkeys(("id", "time", "model", "version", "role", "source"), TEXT)
    maybes = dict.fromkeys(("bundle_digest", "request_id", "actor", "business_key"), maybe)
    counts = dict.fromkeys(("row_index", "latency_us"), count)
    said: Schema = {"truth": {}, "time": TEXT, "actor": maybe, "note": TEXT}
    feedback = object_schema(said | {"earlier": _list(object_schema(said))})
    parts: Schema = {
        "inputs": {"type": "object"},
        "outputs": {"type": "object"},
        "feedback": {"anyOf": [feedback, {"type": "null"}]},
    }
    return object_schema(texts | maybes | counts | parts)


def feedback_schema(*keys: str) -> Schema:
    """The schema of feedback for one record; `keys` are the properties that identify the record."""
    truth: Schema = {
        "description": "What really happened; an object by output if there are several."
    }
    note = TEXT | {"maxLength": NOTE_MAX}
    names = {name: {"type": ["string", "number"]} if name == KEY else TEXT for name in keys}
    return object_schema(names | {"truth": truth, "note": note}, ["note"])


def _feedback_outcome() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    counts = dict.fromkeys(("added", "records", "unknown", "refused"), count)
    rest = count | {"description": "How many rows at the end there was no time for."}
    row = object_schema(
        {
            "row": count,
            "id": TEXT,
            "key": TEXT,
            "outcome": {"enum": ["unknown", "refused", "partial"]},
            "reason": TEXT,
        },
        optional=["id", "key", "reason"],
    )
    return object_schema({**counts, "remaining": rest, "rows": _list(row)})


def _sent(schema: Schema) -> Schema:
    """A field's schema without null, which a form can't send."""
    if "enum" in schema:
        return schema | {"enum": [label for label in schema["enum"] if label is not None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kinds = [kind for kind in kinds if kind != "null"]
    return schema | {"type": kinds[0] if len(kinds) == 1 else kinds}


def _one_output(version: LoadedVersion) -> Schema:
    properties = prediction_schemas(version.signature)
    properties["id"] = TEXT | {"description": "The id of the record; absent if it wasn't recorded."}
    properties |= _origin(version)
    return object_schema(properties, optional=["id"])


def _many_outputs(version: LoadedVersion) -> Schema:
    one = prediction_schemas(version.signature)
    properties = {PLURALS[key]: _list(schema) for key, schema in one.items()}
    properties["ids"] = _list(TEXT) | {
        "description": "The ids of the records; absent if they weren't recorded."
    }
    properties |= _origin(version)
    return object_schema(properties, optional=["ids"])


def _origin(version: LoadedVersion) -> dict[str, Schema]:
    """The model and version that made the prediction."""
    threshold = version.signature.output.threshold
    return {
        "model": TEXT | {"const": version.name},
        "version": TEXT,
        **({} if threshold is None else {"threshold": threshold_schema(threshold)}),
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
        "code": TEXT
        | {"description": "Meant for programs; it doesn't change.", "examples": ["invalid_rows"]},
        "instance": TEXT | {"description": "Identifies an error of the server in its log."},
        "hint": TEXT | {"description": "What to do."},
        "cells": _list(ref("BadCell")) | {"description": "The values that aren't accepted."},
        "n_cells": number | {"description": "The number of these values, whether listed or not."},
    }
    return object_schema(properties, optional=["instance", "hint", "cells", "n_cells"])


def _bad_cell() -> Schema:
    row = {
        "type": "integer",
        "minimum": 0,
        "description": "Counted from 0; absent if one row was sent.",
    }
    properties: dict[str, Schema] = {
        "problem": TEXT,
        "accepted": TEXT | {"description": "What would be accepted."},
        "row": row,
        "field": TEXT,
        "value": TEXT | {"description": "The value as it was sent, shortened."},
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
            "metrics": {
                "type": "object",
                "description": "Values by metric; by target and metric if there are several targets.",
                "additionalProperties": {"type": ["number", "null", "object"]},
            },
            "metrics_on": {
                "enum": ["holdout", "cross-validation", "training", "unknown"],
                "description": "Which rows the metrics were measured on: those of the training "
                "rows say little about new ones.",
            },
            "metrics_note": TEXT | {"description": "The first metric and its rows, as a sentence."},
            "links": {"type": "object", "additionalProperties": TEXT},
        }
    )


def _details() -> Schema:
    anything, count = {"type": "object"}, {"type": "integer", "minimum": 1}
    own = object_schema(
        {
            "card": anything,
            "signature": object_schema({"fields": _list(anything), "outputs": _list(anything)}),
            "input_schema": anything | {"description": "One row, as JSON Schema."},
            "output_schema": anything | {"description": "The response, as JSON Schema."},
            "examples": _list(anything),
            "limits": object_schema(dict.fromkeys(("rows_max", "body_max_bytes"), count))
            | {"description": "Of one request that every caller may send."},
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
    kept = ["kept", "waiting for the store", "failing", "off"]
    return object_schema(
        {
            "status": TEXT | {"enum": ["ready", "degraded", "loading", "failing", "stopping"]},
            "models": loaded,
            "failed": _list(TEXT),
            "records": TEXT | {"enum": kept},
            "accounts": TEXT | {"enum": ["failing"]},
            "versions": TEXT | {"enum": ["failing"]},
            "reason": TEXT,
        },
        optional=["failed", "accounts", "versions", "reason"],
    )


_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_MODE: Schema = {"type": "string", "enum": ["canary", "shadow"]}


def _version() -> Schema:
    version: dict[str, Schema] = {
        "version": TEXT,
        "digest": TEXT,
        "aliases": _list(TEXT),
        "registered": TEXT,
    }
    version |= {"is_live": {"type": "boolean"}, "actor": TEXT, "note": TEXT}
    return object_schema(version)


def _versions() -> Schema:
    event = {"time": TEXT, "action": TEXT, "before": TEXT, "after": TEXT}
    event |= {"actor": TEXT, "note": TEXT, "details": {"type": "object"}}
    traffic: dict[str, Schema] = {"challenger": TEXT, "share": _SHARE, "mode": _MODE}
    traffic |= {"key": TEXT, "rollout": TEXT}
    return object_schema(
        {
            "is_fixed": {"type": "boolean"},
            "versions": _list(ref("Version")),
            "traffic": {"anyOf": [object_schema(traffic), {"type": "null"}]},
            "events": _list(object_schema(event)),
        }
    )


def _traffic_change() -> Schema:
    values: dict[str, Schema] = {"version": TEXT, "share": _SHARE, "mode": _MODE}
    values |= {"key": TEXT, "expect": TEXT, "note": TEXT}
    return object_schema(values, optional=list(values))


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def in_query(texts: Mapping[str, str]) -> list[Schema]:
    """Parameters of the query, by name; none is required."""
    return [
        {"name": one, "in": "query", "description": text, "schema": TEXT}
        for one, text in texts.items()
    ]
