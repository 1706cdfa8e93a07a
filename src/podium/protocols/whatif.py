"""What if one field of a row had another value, in the API."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.access import Action
from podium.errors import BadCell, InvalidRows, MalformedBody
from podium.flow.answer import values_of
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.outputs import warning_value
from podium.signature.infer import json_value
from podium.table import Table
from podium.web.router import Route
from podium.web.site import Site
from podium.web.whatif import what_if


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked: a row as for a prediction, and the field that takes other values."""

    row: dict[str, Any]
    field: str


_QUESTION = msgspec.json.Decoder(Question)


def ask(site: Site, request: Request, name: str) -> Response:
    """The answers for the values of one field: `POST /api/models/{name}/whatif`.

    Raises:
        MalformedBody: the body isn't a row and a field.
        InvalidRows: some cells are invalid, or the field has no curve.
        InputError: the model has no curves.
        ModelError: the model failed.
    """
    version = site.champion(name, request.actor)
    try:
        question = _QUESTION.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(
            f"the body isn't a row and the name of a field: {error}",
            hint='send {"row": {...}, "field": "..."}',
        ) from error
    found = {one.name: one for one in version.signature.fields}
    if question.field not in found:
        raise _no_curve(question.field, "isn't a field of the model", version)
    body = PredictRequest(msgspec.json.encode(question.row), JSON, RequestContext())
    prepared = prepare(version, body)
    field = found[question.field]
    given = what_if(version, prepared.table, [field])
    if not given.curves:
        raise _no_curve(
            field.name, "has no values to try: it is a text or wasn't described", version
        )
    (own,) = values_of(version.signature, given.answer)
    (curve,) = given.curves
    answers = values_of(version.signature, curve.outputs)
    return Response.json(
        {
            "model": version.name,
            "version": version.version,
            "field": field.name,
            "value": json_value(_cell(prepared.table, field.name), field),
            **own,
            "warnings": [warning_value(one) for one in prepared.warnings],
            "curve": [
                {"value": label, **answer}
                for label, answer in zip(curve.grid.labels, answers, strict=True)
            ],
        }
    )


def _cell(table: Table, name: str) -> object:
    (row,) = table.rows()
    return row[name]


def _no_curve(name: str, problem: str, version: LoadedVersion) -> InvalidRows:
    known = ", ".join(one.name for one in version.signature.fields if one.type != "text")
    cell = BadCell(
        field=name,
        problem=problem,
        accepted=f"one of {known[:500]}" if known else "",
        code="unknown_field",
    )
    return InvalidRows([cell])


ROUTES = (
    Route(
        "api_whatif",
        ("POST",),
        "/api/models/{name}/whatif",
        ask,
        Action.PREDICT,
        is_prediction=True,
    ),
)
