"""The values of a form, tried without a record."""

from __future__ import annotations

from podium.errors import InvalidRows
from podium.flow.accept import quality
from podium.flow.formats.forms import FORM
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.http import Request, Response
from podium.web.form_page import form_page, trial_result, whatif_part
from podium.web.pages import read_form
from podium.web.site import Site
from podium.web.whatif import require_no_effects


def ask(site: Site, request: Request, name: str) -> Response:
    """What the model would answer to a form: `POST /models/{name}/whatif`. Nothing is recorded.

    A script that prefers JSON gets the part of the page that changes.

    Raises:
        InputError: the model may have effects.
        InvalidRows: some values are invalid, and a script asks.
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
        ModelError: the model failed.
    """
    traffic = site.traffic(name, request.actor)
    version = traffic.find(request.query.get("version", "")) or traffic.champion
    require_no_effects(version)
    body, typed = read_form(request, programs=f"/api/models/{name}/whatif")
    accept = request.headers.get("accept", "")
    is_script = quality(accept, "application/json") > quality(accept, "text/html")
    try:
        prepared = prepare(version, PredictRequest(body, FORM, RequestContext()))
    except InvalidRows as error:
        if is_script:
            raise
        return form_page(site, request, version, typed, errors=error.cells, status=422)
    answered = trial_result(version, prepared)
    if is_script:
        return Response.json({"html": whatif_part(version, answered)})
    return form_page(site, request, version, typed, answered=answered)
