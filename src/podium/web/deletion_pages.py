"""Pages that delete records after a confirmation, and the same in the API."""

from __future__ import annotations

from urllib.parse import urlencode

from podium.http import Request, Response
from podium.outbox.deletion import Deleted
from podium.web import render
from podium.web.deleting import (
    DeletionRequest,
    Step,
    delete_expected,
    delete_records,
    deletion_of,
    record_to_delete,
    step_of_one,
    step_of_several,
)
from podium.web.site import Site


def several(site: Site, request: Request, name: str) -> Response:
    """The page that asks whether to delete the filtered records, and the result once confirmed."""
    site.require_model(name, request.actor)
    is_sure = request.method == "POST"
    step = step_of_several(site, request.actor, name, request.query, is_sure=is_sure)
    records, wanted = request.url(f"/models/{name}/records"), step.wanted
    back = f"{records}?{urlencode(wanted.parameters)}" if wanted.parameters else records
    return _page(site, request, step, f"{records}/delete?{urlencode(wanted.confirmed)}", back)


def one(site: Site, request: Request, record_id: str) -> Response:
    """The page that asks whether to delete one record, and deletes it on confirmation."""
    step = step_of_one(site, request, record_id, is_sure=request.method == "POST")
    here = request.url(f"/records/{record_id}")
    records = request.url(f"/models/{step.wanted.model}/records")
    return _page(site, request, step, f"{here}/delete", here if step.is_pending else records)


def delete_several(site: Site, request: Request, name: str) -> Response:
    """Delete the filtered records: `DELETE /api/models/{name}/records?expect=12`."""
    site.require_model(name, request.actor)
    wanted = deletion_of(site, request.actor, name, request.query)
    return _as_json(wanted, delete_expected(site, request.actor, wanted, request.query))


def delete_one(site: Site, request: Request, record_id: str) -> Response:
    """Delete one record: `DELETE /api/records/{record_id}`."""
    _, wanted = record_to_delete(site, request, record_id)
    return _as_json(wanted, delete_records(site, request.actor, wanted.selection))


def _as_json(wanted: DeletionRequest, deleted: Deleted) -> Response:
    left = 0 if deleted.is_all else max(wanted.count.n_records - deleted.n_records, 0)
    return Response.json({"deleted": deleted.n_records, "remaining": left})


def _page(site: Site, request: Request, step: Step, here: str, back: str) -> Response:
    version = site.champion(step.wanted.model, request.actor)
    return render.page(site, request, "delete.html", model=version, step=step, here=here, back=back)
