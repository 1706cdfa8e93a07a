"""Templates: filled, escaped, and never with a script or a style in them."""

from __future__ import annotations

import functools
import secrets
from html import unescape
from typing import Any

import jinja2

from podium.access import ALL, Action, allowed
from podium.web import static
from podium.web.http import Request, Response
from podium.web.numbers import number_text
from podium.web.site import PageParts, Site

# Between the parts of a page that a host puts into one of its own; no text can hold it by chance.
_BOUNDARY = secrets.token_hex(32)


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of the package; made once, never changed after."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("podium.web", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["number"] = number_text
    return made


def page(
    site: Site, request: Request, template: str, *, status: int = 200, **values: Any
) -> Response:
    """A page made of a template."""
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
            layout="base.html" if site.frame is None else "parts_of_page.html",
            boundary=_BOUNDARY,
            **values,
        )
    )
    if site.frame is not None:
        title, head, main = html.split(_BOUNDARY)
        html = site.frame(request, PageParts(unescape(title), head, main))
    return Response(html.encode("utf-8", "replace"), status)


def error_page(
    site: Site, request: Request, *, status: int, title: str, detail: str, hint: str = ""
) -> Response:
    """An error, for people."""
    values = {"code": status, "title": title, "detail": detail, "hint": hint}
    return page(site, request, "error.html", status=status, **values)


def _static(request: Request) -> Any:
    return request.static_url or (lambda name: request.url(f"/static/{static.hashed(name)}"))
