"""The OpenAPI document as generators of clients read it.

JSON Schema allows more than they understand. openapi-python-client 0.29, for one, takes no `items:
false`, no `enum` of texts and numbers, no response of `*/*`; it leaves out whatever body isn't JSON,
a form or bytes, with a warning; and what it writes for several bodies fails for arrays.
"""

from __future__ import annotations

from typing import Any

from podium.flow.formats.forms import FORM
from podium.flow.formats.json_rows import JSON
from podium.flow.formats.multipart import MULTIPART
from podium.signature.schema import Schema

BYTES = "application/octet-stream"
# Rows of users, which may look like a schema.
_VALUES = frozenset({"const", "default", "example", "examples"})
# The first that an operation takes is the one that is described.
_PREFERRED = (JSON, BYTES, MULTIPART, FORM)


def portable(value: Any) -> Any:
    """The same document, with the same meaning, in what they understand."""
    if isinstance(value, list):
        return [portable(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {n: one if n in _VALUES else portable(one) for n, one in value.items()}
    if found.get("items") is False and "maxItems" in found:
        del found["items"]  # nothing comes after `prefixItems` all the same
    if isinstance(found.get("enum"), list):
        found = _by_kind(found)
    if set(content := found.get("content", ())) == {"*/*"}:
        found["content"] = {BYTES: content["*/*"]}
    return found


def with_one_body(document: Schema) -> Schema:
    """The same document with one kind of body for each operation, whose description names the others."""
    paths: Schema = {}
    for path, operations in document["paths"].items():
        paths[path] = {method: _with_one(one) for method, one in operations.items()}
    return document | {"paths": paths}


def _with_one(operation: Any) -> Any:
    body = operation.get("requestBody") if isinstance(operation, dict) else None
    if body is None:
        return operation
    chosen = next((media for media in _PREFERRED if media in body["content"]), "")
    others = [media for media in body["content"] if media != chosen]
    if not others or not chosen:
        return operation
    kept = {chosen: body["content"][chosen]}
    text = f"It also takes {', '.join(others)}: see /openapi.json?formats=all."
    description = " ".join(filter(None, (operation.get("description", ""), text)))
    return operation | {"description": description, "requestBody": body | {"content": kept}}


def _by_kind(schema: Schema) -> Schema:
    """A schema whose values have several kinds, as one of each."""
    kinds: dict[str, list[Any]] = {}
    for value in schema["enum"]:
        kinds.setdefault(_kind(value), []).append(value)
    if len(kinds.keys() - {"null"}) < 2:
        return schema
    rest = {name: one for name, one in schema.items() if name != "enum"}
    some = [
        {"type": "null"} if kind == "null" else {"type": kind, "enum": values}
        for kind, values in kinds.items()
    ]
    return rest | {"anyOf": some}


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
