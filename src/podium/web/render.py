"""Templates: filled, escaped, and never with a script or a style in them."""

from __future__ import annotations

import functools
from typing import Any

import jinja2

from podium.web import static
from podium.web.http import Request, Response
from podium.web.numbers import number_text
from podium.web.site import Site


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
    html = (
        environment()
        .get_template(template)
        .render(site=site, request=request, url=request.url, static=_static(request), **values)
    )
    return Response(html.encode("utf-8", "replace"), status)


def error_page(
    site: Site, request: Request, *, status: int, title: str, detail: str, hint: str = ""
) -> Response:
    """An error, for people."""
    values = {"code": status, "title": title, "detail": detail, "hint": hint}
    return page(site, request, "error.html", status=status, **values)


def _static(request: Request) -> Any:
    return lambda name: request.url(f"/static/{static.hashed(name)}")
