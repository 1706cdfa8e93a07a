"""What matters to a model, in the API."""

from __future__ import annotations

import msgspec

from podium.access import Action
from podium.bundle.importance import Importance
from podium.errors import NotFound
from podium.http import Request, Response
from podium.signature.schema import Schema
from podium.web.router import Route
from podium.web.site import Site


def show(site: Site, request: Request, name: str) -> Response:
    """What matters to a model, as measured at packing: `GET /api/models/{name}/importance`.

    Raises:
        NotFound: it was packed without that.
    """
    version = site.champion(name, request.actor)
    found = version.bundle.importance
    if found is None:
        raise NotFound(
            f"it wasn't measured what matters to {name}",
            hint="pack it again, with its training rows; functions aren't measured",
        )
    value = {"model": version.name, "version": version.version}
    return Response.json(value | msgspec.to_builtins(found))


def importance_schemas() -> dict[str, Schema]:
    """The schemas of what matters and its parts, by name."""
    _, schemas = msgspec.json.schema_components(
        [Importance], ref_template="#/components/schemas/{name}"
    )
    text: Schema = {"type": "string"}
    schemas["Importance"]["properties"] |= {"model": text, "version": text}
    return schemas


ROUTES = (Route("api_importance", ("GET",), "/api/models/{name}/importance", show, Action.PREDICT),)
