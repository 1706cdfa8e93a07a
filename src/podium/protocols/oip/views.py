"""The protocol's other resources over REST: health, metadata, statistics, the repository of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from podium.distribution import version as podium_version
from podium.errors import InputError, MalformedBody
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.protocols.oip import metadata
from podium.web import probes
from podium.web.site import Site


class IndexRequest(msgspec.Struct):
    """Which models are listed: with `ready` those alone that can answer."""

    ready: bool = False


class LoadRequest(msgspec.Struct):
    """What a model is to be loaded with; unknown keys are ignored."""

    parameters: dict[str, Any] = {}


_INDEX = msgspec.json.Decoder(IndexRequest)
_LOAD = msgspec.json.Decoder(LoadRequest)


def server(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """The server: `GET /v2`."""
    return Response.json(
        {
            "name": site.settings.v2_server_name,
            "version": podium_version(),
            "extensions": metadata.EXTENSIONS,
        }
    )


def live(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """Whether the process responds: `GET /v2/health/live`."""
    return Response.json({"live": True})


def ready(site: Site, request: Request) -> Response:
    """Whether it can predict: `GET /v2/health/ready`, 503 if it can't."""
    status = probes.readyz(site, request).status
    return Response.json({"ready": status == 200}, status=status)


def model(site: Site, request: Request, name: str, version: str = "") -> Response:
    """A model's tensors: `GET /v2/models/{name}`."""
    found = _version(site, request, name, version)
    traffic = site.traffic(name, request.actor)
    return Response.json(metadata.model_metadata(found, traffic, has_ids=_has_ids(site)))


def model_ready(site: Site, request: Request, name: str, version: str = "") -> Response:
    """Whether a model is loaded: `GET /v2/models/{name}/ready`, 503 if it isn't."""
    is_loaded = _version(site, request, name, version).is_loaded
    value = {"name": name, "ready": is_loaded}
    return Response.json(value, status=200 if is_loaded else 503)


def model_config(site: Site, request: Request, name: str, version: str = "") -> Response:
    """A model as Triton configures one: `GET /v2/models/{name}/config`."""
    found = _version(site, request, name, version)
    return Response.json(metadata.model_config(found, has_ids=_has_ids(site)))


def model_statistics(site: Site, request: Request, name: str, version: str = "") -> Response:
    """What the versions of a model answered: `GET /v2/models/{name}/stats`."""
    traffic = site.traffic(name, request.actor, version)
    return _statistics(site, traffic.loaded.values())


def statistics(site: Site, request: Request) -> Response:
    """The same of all models: `GET /v2/models/stats`."""
    some = site.visible(request.actor)
    versions = [one for name in some for one in site.deployments[name].traffic.loaded.values()]
    return _statistics(site, versions)


def index(site: Site, request: Request) -> Response:
    """The models: `POST /v2/repository/index`."""
    try:
        wanted = _INDEX.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"failed to parse the request JSON buffer: {error}") from error
    listed = [one for one in _index(site, request) if one["state"] == "READY" or not wanted.ready]
    return Response.json(listed)


def load(site: Site, request: Request, name: str) -> Response:
    """Look whether a model is loaded: `POST /v2/repository/models/{name}/load`.

    Which version of it answers is the registry's business, so that nothing else can be asked for.

    Raises:
        PodiumError: it isn't served here, or can't be loaded.
    """
    site.require_model(name, request.actor)
    try:
        wanted = _LOAD.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"failed to parse the request JSON buffer: {error}") from error
    if wanted.parameters:
        raise InputError(
            f"failed to load '{name}': a model can't be sent or configured with this request",
            hint="upload and promote a version: podium register, or the API of versions",
        )
    return Response.json({})


def unload(site: Site, request: Request, name: str) -> Response:
    """Refused: `POST /v2/repository/models/{name}/unload`.

    Raises:
        InputError: always, for a model that is served here.
    """
    site.require_model(name, request.actor)
    raise InputError(
        f"failed to unload '{name}': the models of this server are those in its settings",
        hint="leave it out of `models`, and restart the server",
    )


def _version(site: Site, request: Request, name: str, version: str) -> LoadedVersion:
    return site.traffic(name, request.actor, version).champion


def _has_ids(site: Site) -> bool:
    return site.service.recorder is not None


def _statistics(site: Site, versions: Any) -> Response:
    snapshot = site.metrics.merged()
    return Response.json(
        {"model_stats": [metadata.model_statistics(one, snapshot) for one in versions]}
    )


def _index(site: Site, request: Request) -> Iterator[dict[str, str]]:
    for name in site.visible(request.actor):
        for version, one in site.deployments[name].traffic.loaded.items():
            state = "READY" if one.is_loaded else "LOADING"
            yield {"name": name, "version": version, "state": state, "reason": ""}
    for name in site.failed(request.actor):
        failure = site.failure(name, request.actor)
        reason = "" if failure is None else failure.message
        yield {"name": name, "version": "", "state": "UNAVAILABLE", "reason": reason}
