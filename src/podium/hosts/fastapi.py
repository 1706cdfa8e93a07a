"""FastAPI: our operations in the OpenAPI document, and so in the `/docs`, of the app around ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from podium.access import ANYONE, Actor
from podium.errors import SetupError
from podium.hosts.asgi import App
from podium.protocols.openapi import describe

_METHODS = frozenset({"get", "put", "post", "delete"})
_SCHEMA = "#/components/schemas/"


def add_operations(outer: Any, app: App, *, actor: Actor = ANYONE) -> None:
    """List the operations of a mounted app in the OpenAPI document of the app around it.

    The document is made anew each time it is read, with the versions that are served then.

    Args:
        outer: a FastAPI app, in which `app` is mounted already.
        actor: whose permissions decide which models and operations are listed. By default it is all
            of them, for whoever may read the document.

    Raises:
        SetupError: `app` isn't mounted in it.
    """
    prefix = _mounted_at(outer, app)
    theirs: Callable[[], dict[str, Any]] = outer.openapi

    def both() -> dict[str, Any]:
        return _joined(theirs(), describe(app.site, actor=actor), prefix)

    outer.openapi = both


def _mounted_at(outer: Any, app: App) -> str:
    for route in getattr(outer, "routes", ()):
        if getattr(route, "app", None) is app:
            return str(route.path)
    raise SetupError(
        "the app isn't mounted in this one",
        hint='mount it first: app.mount("/ml", ml)',
    )


def _joined(theirs: dict[str, Any], ours: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Their document and our operations; the names of ours are prefixed, so that none is theirs."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", prefix.strip("/")) or "podium"
    paths: dict[str, Any] = {}
    for path, operations in ours["paths"].items():
        paths[prefix + path] = _renamed(operations, stem)
        for method, operation in paths[prefix + path].items():
            if method in _METHODS:
                operation["operationId"] = f"{stem}_{operation['operationId']}"
                needs = operation.get("security", ours.get("security", []))
                operation["security"] = [
                    {f"{stem}.{scheme}": scopes for scheme, scopes in one.items()} for one in needs
                ]
    components = {kind: dict(known) for kind, known in theirs.get("components", {}).items()}
    for kind, known in ours["components"].items():
        named = {f"{stem}.{name}": _renamed(one, stem) for name, one in known.items()}
        components[kind] = components.get(kind, {}) | named
    return theirs | {
        "paths": theirs.get("paths", {}) | paths,
        "components": components,
        "tags": [*theirs.get("tags", ()), *ours["tags"]],
    }


def _renamed(value: Any, stem: str) -> Any:
    """A part of our document, with the new names where it refers to a schema."""
    if isinstance(value, list):
        return [_renamed(one, stem) for one in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith(_SCHEMA):
        return {"$ref": f"{_SCHEMA}{stem}.{reference.removeprefix(_SCHEMA)}"}
    return {name: _renamed(one, stem) for name, one in value.items()}
