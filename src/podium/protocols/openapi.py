"""The OpenAPI document: every route of the API, specific to each model."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from podium.access import ANYONE, Action, Actor, allowed
from podium.distribution import version as podium_version
from podium.flow.formats.arrow import ARROW, is_installed
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.forms import FORM
from podium.flow.formats.json_rows import JSON, LINES
from podium.flow.formats.multipart import MULTIPART
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.outbox.keys import KEY_LENGTH_MAX
from podium.protocols import insight
from podium.protocols.alerts import alert_paths, alert_schemas
from podium.protocols.comparison import compare_operation, comparison_schemas
from podium.protocols.jobs import job_paths, job_schemas
from podium.protocols.monitoring import monitor_operation, monitoring_schemas
from podium.protocols.portable import BYTES, portable, with_one_body
from podium.protocols.quality import quality_operation, quality_schemas
from podium.protocols.schemas import TEXT, feedback_schema, model_schemas, ref, shared_schemas
from podium.protocols.streams import stream_operation
from podium.records.store import COLUMN_FILTERS
from podium.signature.schema import Schema
from podium.web.examples import form_fields, json_bodies, text_bodies
from podium.web.problems import MEDIA
from podium.web.record_filters import supported
from podium.web.site import Site

_PREDICT_FAILURES = {
    "400": "The body can't be read, or the request is malformed.",
    "411": "The Content-Length is missing.",
    "413": "The body is too long, or has too many rows.",
    "415": "The content type isn't supported.",
    "422": "Some values are not accepted, or the model can't predict them: `cells` lists them.",
    "500": "The model failed.",
    "503": "The prediction can't be recorded, the model can't be loaded, or the server is busy.",
    "504": "The model took too long.",
}
_ACCESS_FAILURES = {
    "401": "The request is anonymous, or the token isn't valid.",
    "403": "The user or token lacks the permission.",
    "404": "There is no such model, or the user or token has no permission on it.",
}
_DELETE_FAILURES = {"409": "Another number of records matches: none was deleted."}
_FEEDBACK_FAILURES = {
    "400": "The body can't be read.",
    "422": "The truth is none that the model could have predicted: `cells` lists what is accepted.",
    "503": "The store of records can't be used.",
}
_VERSION_FAILURES = {
    "400": "The body isn't a change of versions.",
    "422": "The version refuses what the champion accepts.",
    "409": "Another version is the champion than `expect` says: nothing was changed.",
    "503": "The registry of versions can't be used.",
}
_UPLOAD_FAILURES = {
    "413": "The bundle is longer than may be uploaded.",
    "422": "The bundle can't be used, or is a version of another model.",
    "503": "The registry of versions can't be used, or others upload bundles now.",
    "507": "The bundle doesn't fit on the disk of the server.",
}
_HOW_MANY = (
    "Deletes what fits all filters, if it is as many as `expect` says: else the answer says how many "
    "there are. Where `remaining` isn't 0, there was no time for more: send it again with that number."
)
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_RECORD_ID: Schema = {
    "name": "record_id",
    "in": "path",
    "required": True,
    "schema": TEXT | {"pattern": "^[0-9a-f]{32}$"},
}
_RATE_FAILURES = {"429": "Too many requests: try again after Retry-After."}
_TOKEN: Schema = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token of a user's, who makes it on the page of their account.",
    }
}
_OPEN: Schema = {"security": []}
_STREAM: Schema = {"type": "string", "contentMediaType": ARROW}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request that is sent again with its key gets the same response and adds no record.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH_MAX,
        "pattern": "^[ -~]+$",
    },
}
_BUSINESS_KEY: Schema = {
    "name": "Podium-Key",
    "in": "header",
    "description": "The caller's own name for what is predicted, by which feedback can be given.",
    "schema": TEXT,
}
# With a space, which no model's name contains.
_ALL, _SERVER = "all models", "the server"
_RETRY = {
    "Retry-After": {"description": "The number of seconds to wait.", "schema": {"type": "integer"}}
}
_ANSWER = "One prediction for one row, many for many; in the format of the request, unless Accept says otherwise."


def document(site: Site, request: Request) -> Response:
    """The OpenAPI document: `GET /openapi.json`, with `?formats=all` every body it takes."""
    is_full = request.query.get("formats") == "all"
    key = ("openapi", request.root_path, "all" if is_full else "")
    basis = (
        tuple(one.bundle.digest for one in site.visible(request.actor).values()),
        request.actor,
    )
    body = site.page_cache.get(key, basis)
    if body is None:
        described = describe(site, request.root_path, request.actor)
        body = msgspec.json.encode(described if is_full else with_one_body(described))
        site.page_cache.put(key, basis, body)
    return Response(body, 200, JSON, is_compressible=True)


def describe(site: Site, root_path: str = "", actor: Actor = ANYONE) -> Schema:
    """The document as plain values.

    Args:
        root_path: the prefix under which Podium is mounted.
        actor: whose permissions decide which models are described.
    """
    visible = site.visible(actor)
    failures, rows_max = _failures_of(site), site.rows_max(actor)
    paths: Schema = {
        "/api/models": {"get": _get("list_models", "List the models", _ALL, "Models", failures)},
        "/api/records/{record_id}": {"get": _get_one(failures), "delete": _delete_one(failures)},
        "/api/records/{record_id}/feedback": {"put": _put_feedback(failures)},
        "/api/records/{record_id}/explanation": {
            "get": insight.explanation_path(_RECORD_ID, failures, _get)
        },
        "/": {"get": _get("alive", "Whether it is alive", _SERVER, "Home") | _OPEN},
        "/livez": {"get": _get("livez", "Whether the server is alive", _SERVER, "Alive") | _OPEN},
        "/readyz": {"get": _readyz() | _OPEN},
    }
    schemas = shared_schemas() | comparison_schemas() | insight.shared_schemas()
    schemas |= monitoring_schemas() | alert_schemas() | quality_schemas() | job_schemas()
    keys = keys_of(visible)
    for name, version in visible.items():
        key = keys[name]
        paths[f"/api/models/{name}"] = {
            "get": _get(f"get_{key}", f"Describe {name}", name, "ModelDetails", failures)
        }
        paths[f"/api/models/{name}/predict"] = {"post": _predict(version, key, failures, rows_max)}
        paths[f"/api/models/{name}/records"] = {
            "delete": _delete_several(site, name, key, failures)
        }
        explains = allowed(actor, Action.EXPLAIN, name)
        paths |= insight.model_paths(version, key, failures, _get, explains=explains)
        if allowed(actor, Action.FEEDBACK, name):
            paths[f"/api/models/{name}/feedback"] = {
                "post": _post_feedback(name, key, failures, rows_max)
            }
        if allowed(actor, Action.SEE, name):
            monitor = monitor_operation(name, key, failures, _get)
            paths[f"/api/models/{name}/monitor"] = {"get": monitor}
            quality = quality_operation(name, key, failures, _get)
            paths[f"/api/models/{name}/quality"] = {"get": quality}
            paths[f"/api/models/{name}/monitor/stream"] = {"get": stream_operation(name, key)}
        paths |= alert_paths(name, key, failures, _get, actor)
        paths |= job_paths(site, name, key, failures, _get)
        if allowed(actor, Action.MANAGE, name):
            paths |= _version_paths(name, key, failures)
        schemas |= model_schemas(version, key, rows_max) | insight.model_schemas(version, key)
    components: Schema = {"schemas": schemas}
    secured: Schema = {}
    if site.takes_tokens:
        components["securitySchemes"] = _TOKEN
        # Anonymous callers see what they may do without a token, too.
        secured["security"] = [{"token": []}] if actor.is_known else [{"token": []}, {}]
    tags = [{"name": one.name, "description": _title(one)} for one in visible.values()]
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": site.settings.title,
            "version": podium_version(),
            "description": "Predictions of the models that are served here.",
        },
        "servers": [{"url": root_path or "/"}],
        "tags": [
            *tags,
            {"name": _ALL, "description": "The models"},
            {"name": _SERVER, "description": "The state of the server"},
        ],
        "paths": paths,
        "components": components,
    }
    return portable(document | secured)  # type: ignore[no-any-return]


def keys_of(names: Iterable[str]) -> dict[str, str]:
    """Each model's name as a part of identifiers; different names stay different."""
    keys: dict[str, str] = {}
    for name in names:
        key = stem = re.sub(r"\W", "_", name, flags=re.ASCII)
        n = 2
        while key in keys.values():
            key = f"{stem}_{n}"
            n += 1
        keys[name] = key
    return keys


def _predict(version: LoadedVersion, key: str, failures: dict[str, str], rows_max: int) -> Schema:
    streams: Schema = {ARROW: {"schema": _STREAM}} if is_installed() else {}
    return {
        "operationId": f"predict_{key}",
        "summary": f"Predict: {_title(version)}",
        "description": version.card.description,
        "tags": [version.name],
        "parameters": [_KEY, _BUSINESS_KEY],
        "requestBody": {"required": True, "content": _bodies(version, key, rows_max)},
        "responses": {
            "200": {
                "description": _ANSWER,
                "content": {
                    JSON: {"schema": {"oneOf": [ref(f"{key}_answer"), ref(f"{key}_answers")]}},
                    CSV: {"schema": TEXT},
                    LINES: {"schema": TEXT},
                    **streams,
                },
            },
            **_failures(_PREDICT_FAILURES | failures),
        },
    }


def _bodies(version: LoadedVersion, key: str, rows_max: int) -> Schema:
    """The accepted request bodies, by content type, each with examples."""
    signature = version.signature
    values, texts = json_bodies(signature), text_bodies(signature)
    one, many = ref(f"{key}_row"), ref(f"{key}_columns")
    rows = {
        "type": "array",
        "items": one,
        "minItems": 1,
        "maxItems": rows_max,
    }
    summaries = {"row": "One row", "rows": "Several rows", "columns": "Several rows, as columns"}
    return {
        JSON: {
            "schema": {"oneOf": [one, rows, many]},
            "examples": {
                name: {"summary": summary, "value": values[name]}
                for name, summary in summaries.items()
            },
        },
        CSV: {"schema": TEXT | {"minLength": 1}, "example": texts[CSV]},
        LINES: {"schema": TEXT | {"minLength": 1}, "example": texts[LINES]},
        FORM: {"schema": ref(f"{key}_form"), "example": form_fields(signature)},
        MULTIPART: {"schema": ref(f"{key}_form"), "example": form_fields(signature)},
        **({ARROW: {"schema": _STREAM}} if is_installed() else {}),
    }


def _failures_of(site: Site) -> dict[str, str]:
    """The problems that every operation may return, if authentication or quotas apply."""
    return (_ACCESS_FAILURES if site.takes_tokens else {}) | (_RATE_FAILURES if site.quota else {})


def _get(
    operation: str, summary: str, tag: str, schema: str, failures: dict[str, str] | None = None
) -> Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": _json("The predictions, in the requested format.", schema),
            **_failures(failures),
        },
    }


def _delete_several(site: Site, name: str, key: str, failures: dict[str, str]) -> Schema:
    what = f"Delete records of {name}"
    operation = _get(f"delete_records_{key}", what, name, "Deleted", _DELETE_FAILURES | failures)
    filters = COLUMN_FILTERS if site.store is None else site.store.features.filters
    chosen = (*supported(filters), "version", "owner")
    names = {one: _NUMBER if one in ("min", "max") else TEXT for one in chosen}
    names |= {"expect": _COUNT}
    parameters = [
        {"name": one, "in": "query", "required": one == "expect", "schema": schema}
        for one, schema in names.items()
    ]
    return operation | {"parameters": parameters, "description": _HOW_MANY}


def _get_one(failures: dict[str, str]) -> Schema:
    known = failures | {"404": "There is no such record, or the user or token may not see it."}
    operation = _get("get_record", "One record", _ALL, "Record", known)
    return operation | {"parameters": [_RECORD_ID]}


def _delete_one(failures: dict[str, str]) -> Schema:
    known = failures | {"404": "There is no such record, or the user or token may not see it."}
    operation = _get("delete_record", "Delete one record", _ALL, "Deleted", known)
    return operation | {"parameters": [_RECORD_ID]}


def _put_feedback(failures: dict[str, str]) -> Schema:
    missing = "There is no such record, or the user or token may give no feedback on it."
    known = _FEEDBACK_FAILURES | failures | {"404": missing}
    operation = _get("put_feedback", "Add what really happened", _ALL, "Feedback", known)
    body = {"required": True, "content": {JSON: {"schema": ref("Feedback")}}}
    return operation | {"parameters": [_RECORD_ID], "requestBody": body}


def _post_feedback(name: str, key: str, failures: dict[str, str], rows_max: int) -> Schema:
    what = f"Add what really happened to records of {name}"
    known = _FEEDBACK_FAILURES | failures
    operation = _get(f"add_feedback_{key}", what, name, "FeedbackOutcome", known)
    row = {"anyOf": [feedback_schema("id"), feedback_schema("key")]}
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": rows_max}
    text = {"schema": TEXT | {"minLength": 1}}
    content = {JSON: {"schema": rows}, CSV: text, LINES: text}
    return operation | {"requestBody": {"required": True, "content": content}}


def _version_paths(name: str, key: str, failures: dict[str, str]) -> Schema:
    """The operations on the versions of a model."""
    model = f"/api/models/{name}"
    known = {"404": "There is no such version."} | _VERSION_FAILURES | failures
    body = {"content": {JSON: {"schema": ref("VersionChange")}}}
    alias = {
        "name": "alias",
        "in": "path",
        "required": True,
        "schema": TEXT | {"enum": ["champion", "challenger"]},
    }
    listed = _get(
        f"list_versions_{key}", f"List the versions of {name}", name, "Versions", failures
    )
    put = _get(f"promote_{key}", f"Let a version of {name} answer", name, "Versions", known)
    back = _get(
        f"roll_back_{key}", f"Go back to the version before of {name}", name, "Versions", known
    )
    sent = _get(f"upload_version_{key}", f"Upload a version of {name}", name, "Version", failures)
    sent["responses"] |= _failures(_UPLOAD_FAILURES) | {
        "201": _json("It was registered, and isn't promoted.", "Version")
    }
    bundle = {"content": {BYTES: {"schema": {}}}, "required": True}
    return {
        f"{model}/versions": {"get": listed, "post": sent | {"requestBody": bundle}},
        f"{model}/aliases/{{alias}}": {
            "put": put | {"parameters": [alias], "requestBody": body | {"required": True}}
        },
        f"{model}/traffic": _traffic(name, key, known),
        f"{model}/rollback": {"post": back | {"requestBody": body}},
        f"{model}/compare": {"get": compare_operation(name, key, failures, _get)},
    }


def _traffic(name: str, key: str, known: dict[str, str]) -> Schema:
    put = _get(f"set_traffic_{key}", f"Try a version of {name}", name, "Versions", known)
    body = {"content": {JSON: {"schema": ref("TrafficChange")}}, "required": True}
    stop = _get(f"stop_traffic_{key}", f"End the rollout of {name}", name, "Versions", known)
    return {"put": put | {"requestBody": body}, "delete": stop}


def _readyz() -> Schema:
    operation = _get("readyz", "Whether models are loaded", _SERVER, "Readiness")
    loading = _json("Models aren't loaded yet, or predictions can't be made.", "Readiness")
    operation["responses"]["503"] = loading | {"headers": _RETRY}
    return operation


def _json(description: str, schema: str) -> Schema:
    return {"description": description, "content": {JSON: {"schema": ref(schema)}}}


def _failures(known: dict[str, str] | None = None) -> Schema:
    """Every response other than 200 is a problem, whatever its status."""
    content = {MEDIA: {"schema": ref("Problem")}}
    descriptions = (known or {}) | {"default": "Any other problem."}
    return {
        status: {"description": description, "content": content}
        | ({"headers": _RETRY} if status in ("429", "503") else {})
        for status, description in descriptions.items()
    }


def _title(version: LoadedVersion) -> str:
    return version.card.label
