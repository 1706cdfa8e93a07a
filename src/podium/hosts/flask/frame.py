"""The app's base template around our pages."""

from __future__ import annotations

from flask import render_template

from podium.errors import SetupError
from podium.http import Request
from podium.web.site import Frame, PageParts

TEMPLATE = "podium/framed.html"
_END_OF_HEAD = "</head>"


def framed(base: str) -> Frame:
    """A function that puts the parts of our pages into a template of the app.

    It has a block `content`, and may have blocks `title` and `head`.
    """

    def frame(request: Request, parts: PageParts) -> str:  # noqa: ARG001 - the signature of frames
        html = render_template(TEMPLATE, podium_base=base, podium=parts)
        if parts.main not in html:
            raise SetupError(
                f"the template {base!r} has no block for Podium's pages",
                hint="write {% block content %}{% endblock %} where they belong",
            )
        if parts.head not in html:
            html = html.replace(_END_OF_HEAD, f"{parts.head}{_END_OF_HEAD}", 1)
        return html

    return frame
