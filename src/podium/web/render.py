"""Templates: rendered, escaped, and never with an inline script or style."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from html import unescape
from typing import Any

import jinja2

from podium.access import ALL, Action, allowed
from podium.http import Request, Response
from podium.web import static
from podium.web.numbers import moment_text, number_text
from podium.web.page_cache import Basis, Key
from podium.web.site import PageParts, Site
from podium.web.way_out import way_out

# Separates the parts of a page that a host puts into one of its own; no text contains it by chance.
_BOUNDARY = secrets.token_hex(32)


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of the package; created once, never changed."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("podium.web", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["number"] = number_text
    made.filters["moment"] = moment_text
    return made


def page(
    site: Site, request: Request, template: str, *, status: int = 200, **values: Any
) -> Response:
    """A page rendered from a template."""
    actor, static_url = request.actor, _static(request)

    def can(action: Action, model: str = ALL) -> bool:
        return allowed(actor, action, model)

    html = (
        environment()
        .get_template(template)
        .render(
            site=site,
            request=request,
            url=request.url,
            static=static_url,
            can=can,
            way_out=way_out(site, request),
            layout="base.html" if site.frame is None else "parts_of_page.html",
            boundary=_BOUNDARY,
            **values,
        )
    )
    if site.frame is not None:
        title, head, main = html.split(_BOUNDARY)
        html = site.frame(request, PageParts(unescape(title), head, main))
    return Response(html.encode("utf-8", "replace"), status)


def part(template: str, **values: Any) -> str:
    """A part of a page, rendered from a template of its own."""
    return environment().get_template(template).render(**values)


def cached_page(
    site: Site, request: Request, key: Key, basis: Basis, make: Callable[[], Response]
) -> Response:
    """A page that is rendered again only if its content differs from last time.

    Args:
        key: identifies the page.
        basis: everything it shows, except what surrounds it on every page.
    """
    # The host's own frame around it may differ in each request.
    if site.frame is not None:
        return make()
    key = (*key, request.root_path, request.origin)
    links = tuple(site.authority.links(request))
    basis = (*basis, request.actor, links, way_out(site, request), request.form_token)
    html = site.page_cache.get(key, basis)
    if html is None:
        made = make()
        assert isinstance(made.body, bytes)
        html = made.body
        site.page_cache.put(key, basis, html)
    return Response(html)


def error_page(
    site: Site, request: Request, *, status: int, title: str, detail: str, hint: str = ""
) -> Response:
    """An error page."""
    values = {"code": status, "title": title, "detail": detail, "hint": hint}
    values["back"] = _page_of_form(site, request)
    return page(site, request, "error.html", status=status, **values)


def _page_of_form(site: Site, request: Request) -> str:
    """The path of the page whose form was sent: one above the form's own; "" if there is none."""
    above = request.path.rpartition("/")[0]
    if request.method != "POST" or not above.startswith("/models/"):
        return ""
    return above if site.router.find("GET", above).route is not None else ""


def _static(request: Request) -> Any:
    return request.static_url or (lambda name: request.url(f"/static/{static.hashed(name)}"))
