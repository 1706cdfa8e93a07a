"""Versions in the API: which there are, which of them answers, and how that is changed."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action
from podium.deployments.rows import CHALLENGER, CHAMPION, Event, Rollout, Version
from podium.errors import MalformedBody, NotFound
from podium.http import Request, Response
from podium.records.export import time_text
from podium.web import traffic_pages, upload_pages, version_pages
from podium.web.router import Route
from podium.web.site import Site

EVENTS_SHOWN = 50


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        version: its alias, its name, or the beginning of its digest.
        expect: the digest of the version that answers now, as the caller believes.
        note: why.
        force: promote it even if its gates refuse it; needs a note.
    """

    version: str = ""
    expect: str | None = None
    note: str = ""
    force: bool = False


class TrafficChange(msgspec.Struct, forbid_unknown_fields=True):
    """How the challenger is to be tried.

    Attributes:
        version: its alias, its name, or the beginning of its digest.
        share: of the requests, from 0 to 1.
        mode: `canary` or `shadow`.
        key: the field whose value decides which version answers; "" where the caller does.
        expect: the digest of the champion, as the caller believes.
        note: why.
    """

    version: str = CHALLENGER
    share: float = 1.0
    mode: str = "canary"
    key: str = ""
    expect: str | None = None
    note: str = ""


_TRAFFIC = msgspec.json.Decoder(TrafficChange)
_CHANGE = msgspec.json.Decoder(Change)


def index(site: Site, request: Request, name: str) -> Response:
    """The versions of a model: `GET /api/models/{name}/versions`."""
    site.require_model(name, request.actor)
    return Response.json(_state(site, name))


def upload(site: Site, request: Request, name: str) -> Response:
    """Register a bundle: `POST /api/models/{name}/versions`; 200 where it was known already."""
    known = {one.digest for one in version_pages.versions_of(site).registry.versions(name)}
    version = upload_pages.register_body(site, request, name)
    listed = {one["digest"]: one for one in _state(site, name)["versions"]}
    status = 200 if version.digest in known else 201
    return Response.json(listed[version.digest], status=status)


def promote(site: Site, request: Request, name: str, alias: str) -> Response:
    """Let a version answer, or name the challenger: `PUT /api/models/{name}/aliases/{alias}`."""
    site.require_model(name, request.actor)
    if alias not in (CHAMPION, CHALLENGER):
        raise NotFound(f"no alias is called {alias!r}", hint=f"known: {CHAMPION} and {CHALLENGER}")
    change = _change(request)
    if not change.version:
        raise MalformedBody("there is no version", hint='send {"version": "..."}')
    if alias == CHALLENGER:
        traffic_pages.challenge(site, request.actor, name, change.version, change.note)
        return Response.json(_state(site, name))
    version_pages.promote(
        site,
        request.actor,
        name,
        change.version,
        change.note,
        change.expect,
        is_forced=change.force,
    )
    return Response.json(_state(site, name))


def rollback(site: Site, request: Request, name: str) -> Response:
    """Let the version before answer again: `POST /api/models/{name}/rollback`."""
    site.require_model(name, request.actor)
    change = _change(request)
    version_pages.rollback(site, request.actor, name, change.note, change.expect)
    return Response.json(_state(site, name))


def set_traffic(site: Site, request: Request, name: str) -> Response:
    """Try a challenger on a share of the requests: `PUT /api/models/{name}/traffic`."""
    site.require_model(name, request.actor)
    try:
        change = _TRAFFIC.decode(request.body)
    except msgspec.DecodeError as error:
        raise MalformedBody(
            f"the body isn't a change of traffic: {error}",
            hint='send {"version": "...", "share": 0.1, "mode": "canary", "key": "..."}',
        ) from error
    traffic_pages.set_traffic(
        site,
        request.actor,
        name,
        change.version,
        share=change.share,
        mode=change.mode,
        key=change.key,
        note=change.note,
        expected=change.expect,
    )
    return Response.json(_state(site, name))


def stop_traffic(site: Site, request: Request, name: str) -> Response:
    """Let the champion alone answer: `DELETE /api/models/{name}/traffic`."""
    site.require_model(name, request.actor)
    traffic_pages.stop(site, request.actor, name)
    return Response.json(_state(site, name))


def _change(request: Request) -> Change:
    if not request.body:
        return Change()
    try:
        return _CHANGE.decode(request.body)
    except msgspec.DecodeError as error:
        raise MalformedBody(
            f"the body isn't a change of versions: {error}",
            hint='send {"version": "...", "expect": "...", "note": "..."}',
        ) from error


def _state(site: Site, name: str) -> dict[str, Any]:
    registry, live = version_pages.versions_of(site).registry, site.find(name)
    aliases = registry.aliases(name)
    by_digest: dict[str, list[str]] = {}
    for alias, digest in aliases.items():
        by_digest.setdefault(digest, []).append(alias)
    return {
        "is_fixed": registry.is_fixed(name),
        "versions": [
            _version(one, by_digest)
            | {"is_live": live is not None and live.bundle.digest == one.digest}
            for one in registry.versions(name)
        ],
        "traffic": _traffic(registry.rollout(name)),
        "events": [_event(one) for one in registry.events(name, EVENTS_SHOWN)],
    }


def _version(one: Version, aliases: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "version": one.name,
        "digest": one.digest,
        "aliases": aliases.get(one.digest, []),
        "registered": time_text(one.time_us),
        "actor": one.actor,
        "note": one.note,
    }


def _traffic(rollout: Rollout | None) -> dict[str, Any] | None:
    if rollout is None:
        return None
    return {
        "challenger": rollout.digest,
        "share": rollout.share,
        "mode": rollout.mode,
        "key": rollout.key,
        "rollout": rollout.id,
    }


def _event(one: Event) -> dict[str, Any]:
    return {
        "time": time_text(one.time_us),
        "actor": one.actor,
        "action": one.action,
        "before": one.before,
        "after": one.after,
        "note": one.note,
        "details": version_pages.details_of(one),
    }


_MODEL = "/api/models/{name}"
ROUTES = (
    Route("api_versions", ("GET",), f"{_MODEL}/versions", index, Action.MANAGE),
    Route("api_upload", ("POST",), f"{_MODEL}/versions", upload, Action.MANAGE, upload="bundle"),
    Route("api_promote", ("PUT",), f"{_MODEL}/aliases/{{alias}}", promote, Action.MANAGE),
    Route("api_set_traffic", ("PUT",), f"{_MODEL}/traffic", set_traffic, Action.MANAGE),
    Route("api_stop_traffic", ("DELETE",), f"{_MODEL}/traffic", stop_traffic, Action.MANAGE),
    Route("api_rollback", ("POST",), f"{_MODEL}/rollback", rollback, Action.MANAGE),
)
