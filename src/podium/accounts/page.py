"""Pages of Django's apps inside the frame of our pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from markupsafe import Markup

from podium.hosts.django.apps import PodiumConfig
from podium.http import Request
from podium.settings import Settings
from podium.web import render
from podium.web.site import Site


def title() -> str:
    """The name of the site."""
    own: Settings = settings.PODIUM_SETTINGS.settings
    return own.title


def site_and_request(native: HttpRequest) -> tuple[Site, Request]:
    """The site, and Django's request as ours, with its actor."""
    site = cast("PodiumConfig", apps.get_app_config("podium")).host.app.site
    request = Request(native.method or "GET", native.path, native=native)
    has_user: Any = getattr(native, "user", None)
    actor = site.authority.of_page(request) if has_user is not None else request.actor
    return site, replace(request, actor=actor, is_identified=True)


def framed(native: HttpRequest, *, title: str, main: str) -> str:
    """The complete page, as HTML.

    Args:
        title: plain text.
        main: the content, as HTML.
    """
    site, request = site_and_request(native)
    # Django's templates have already escaped it.
    html = Markup(main)  # noqa: S704
    body = render.page(site, request, "framed.html", heading=title, main=html).body
    assert isinstance(body, bytes)
    return body.decode()


def error(native: HttpRequest, status: int, *, title: str, detail: str) -> bytes:
    """An error page."""
    site, request = site_and_request(native)
    body = render.error_page(site, request, status=status, title=title, detail=detail).body
    assert isinstance(body, bytes)
    return body
