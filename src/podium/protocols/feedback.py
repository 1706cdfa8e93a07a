"""Ground truth by the API: for one record, or for many in one request."""

from __future__ import annotations

from podium.access import Action
from podium.http import Request, Response
from podium.web.feedback import give_feedback, give_feedback_many, read_one, record_for_feedback
from podium.web.router import LISTED, Route
from podium.web.site import Site


def put(site: Site, request: Request, record_id: str) -> Response:
    """Say what really happened: `PUT /api/records/{record_id}/feedback`."""
    record, signature = record_for_feedback(site, request.actor, record_id)
    truth, note = read_one(signature, request.body, request.media)
    give_feedback(site, request.actor, record, truth, note)
    return Response.json({"id": record.id, "truth": truth, "note": note})


def post(site: Site, request: Request, name: str) -> Response:
    """The same for many records: `POST /api/models/{name}/feedback`."""
    version = site.champion(name, request.actor)
    return Response.json(
        give_feedback_many(site, request.actor, version, request.body, request.media)
    )


_ONE, _MANY = "/api/records/{record_id}/feedback", "/api/models/{name}/feedback"
ROUTES = (
    Route("api_feedback", ("PUT",), _ONE, put, LISTED, reads=True),
    Route("api_feedback_of_many", ("POST",), _MANY, post, Action.FEEDBACK, reads=True),
)
