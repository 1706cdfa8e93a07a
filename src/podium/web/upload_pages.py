"""The upload of a bundle: tried in a process of its own, registered, and not promoted."""

from __future__ import annotations

from podium.deployments.rows import Version
from podium.deployments.upload import accept
from podium.errors import UnsupportedMedia
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import MULTIPART
from podium.http import Request, Response
from podium.web import incoming, version_pages
from podium.web.pages import read_form
from podium.web.site import Site

NOTE_MAX = 1_000


def form(site: Site, request: Request, name: str) -> Response:
    """The form on the page of versions: `POST /models/{name}/versions/upload`.

    Raises:
        UnsupportedMedia: the body isn't that form.
        PodiumError: as `register`.
    """
    site.require_model(name, request.actor)
    programs = f"/api/models/{name}/versions"
    if request.upload is None and request.media != MULTIPART:
        raise UnsupportedMedia(
            "this URL accepts only the form of its page, with a file",
            hint=f"send bundles from programs to {request.url(programs)}",
        )
    with incoming.in_file(site, request) as whole:
        _, sent = read_form(whole, programs=programs)
        version = register(site, whole, name, sent.get("note", ""))
    return Response.redirect(request.url(f"/models/{name}/versions?promote={version.digest}"))


def register(site: Site, request: Request, name: str, note: str) -> Version:
    """Register the bundle of a request, and audit it.

    Raises:
        UnusableVersion: it can't be used here, or isn't a version of this model.
        RegistryError: it can't be kept.
    """
    assert request.upload is not None  # `in_file` sees to it
    registry = version_pages.versions_of(site).registry
    actor, note = request.actor.name, note[:NOTE_MAX]
    version = accept(registry, request.upload, name, actor=actor, note=note)
    version_pages.audit(site, request.actor, "version_uploaded", version)
    return version


def register_body(site: Site, request: Request, name: str) -> Version:
    """The version that a program sends, registered: as a body, or as the file of a form.

    Raises:
        PodiumError: as `register`.
    """
    site.require_model(name, request.actor)
    with incoming.in_file(site, request) as whole:
        note = request.query.get("note", "")
        if whole.media == FORM:
            note = read_form(whole, programs="")[1].get("note", note)
        return register(site, whole, name, note)
