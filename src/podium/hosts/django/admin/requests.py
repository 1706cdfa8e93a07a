"""The actor in the admin, and the links to the same content on our own pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from podium.errors import SetupError
from podium.hosts.django.host import current_host
from podium.http import Request
from podium.web.site import Site

_CACHED = "_podium_site_and_request"


def site_and_request(native: HttpRequest) -> tuple[Site, Request]:
    """The site of this process, and the request with its actor; determined once per request.

    Raises:
        PodiumError: the project's models can't be used, or the database failed.
    """
    found: tuple[Site, Request] | None = getattr(native, _CACHED, None)
    if found is None:
        site = current_host().app.site
        request = Request(
            native.method or "GET",
            native.path,
            native.META.get("QUERY_STRING", ""),
            native=native,
            address=native.META.get("REMOTE_ADDR", ""),
        )
        actor = site.authority.of_page(request)
        found = site, replace(request, actor=actor, is_identified=True)
        setattr(native, _CACHED, found)
    return found


def is_visible(native: HttpRequest, check: Callable[[Site, Request], object]) -> bool:
    """Whether a part of the admin is there for the actor.

    A broken setup doesn't break the rest of the admin: superusers see the link, and the reason
    behind it.
    """
    try:
        return bool(check(*site_and_request(native)))
    except SetupError:
        return bool(getattr(native.user, "is_superuser", False))


def page_address(route: str, /, **values: str) -> str:
    """The URL of one of our pages; "" if the project doesn't include our URLs."""
    try:
        return reverse(f"podium:{route}", kwargs=values)
    except NoReverseMatch:
        return ""


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[type-arg] # Django has no arguments when it runs
    """Rows that can't be added, changed or deleted by hand."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - as Django calls it
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False
