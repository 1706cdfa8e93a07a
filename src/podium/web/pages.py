"""The form of each model, and its result."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import msgspec

from podium.access import Action, allowed
from podium.errors import InvalidRows, MalformedBody, NotFound, UnsupportedMedia
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import MULTIPART, fields_of
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.records.record import Record
from podium.web.form import texts
from podium.web.form_page import Pasted, example_number, form_page, recorded_result, response_result
from podium.web.pasted import pasted_row
from podium.web.site import Site
from podium.web.visible_records import find_record, may_see

_LINE_BREAK = re.compile(rb"%0[Dd]%0[Aa]")


def model(site: Site, request: Request, name: str) -> Response:
    """The form, empty, with an example or with the inputs of a record: `GET /models/{name}`."""
    version = site.champion(name, request.actor)
    page = form_page(site, request, version, _values(site, request, version))
    # Neither a host's secret nor a record is in it, and nothing that a link could have chosen.
    is_plain = request.form_token is None and site.frame is None
    page.is_compressible = is_plain and "from" not in request.query
    return page


def predict(site: Site, request: Request, name: str) -> Response:
    """The submitted form: `POST /models/{name}`. Its values stay, whatever the result.

    It redirects to the page of the result, so that reloading that records nothing. Whoever can't
    look up the record gets the result at once.

    Raises:
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
    """
    traffic = site.traffic(name, request.actor)
    body, typed = read_form(request, programs=f"/api/models/{name}/predict")
    context = RequestContext(source="form", actor=request.actor)
    try:
        answer = site.service.predict(traffic, PredictRequest(body, FORM, context))
    except InvalidRows as error:
        site.service.refused_rows.notify(traffic.champion, error)
        return form_page(site, request, traffic.champion, typed, errors=error.cells, status=422)
    if answer.ids and _can_be_looked_up(site, request, name, answer.ids[0]):
        return Response.redirect(request.url(f"/models/{name}/results/{answer.ids[0]}"))
    return form_page(site, request, answer.version, typed, answered=response_result(answer))


def paste(site: Site, request: Request, name: str) -> Response:
    """The form, filled with a pasted row: `POST /models/{name}/paste`. Nothing is predicted.

    Raises:
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
    """
    version = site.champion(name, request.actor)
    _, typed = read_form(request, programs=f"/api/models/{name}/predict")
    text = typed.get("row", "")
    try:
        row = pasted_row(version.signature, text)
    except MalformedBody as error:
        refused = Pasted(text, f"{error.message}: {error.hint}")
        return form_page(site, request, version, {}, pasted=refused, status=422)
    notes = Pasted(notes=row.notes)
    return form_page(site, request, version, row.values, errors=row.errors, pasted=notes)


def result(site: Site, request: Request, name: str, record_id: str) -> Response:
    """The form with a recorded prediction beside it: `GET /models/{name}/results/{record_id}`.

    Raises:
        NotFound: the model has no such record that the actor may see.
    """
    traffic = site.traffic(name, request.actor)
    record = _record(site, request, name, record_id)
    version = traffic.find(record.bundle_digest or "") or traffic.champion
    answered = recorded_result(record, version)
    values = texts(version.signature, answered.inputs)
    return form_page(site, request, version, values, answered=answered)


def read_form(request: Request, *, programs: str) -> tuple[bytes, dict[str, str]]:
    """One of our forms, urlencoded and without the host's token, and its values by name.

    Args:
        programs: the URL for programs.

    Raises:
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
    """
    if request.media not in (FORM, MULTIPART):
        raise UnsupportedMedia(
            "this URL accepts only the form of its page",
            hint=f"send rows from programs to {request.url(programs)}",
        )
    is_in_parts = request.media == MULTIPART
    body = urlencode(fields_of(request.body)).encode() if is_in_parts else request.body
    # Browsers send every line break of a form as CR LF; models were trained on the original values.
    body = _LINE_BREAK.sub(b"%0A", body)
    typed = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if request.form_token is not None and typed.pop(request.form_token[0], None) is not None:
        body = urlencode(typed).encode()
    return body, typed


def _values(site: Site, request: Request, version: LoadedVersion) -> dict[str, str]:
    """The initial values of the form."""
    signature = version.signature
    number = example_number(request)
    if number and signature.examples:
        return texts(signature, signature.examples[(number - 1) % len(signature.examples)])
    record_id = request.query.get("from", "")
    if record_id and site.store is not None:
        record = _record(site, request, version.name, record_id)
        return texts(signature, msgspec.json.decode(record.inputs))
    return {}


def _record(site: Site, request: Request, name: str, record_id: str) -> Record:
    """A record of this model that the actor may see."""
    record = None if site.store is None else find_record(site.store, record_id)
    if record is None or record.model != name or not may_see(request.actor, record):
        raise NotFound(
            "there is no such record of this model",
            hint=f"see {request.url(f'/models/{name}/records')}",
        )
    return record


def _can_be_looked_up(site: Site, request: Request, name: str, record_id: str) -> bool:
    """Whether the next request finds this record, whichever process or machine gets it."""
    if site.store is None or not allowed(request.actor, Action.SEE_OWN, name):
        return False
    record = site.lookups.find(site.store, record_id)
    return record is not None and may_see(request.actor, record)
