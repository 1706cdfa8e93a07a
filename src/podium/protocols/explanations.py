"""Why a model gives an answer, in the API."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action
from podium.errors import BadCell, InputError, InvalidRows, MalformedBody
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.policy.authority import require
from podium.signature import Label
from podium.signature.labels import label_text
from podium.web.explaining import Explanations, explanation_value
from podium.web.form_page import row_of
from podium.web.router import LISTED, Route
from podium.web.site import Site
from podium.web.visible_records import visible_record


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be explained.

    Attributes:
        row: as for a prediction.
        output: the name of the output, where there are several.
        label: the class whose probability is explained; the one that is predicted by default.
    """

    row: dict[str, Any]
    output: str | None = None
    label: Label | None = None


_QUESTION = msgspec.json.Decoder(Question)


def explain(site: Site, request: Request, name: str) -> Response:
    """Why the model answers as it does to a row: `POST /api/models/{name}/explain`.

    Raises:
        MalformedBody: the body isn't a question.
        InvalidRows: some cells are invalid, or there is no such output or class.
        InputError: the model can't be explained.
        RateLimited: the actor had too many explanations.
        ModelError: the model failed.
    """
    require(request.actor, Action.PREDICT, name)
    version, explanations = site.champion(name, request.actor), explanations_of(site)
    try:
        question = _QUESTION.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(
            f"the body isn't a row to explain: {error}", hint='send {"row": {...}}'
        ) from error
    body = PredictRequest(msgspec.json.encode(question.row), JSON, RequestContext())
    row = prepare(version, body).table
    output, label = _places(version, question)
    explanations.take(request.actor, request.address)
    found = explanations.explain(version, row, output=output, label=label, store=site.store)
    return Response.json(_named(version) | explanation_value(version, found))


def explain_record(site: Site, request: Request, record_id: str) -> Response:
    """Why a recorded prediction is as it is: `GET /api/records/{record_id}/explanation`.

    It is computed again, on the version that made the prediction.

    Raises:
        NotFound: there is no such record for the actor, or its version is gone.
        NotAllowed: they may not see explanations.
        InputError: the model can't be explained.
        RateLimited: the actor had too many explanations.
        ModelError: the model failed.
    """
    record, _ = visible_record(site, request.actor, record_id)
    require(request.actor, Action.EXPLAIN, record.model)
    explanations = explanations_of(site)
    served = site.deployments.get(record.model)
    version = explanations.version_of(record, served, site.versions)
    explanations.take(request.actor, request.address)
    found = explanations.explain(version, row_of(version, record.inputs), store=site.store)
    return Response.json({"id": record.id} | _named(version) | explanation_value(version, found))


def explanations_of(site: Site) -> Explanations:
    """What explains predictions here.

    Raises:
        InputError: nothing does.
    """
    if site.explanations is None:
        raise InputError("answers can't be explained here")
    return site.explanations


def _named(version: LoadedVersion) -> dict[str, Any]:
    return {"model": version.name, "version": version.version}


def _places(version: LoadedVersion, question: Question) -> tuple[int, int | None]:
    """The positions of the output and of the class.

    Raises:
        InvalidRows: there is no such output or class.
    """
    outputs = version.signature.outputs
    names = [one.name for one in outputs]
    if question.output is not None and question.output not in names:
        raise _unknown("output", question.output, names)
    output = 0 if question.output is None else names.index(question.output)
    if question.label is None:
        return output, None
    classes = [label_text(label) for label in outputs[output].classes]
    if label_text(question.label) not in classes:
        raise _unknown("label", label_text(question.label), classes)
    return output, classes.index(label_text(question.label))


def _unknown(what: str, value: str, known: list[str]) -> InvalidRows:
    accepted = f"one of {', '.join(known)[:500]}" if known else "nothing: the model has no classes"
    cell = BadCell(
        field=what, value=value[:80], problem="isn't known", accepted=accepted, code="invalid"
    )
    return InvalidRows([cell])


ROUTES = (
    Route("api_explain", ("POST",), "/api/models/{name}/explain", explain, Action.EXPLAIN),
    Route(
        "api_explanation",
        ("GET",),
        "/api/records/{record_id}/explanation",
        explain_record,
        LISTED,
        reads=True,
    ),
)
