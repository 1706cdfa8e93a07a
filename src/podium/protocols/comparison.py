"""Two versions compared, in the API."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action
from podium.comparison.report import Comparison
from podium.deployments.rows import CHALLENGER, CHAMPION
from podium.http import Request, Response
from podium.protocols.insight import Get
from podium.protocols.schemas import in_query
from podium.signature.schema import Schema
from podium.web.comparison import compared
from podium.web.router import Route
from podium.web.site import Site


def show(site: Site, request: Request, name: str) -> Response:
    """Two versions compared: `GET /api/models/{name}/compare?a=&b=`."""
    site.require_model(name, request.actor)
    a, b = request.query.get("a") or CHAMPION, request.query.get("b") or CHALLENGER
    return Response.json(value_of(compared(site, name, a, b)))


def value_of(comparison: Comparison) -> dict[str, Any]:
    """A comparison as the API tells it."""
    value: dict[str, Any] = msgspec.to_builtins(comparison)
    return value | {"verdict": comparison.verdict}


def comparison_schemas() -> dict[str, Schema]:
    """The schemas of a comparison and its parts, by name."""
    _, schemas = msgspec.json.schema_components(
        [Comparison], ref_template="#/components/schemas/{name}"
    )
    comparison = schemas["Comparison"]
    comparison["properties"]["verdict"] = {"type": "string"}
    comparison["required"] = sorted(comparison["properties"])
    return schemas


def compare_operation(name: str, key: str, failures: dict[str, str], get: Get) -> Schema:
    """The operation of a model.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
    """
    known = {"404": "There is no such version.", "400": "Both are one version."} | failures
    operation = get(f"compare_{key}", f"Compare two versions of {name}", name, "Comparison", known)
    texts = {"a": "The alias, name or digest of a version; the champion.", "b": "The challenger."}
    return operation | {"parameters": in_query(texts)}


ROUTES = (
    Route("api_compare", ("GET",), "/api/models/{name}/compare", show, Action.MANAGE, reads=True),
)
