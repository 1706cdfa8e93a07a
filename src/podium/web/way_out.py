"""Who is logged in, and how one gets back to the host's site: at the top of every page of ours."""

from __future__ import annotations

from dataclasses import replace

from podium.http import Request
from podium.policy.authority import WayOut
from podium.web.site import Site


def way_out(site: Site, request: Request) -> WayOut:
    """The way to the host's pages: as the settings say, or else as the host itself does."""
    theirs = getattr(site.authority, "way_out", None)
    found: WayOut = WayOut() if theirs is None else theirs(request)
    settings = site.settings
    if settings.back_url:
        found = replace(found, back=settings.back_url)
    if settings.logout_url:
        found = replace(found, log_out=settings.logout_url, is_form=False)
    return found if request.actor.is_known else replace(found, log_out="", is_form=False)
