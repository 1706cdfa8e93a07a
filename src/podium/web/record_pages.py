"""Our own pages of records: a list with filters, one record, and a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from podium.access import Action, allowed
from podium.errors import BadCell, InvalidRows, NotAllowed, NotFound
from podium.flow.formats.forms import FORM
from podium.http import Request, Response
from podium.records.export import time_text
from podium.records.record import Record
from podium.signature import Signature
from podium.signature.truth import feedback_signature
from podium.web import render
from podium.web.among import among_answers
from podium.web.feedback import give_feedback, read_one, record_for_feedback
from podium.web.form import widgets
from podium.web.form_page import explained, predict_address, recorded_result
from podium.web.numbers import headline
from podium.web.pages import read_form
from podium.web.record_list import record_file, record_list
from podium.web.record_view import RecordDetail, record_detail
from podium.web.result import curl_command
from podium.web.site import Site
from podium.web.visible_records import may_see
from podium.web.whatif import has_curves

# A page with more records than this isn't cached.
KEPT_BYTES = 262_144


def index(site: Site, request: Request, name: str) -> Response:
    """The records of a model, newest first: `GET /models/{name}/records`."""
    shown = record_list(site, request, name)
    base, records = request.url(f"/models/{name}/records"), shown.records
    is_choosing = request.query.get("choose") == "columns"
    owner, links = request.actor.owner, site.saved_links
    saved = links.of(owner, name) if links and owner else ()

    def build() -> Response:
        return render.page(
            site,
            request,
            "records.html",
            model=shown.version,
            records=shown,
            lines=shown.lines,
            record_base=request.url("/records/"),
            pager=shown.pager(base),
            download=shown.filters.address(base + ".csv"),
            delete=shown.filters.address(base + "/delete"),
            further=shown.further(base),
            totals=shown.totals,
            choice=is_choosing,
            saved=saved,
            may_save=links is not None and bool(owner),
            address=shown.filters.page_address(base),
        )

    if (
        shown.scan is not None
        or sum(len(one.inputs) + len(one.outputs) for one in records) > KEPT_BYTES
    ):
        return build()
    key = ("records", name, request.query_string)
    basis = (shown.version.bundle.digest, shown.page, saved)
    return render.cached_page(site, request, key, basis, build)


def csv(site: Site, request: Request, name: str) -> Response:
    """The same records as a file: `GET /models/{name}/records.csv`."""
    file = record_file(site, request, name)
    headers = {"content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.body, 200, "text/csv; charset=utf-8", headers, is_compressible=True)


def save_link(site: Site, request: Request, name: str) -> Response:
    """Save or remove one's link to a list of records: `POST /models/{name}/records/links`.

    Raises:
        InputError: the link is invalid.
        NotAllowed: nobody is logged in whose link it would be.
        StoreError: the links can't be changed.
    """
    _, sent = read_form(request, programs=f"/api/models/{name}")
    site.require_model(name, request.actor)
    owner, links = request.actor.owner, site.saved_links
    if links is None or not owner:
        raise NotAllowed("only somebody who is logged in can save a link", hint="copy its address")
    base, label, query = request.url(f"/models/{name}/records"), sent.get("label", ""), ""
    if "remove" in sent:
        links.remove(owner, name, sent["remove"])
        query = urlencode(parse_qsl(sent.get("query", ""), errors="replace"))
    else:
        query = links.save(owner, name, label, sent.get("query", "")).query
    return Response.redirect(f"{base}?{query}" if query else base)


def detail(site: Site, request: Request, record_id: str) -> Response:
    """One record, and the form for feedback: `GET /records/{record_id}`."""
    shown = record_detail(site, request, record_id)
    return _detail_page(site, request, shown, shown.feedback_texts)


def feedback(site: Site, request: Request, record_id: str) -> Response:
    """The form for feedback: `GET` and `POST /records/{record_id}/feedback`.

    It is for whoever may give feedback. Those who may see the record find it on the record's page;
    the others get a page that shows nothing of it.
    """
    record, signature = record_for_feedback(site, request.actor, record_id)
    is_visible, here = may_see(request.actor, record), request.url(f"/records/{record_id}")
    if request.method == "GET":
        if is_visible:
            return Response.redirect(f"{here}#feedback")
        return _feedback_page(site, request, record, signature, {})
    body, typed = read_form(request, programs=f"/api/records/{record_id}/feedback")
    try:
        truth, note = read_one(signature, body, FORM)
    except InvalidRows as error:
        if not is_visible:
            return _feedback_page(site, request, record, signature, typed, error.cells)
        shown = record_detail(site, request, record_id)
        return _detail_page(site, request, shown, typed, error.cells)
    give_feedback(site, request.actor, record, truth, note)
    return Response.redirect(f"{here}#feedback" if is_visible else f"{here}/feedback?saved=1")


def _feedback_page(
    site: Site,
    request: Request,
    record: Record,
    signature: Signature,
    values: Mapping[str, str],
    errors: Sequence[BadCell] = (),
) -> Response:
    form = widgets(feedback_signature(signature), values, errors)
    by_field = {widget.name for widget in form if widget.error}
    return render.page(
        site,
        request,
        "feedback.html",
        status=422 if errors else 200,
        model=site.deployments[record.model].choose(),
        record_id=record.id,
        widgets=form,
        errors=[str(cell) for cell in errors if cell.field not in by_field],
        is_saved="saved" in request.query and not errors,
    )


def _detail_page(
    site: Site,
    request: Request,
    shown: RecordDetail,
    values: Mapping[str, str],
    errors: Sequence[BadCell] = (),
) -> Response:
    inputs: dict[str, Any] = msgspec.json.decode(shown.record.inputs)
    fields = feedback_signature(shown.truth_rule)
    form = widgets(fields, values, errors) if shown.may_give_feedback else []
    by_field = {widget.name for widget in form if widget.error}
    return render.page(
        site,
        request,
        "record.html",
        status=422 if errors else 200,
        model=shown.version,
        shown=shown,
        record=shown.record,
        widgets=form,
        errors=[str(cell) for cell in errors if cell.field not in by_field],
        address=f"{request.origin}{request.url(f'/records/{shown.record.id}')}",
        curl=curl_command(predict_address(request, shown.version.name), inputs),
        here=request.url(f"/records/{shown.record.id}"),
        replay=_replay(site, request, shown),
        **_known(shown),
        **_explained(site, request, shown),
    )


def _explained(site: Site, request: Request, shown: RecordDetail) -> dict[str, Any]:
    """Why the version answered so, if the page is asked; and whether it can be asked."""
    version, record = shown.version, shown.record
    found: dict[str, Any] = {"why": None, "why_not": "", "may_explain": False}
    if not allowed(request.actor, Action.EXPLAIN, version.name) or site.explanations is None:
        return found
    if "why" not in request.query:
        return found | {"may_explain": has_curves(version)}
    try:
        served = site.deployments.get(record.model)
        version = site.explanations.version_of(record, served, site.versions)
    except NotFound as error:
        return found | {"why_not": f"Not explained: {error.message}; {error.hint}."}
    return found | explained(site, request, version, recorded_result(record, version))


def _replay(site: Site, request: Request, shown: RecordDetail) -> str:
    """The command that verifies this record on the version that made it, for whoever manages it."""
    record = shown.record
    if site.versions is None or not allowed(request.actor, Action.MANAGE, record.model):
        return ""
    since, until = (time_text(record.time_us + us)[:-1] for us in (0, 1_000))
    return f"podium replay {record.model} --verify --since {since} --until {until}"


def _known(shown: RecordDetail) -> dict[str, Any]:
    """The details of the version that made the prediction; none if another one is served now."""
    version = shown.version
    if shown.record.version != version.version:
        return {"headline": "", "among": None}
    among = among_answers(version.signature, version.bundle.baseline, shown.outputs)
    return {"headline": headline(version.card), "among": among}
